"""The wheel holds `zoo` alone: a `datasets` in it would overwrite another package's."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "zoo/__init__.py").read_text())

HEADS = ["scikit-learn>=1.7,<2", "xgboost>=3.0,<4", "skops>=0.13,<1"]
TENSORFLOW = ["tensorflow>=2.21,<2.22"]

setup(
    name="duchenne",
    version=VERSION.group(1),
    description="Keras models that tell genuine from posed facial expressions",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["zoo", "zoo.*"]),
    python_requires=">=3.11,<3.14",
    # As in requirements.txt, which has the reasons. Keras needs a backend: the extras.
    install_requires=["keras>=3.15,<3.16", "numpy>=2.3,<2.6", "safetensors>=0.5,<1"],
    extras_require={"tensorflow": TENSORFLOW, "heads": HEADS},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)

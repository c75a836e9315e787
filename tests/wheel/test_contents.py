"""What the source distribution and the wheel hold."""

import configparser
import email
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from zoo._extras import EXTRAS


@pytest.fixture(scope="module")
def names(built):
    """The wheel's files."""
    with zipfile.ZipFile(built.wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def read(built):
    """Function from the name of a file of the wheel's .dist-info to its text."""
    with zipfile.ZipFile(built.wheel) as archive:
        yield lambda name: archive.read(f"{built.name}.dist-info/{name}").decode()


@pytest.fixture(scope="module")
def metadata(read):
    return email.message_from_string(read("METADATA"))


def needed(metadata, extra=None):
    """The requirements of an extra, or of the core."""
    parts = [(n.split(";") + [""])[:2] for n in metadata.get_all("Requires-Dist")]
    marker = f'extra == "{extra}"' if extra else ""
    return {need.strip() for need, found in parts if found.strip() == marker}


def test_the_source_distribution_holds_everything(built):
    with tarfile.open(built.sdist) as archive:
        files = [member.name for member in archive if member.isfile()]
    assert all(name.startswith(f"{built.name}/") for name in files)
    held = built.given(name.removeprefix(f"{built.name}/") for name in files)
    assert held == built.sources


def test_the_wheel_holds_zoo_alone(built, names):
    info = f"{built.name}.dist-info/"
    ours = {name for name in names if not name.startswith(info)}
    assert ours == {path for path in built.sources if path.startswith("zoo/")}
    assert {"zoo/__init__.py", "zoo/inputs/__init__.py"} <= ours
    assert f"{info}licenses/LICENSE" in names


def test_the_console_script(read):
    scripts = configparser.ConfigParser()
    scripts.read_string(read("entry_points.txt"))
    assert dict(scripts["console_scripts"]) == {"duchenne": "zoo.cli:main"}


def test_the_core_needs_keras_numpy_and_safetensors(metadata):
    packages = {re.match(r"[\w-]+", need).group() for need in needed(metadata)}
    assert packages == {"keras", "numpy", "safetensors"}


def test_extras_are_those_that_errors_name(metadata):
    assert sorted(metadata.get_all("Provides-Extra")) == sorted([*EXTRAS, "all"])
    every = [needed(metadata, extra) for extra in EXTRAS]
    assert all(every)
    assert needed(metadata, "all") == set().union(*every)


def test_the_wheel_works_without_the_checkout(built, tmp_path):
    shutil.unpack_archive(built.wheel, tmp_path, "zip")
    code = "import zoo; print(zoo.__file__, zoo.ShallowCNN().count_params())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout and "7947818" in done.stdout

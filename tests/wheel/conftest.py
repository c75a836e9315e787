"""The source distribution and the wheel, built without a network in a clean place."""

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest

import zoo

ROOT = Path(zoo.__file__).parents[1]
NAME = f"duchenne-{zoo.__version__}"
BUILD = (
    "import sys; from setuptools import build_meta; build_meta.build_{}(sys.argv[1])"
)
# What setuptools adds to a source distribution.
GENERATED = re.compile(r"PKG-INFO|setup\.cfg|duchenne\.egg-info/.*")


class Built(NamedTuple):
    name: str  # duchenne-VERSION
    sources: set  # the paths of the project's files
    sdist: Path
    unpacked: Path
    wheel: Path

    def given(self, names):
        """Those names that setuptools did not generate."""
        return {name for name in names if not GENERATED.fullmatch(name)}


def sources():
    """Paths of the project's files: git's, or all of an unpacked sdist."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        # In a container the checkout may belong to somebody else, whom git mistrusts.
        command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached"]
        command += ["--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        paths = listed.stdout.decode().rstrip("\0").split("\0")
        return {path for path in paths if (ROOT / path).is_file()}
    paths = [path for path in ROOT.rglob("*") if path.is_file()]
    unwanted = {"__pycache__", ".pytest_cache", ".ruff_cache", ".venv", "runs", "build"}
    names = {p.relative_to(ROOT) for p in paths if unwanted.isdisjoint(p.parts)}
    return {str(name) for name in names if not GENERATED.fullmatch(str(name))}


def build(kind, folder, out):
    # Without pip: nothing can be downloaded.
    command = [sys.executable, "-c", BUILD.format(kind), str(out)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The source distribution, and the wheel that is built from that."""
    pytest.importorskip("setuptools", "77")
    folder = tmp_path_factory.mktemp("built")
    paths = sources()
    for path in paths:
        (folder / "copy" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / "copy" / path)
    sdist, unpacked = folder / f"{NAME}.tar.gz", folder / "unpacked"
    build("sdist", folder / "copy", folder)
    with tarfile.open(sdist) as archive:
        # Python 3.11.3 and before have no filters.
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(unpacked, **safe)
    build("wheel", unpacked / NAME, folder)
    wheel = folder / f"{NAME}-py3-none-any.whl"
    return Built(NAME, paths, sdist, unpacked / NAME, wheel)

"""The wheel in a clean environment, beside Hugging Face's `datasets`.

Packages are downloaded, so this is not among the offline tests: `make test-wheel`.
"""

import json
import os
import re
import subprocess
import sys
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.network

# Imports every module of zoo, and has everything tried that lacks its package.
CORE = """
import importlib, json, pathlib, pkgutil, sys, keras, zoo
from zoo import _tables

def said(use):
    try:
        use()
    except ImportError as error:
        return str(error)

modules = {
    name: said(lambda: importlib.import_module(name))
    for _, name, _ in pkgutil.walk_packages(zoo.__path__, "zoo.")
    if not name.endswith("__main__")
}
from zoo.inputs.face_tracking import opencv
model = zoo.GrammaticalLSTM()
uses = {
    "heads": said(zoo.heads.svm),
    "video": said(opencv),
    "tables": said(lambda: _tables.check(pathlib.Path("results.parquet"))),
    "export": said(lambda: zoo.export.onnx(model, "model.onnx")),
}
print(json.dumps({"file": zoo.__file__, "modules": modules, "uses": uses}))
"""

# The files of Hugging Face's package that are not what was installed.
CHANGED = """
import base64, hashlib, json
from importlib.metadata import distribution
files = [file for file in distribution("datasets").files if file.hash]
def digest(file):
    made = hashlib.new(file.hash.mode, file.read_binary()).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
changed = [str(file) for file in files if digest(file) != file.hash.value]
import datasets
print(json.dumps([len(files), changed, datasets.__file__, callable(datasets.Dataset)]))
"""

BOTH = """
import json, zoo, datasets
print(json.dumps([zoo.__file__, datasets.__file__, datasets.load_dataset.__module__]))
"""


class Environment:
    """A virtual environment, used from a folder that holds nothing of ours."""

    def __init__(self, folder):
        self.folder, self.bin = folder, folder / "venv" / "bin"
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir()
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)

    def run(self, program, *arguments):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        done = subprocess.run(
            [str(self.bin / program), *map(str, arguments)],
            cwd=self.elsewhere,
            env=kept,
            timeout=900,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def code(self, text):
        """What a program printed last, as JSON."""
        return json.loads(self.run("python", "-c", text).splitlines()[-1])

    def pip(self, *arguments):
        return self.run(
            "python", "-m", "pip", "--disable-pip-version-check", *arguments
        )

    def install(self, *packages):
        # Most of their modules are never imported here: not compiling them saves time.
        self.pip("install", "-q", "--no-compile", *packages)


class Seen(NamedTuple):
    """What was seen while packages came and went."""

    environment: Environment
    core: dict  # with a backend and nothing else
    both: list
    check: str
    changed: list  # after installing ours
    commands: list
    example: str
    left: tuple  # after uninstalling ours


@pytest.fixture(scope="module")
def seen(built, tmp_path_factory):
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.install(f"{built.wheel}[tensorflow]")
    core = environment.code(CORE)
    extras = f"{built.wheel}[tensorflow,heads,video,tables]"
    environment.install(extras, "datasets==5.2.0")
    example = built.unpacked / "examples" / "transfer_learning" / "train.py"
    stages = [
        environment,
        core,
        environment.code(BOTH),
        environment.pip("check"),
        environment.code(CHANGED),
        [environment.run("duchenne", "list"), environment.run("duchenne", "--help")],
        environment.run("python", example),
    ]
    environment.pip("uninstall", "-q", "-y", "duchenne")
    zoo = environment.run(
        "python", "-c", "import importlib.util as u; print(u.find_spec('zoo'))"
    )
    return Seen(*stages, (environment.code(CHANGED), zoo.strip()))


def test_ours_is_the_installed_one(seen):
    assert seen.core["file"].startswith(str(seen.environment.folder))


def test_modules_import_with_a_backend_alone_or_name_the_extra(seen):
    said = seen.core["modules"]
    assert len(said) > 30
    failed = {name: text for name, text in said.items() if text is not None}
    assert {k: v for k, v in failed.items() if 'install "duchenne[' not in v} == {}


@pytest.mark.parametrize("extra", ["heads", "video", "tables", "export"])
def test_a_missing_extra_names_its_command(seen, extra):
    assert f'pip install "duchenne[{extra}]"' in seen.core["uses"][extra]


def test_both_import_and_agree(seen):
    ours, theirs, module = seen.both
    assert ours != theirs and "/site-packages/datasets/" in theirs
    assert module == "datasets.load"
    assert seen.check.strip() == "No broken requirements found."


def test_theirs_stays_whole(seen):
    for count, changed, file, usable in [seen.changed, seen.left[0]]:
        assert count > 100 and changed == []
        assert "/site-packages/datasets/" in file and usable


def test_nothing_of_ours_stays(seen):
    assert seen.left[1] == "None"
    assert not (seen.environment.bin / "duchenne").exists()


def test_the_console_script_runs(seen):
    assert "inception_v4" in seen.commands[0]
    assert "predict" in seen.commands[1]


def test_the_example(seen):
    accuracies = re.findall(r"accuracy (\d\.\d+)", seen.example)
    network, pruned, logistic, majority = map(float, accuracies)
    assert min(network, pruned, logistic) > majority + 0.1
    full, left = map(int, re.findall(r"(\d+) hidden units", seen.example))
    assert 0 < left < full == 64
    assert "random" in seen.example
    differences = re.findall(r"difference of (\S+)", seen.example)
    assert len(differences) == 2 and max(map(float, differences)) < 1e-4

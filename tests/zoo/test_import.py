"""`import zoo` is quiet, and on top of `import keras` it brings nothing but zoo."""

import ast
import json
import os
import pathlib
import subprocess
import sys

import pytest

import zoo
from zoo._extras import EXTRAS

ROOT = pathlib.Path(zoo.__file__).parents[1]

# Hidden from both, as Keras and TensorFlow import some of them where they are there.
OPTIONAL = """
cv2 dlib face_recognition_models imgaug joblib matplotlib onnx onnxruntime openpyxl
pandas PIL pyarrow python_calamine safetensors scipy skimage skops sklearn tensorboard
tf2onnx tqdm xgboost
""".split()

CODE = """
import json, sys, warnings

class Hidden:
    asked = []

    def find_spec(self, name, path=None, target=None):
        if name in OPTIONAL:
            self.asked.append(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
import keras
before = set(sys.modules)
Hidden.asked.clear()
warnings.simplefilter("always")
for stream in [sys.stdout, sys.stderr]:
    print("MARK", file=stream, flush=True)
import zoo
added = {name.partition(".")[0] for name in set(sys.modules) - before}
print("MARK")
asked = list(Hidden.asked)

import importlib, pkgutil
failed = {}
for _, name, _ in pkgutil.walk_packages(zoo.__path__, "zoo."):
    if not name.endswith(".__main__"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            failed[name] = str(error)
print(json.dumps([sorted(added - set(sys.stdlib_module_names)), asked, failed]))
"""

# What zoo needs, what comes with it, and the backends; each backend where it is in use.
CORE = {"keras", "numpy", "safetensors", "h5py", "rich", "tensorflow", "jax", "torch"}
PACKAGES = {
    "tensorflow": {"tensorflow"},
    "heads": {"sklearn", "xgboost", "skops"},
    "video": {"cv2", "PIL", "av", "ai_edge_litert", "pooch"},
    "dlib": {"dlib"},
    "tables": {"pandas", "python_calamine", "pyarrow"},
    "export": {"onnx", "onnxruntime", "onnxscript", "tf2onnx", "ai_edge_litert"},
}


@pytest.fixture(scope="module")
def imported():
    command = [sys.executable, "-c", CODE.replace("OPTIONAL", repr(OPTIONAL))]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_nothing_but_zoo_is_imported(imported):
    assert imported.returncode == 0, imported.stderr
    added, asked, _ = json.loads(imported.stdout.splitlines()[-1])
    assert added == ["zoo"]
    assert asked == []


def test_nothing_is_printed(imported):
    assert imported.stdout.split("MARK\n")[1] == ""
    assert imported.stderr.split("MARK\n")[1] == ""


def test_modules_import_or_name_the_extra(imported):
    *_, failed = json.loads(imported.stdout.splitlines()[-1])
    assert {k: v for k, v in failed.items() if 'install "duchenne[' not in v} == {}


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


def optional_calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "optional":
            modules, extra = node.args
            for module in ast.walk(modules):
                if isinstance(module, ast.Constant) and isinstance(module.value, str):
                    yield module.value.partition(".")[0], extra.value


def test_packages_of_extras_come_through_optional():
    assert set(PACKAGES) == set(EXTRAS)
    allowed = CORE | {"zoo"} | set(sys.stdlib_module_names)
    wrong, asked = set(), set()
    for path in (ROOT / "zoo").rglob("*.py"):
        tree = ast.parse(path.read_text())
        wrong |= {(path.name, package) for package in set(imports(tree)) - allowed}
        asked |= set(optional_calls(tree))
    assert wrong == set()
    assert {name for name, extra in asked if name not in PACKAGES[extra]} == set()
    assert {extra for _, extra in asked} >= {"heads", "video", "tables", "export"}


def test_without_a_backend_the_command_that_installs_one_is_told():
    absent = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": ""}
    code = "import sys; sys.modules['jax'] = None; import zoo"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=absent, capture_output=True
    )
    last = done.stderr.decode().strip().splitlines()[-1]
    assert done.returncode == 1 and "there is no jax" in last
    assert 'pip install "duchenne[tensorflow]"' in last and "KERAS_BACKEND" in last

"""What is installed, and what is only in the checkout."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

import datasets
import experiments
import zoo

ROOT = pathlib.Path(zoo.__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("setuptools", "77")
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".*", "runs", "build", "dist", "__pycache__")
    shutil.copytree(ROOT, folder / "source", ignore=ignored)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "-q", "-w", str(folder), str(folder / "source")]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_zoo_alone(wheel):
    assert wheel.name.startswith(f"duchenne-{zoo.__version__}-py3-none-any")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"zoo", f"duchenne-{zoo.__version__}.dist-info"}
    modules = {f"zoo/{path.name}" for path in (ROOT / "zoo").glob("*.py")}
    assert modules <= set(names)


def test_the_wheel_works_without_the_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import zoo; print(zoo.__file__, zoo.ShallowCNN().count_params())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout and "7947818" in done.stdout


def run(*arguments, cwd=ROOT, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_another_package_called_datasets_is_noticed(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("")
    done = run(
        *["-c", "import sys; sys.path.append('.'); import experiments"],
        PYTHONPATH=str(tmp_path),
        PYTHONSAFEPATH="1",
    )
    assert done.returncode != 0
    assert str(tmp_path / "datasets") in done.stderr
    assert "python -m experiments.NAME" in done.stderr


def test_a_study_started_as_a_script_says_how_to_start_it():
    done = run("experiments/nvie_cnn.py")
    assert done.returncode == 1
    assert "python -m experiments.nvie_cnn" in done.stderr
    assert "Traceback" not in done.stderr


def test_packages_are_ours():
    for package in [datasets, experiments, zoo]:
        assert pathlib.Path(package.__file__).is_relative_to(ROOT)


def test_zoo_imports_neither_datasets_nor_experiments():
    for path in (ROOT / "zoo").glob("*.py"):
        text = path.read_text()
        assert "import datasets" not in text and "from datasets" not in text
        assert "import experiments" not in text and "from experiments" not in text
        assert "keras.src" not in text

"""What is in the checkout alone, and how another `datasets` in its place is noticed."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

import datasets
import experiments
import zoo

ROOT = pathlib.Path(zoo.__file__).parents[1]


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


@pytest.mark.parametrize("name", [*experiments.STUDIES, "all"])
def test_a_study_started_as_a_script_says_how_to_start_it(name):
    done = run(f"experiments/{name}.py")
    assert done.returncode == 1
    assert f"python -m experiments.{name}" in done.stderr
    assert "Traceback" not in done.stderr


def test_packages_are_ours():
    for package in [datasets, experiments, zoo]:
        assert pathlib.Path(package.__file__).is_relative_to(ROOT)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_zoo_imports_neither_datasets_nor_experiments():
    for path in (ROOT / "zoo").rglob("*.py"):
        for name in imported(path):
            assert name.split(".")[0] not in {"datasets", "experiments"}, path
            assert not f"{name}.".startswith("keras.src."), path

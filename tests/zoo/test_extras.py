import sys

import pytest
import sklearn.svm

import zoo
from zoo._extras import EXTRAS, optional


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Writes packages that can be imported: `packages(name, text of __init__)`."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(name, text):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


class Hidden:
    """An import hook, for a package that is to look as if it were not installed."""

    def __init__(self, package):
        self.package = package

    def find_spec(self, name, path=None, target=None):
        if name == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_what_is_installed_is_returned():
    assert optional("sklearn", "heads") is sklearn
    assert optional("sklearn.svm", "heads") is sklearn.svm


@pytest.mark.parametrize("name", ["absent_package", "absent_package.part.of_it"])
@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_package_names_the_command(name, extra):
    with pytest.raises(ModuleNotFoundError) as caught:
        optional(name, extra)
    said = str(caught.value)
    assert said.startswith("The package absent_package is not installed")
    assert EXTRAS[extra] in said
    assert said.endswith(f'pip install "duchenne[{extra}]"')
    assert caught.value.name == "absent_package"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import absent_package", "No module named 'absent_package'"),
        ("from os import no_such_name", "no_such_name"),
        ("raise OSError('libGL.so.1: cannot open')", "OSError: libGL.so.1: cannot"),
    ],
)
def test_a_package_that_fails_to_import_says_why(packages, text, reason):
    packages("broken_package", text)
    with pytest.raises(ImportError, match="broken_package is installed, but") as caught:
        optional("broken_package", "video")
    assert not isinstance(caught.value, ModuleNotFoundError)
    assert reason in str(caught.value)
    assert 'pip install "duchenne[video]"' in str(caught.value)
    assert caught.value.__cause__ is not None


def test_another_version_of_the_package(packages):
    packages("whole_package", "")
    assert optional("whole_package", "export").__name__ == "whole_package"
    with pytest.raises(ImportError, match="whole_package.part could not be imported"):
        optional("whole_package.part", "export")


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("sklearn", lambda folder: zoo.heads.svm()),
        ("sklearn", lambda folder: zoo.heads.logistic()),
        ("xgboost", lambda folder: zoo.heads.xgboost()),
        ("xgboost", lambda folder: zoo.heads.load(folder / "head.json")),
        ("skops", lambda folder: zoo.heads.load(folder / "head.skops")),
        ("skops", lambda folder: zoo.heads.save(sklearn.svm.SVC(), folder)),
    ],
)
def test_heads_without_their_packages(package, use, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Hidden(package), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match=rf"{package} is.+duchenne\[heads\]"):
        use(tmp_path)

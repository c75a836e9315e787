"""Whether a run folder is complete: everything that its report lists can be read."""

import json
import re
import zipfile

import pandas as pd
from PIL import Image

SAVED = ["saved_model.pb", "variables/variables.index"]


def complete(folder):
    """Checks a run folder.

    Raises:
        AssertionError: something is missing, or there is what does not belong there.
    """
    told = (folder / "report.md").read_text()
    figures = re.findall(r"!\[.*?\]\((.+?)\)", told)
    files = re.findall(r"^- `(.+?)`: ", told.split("## Files")[1], re.MULTILINE)
    assert len(figures) >= 1 and len(files) >= 5, told
    assert {"config.json", "metrics.json", "predictions.csv"} <= set(files)
    for name in [*figures, *files]:
        found = list(
            folder.glob(name.replace("EXPRESSION", "*").replace("EMOTION", "*"))
        )
        assert found, f"{folder} has no {name}"
        for path in found:
            readable(path)
    for path in folder.rglob("*"):
        readable(path)
        assert "partial" not in path.name and path.name != "work", path


def readable(path):
    """Reads a file to its end, or what a SavedModel consists of."""
    if path.is_dir():
        if path.name.endswith("saved_model"):
            assert all((path / name).stat().st_size for name in SAVED), path
    elif path.suffix == ".json":
        json.loads(path.read_text(), parse_constant=no_number)
    elif path.suffix in (".keras", ".skops"):
        with zipfile.ZipFile(path) as file:
            assert file.testzip() is None, path
    elif path.suffix == ".csv":
        if path.stat().st_size > 5:  # a table without columns is empty
            pd.read_csv(path)
    elif path.suffix == ".png":
        with Image.open(path) as picture:
            picture.load()
    elif path.suffix in (".md", ".ubj", ".pb"):
        assert path.stat().st_size, path


def no_number(text):
    raise AssertionError(f"{text} in a JSON file")

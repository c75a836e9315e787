"""Tables of results: of each kind the same, whole or not there."""

import csv
import json
import os
import sys

import pytest

from tests.zoo.runs.helpers import rows, run
from zoo import _tables


@pytest.mark.parametrize("ending", [".json", ".parquet"])
def test_each_kind_has_the_same(ending, trained, given, out):
    arguments = ["predict", trained("pictures"), given / "photos", given / "clip.mp4"]
    if ending == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
    assert run(*arguments, "--out", out) == 0
    assert run(*arguments, "--out", out.with_suffix(ending)) == 0
    for name in ["results", "results.frames"]:
        path = out.with_name(f"{name}{ending}")
        if ending == ".json":
            found = json.loads(path.read_text())
        else:
            table = parquet.read_table(path)
            found, types = table.to_pylist(), map(str, table.schema.types)
            kinds = dict(zip(table.schema.names, types, strict=True))
            assert kinds["probability"] == "double" and kinds["input"] == "string"
        text = [
            {k: "" if v is None else str(v) for k, v in row.items()} for row in found
        ]
        assert text == rows(out.with_name(f"{name}.csv"))
    assert found[0]["frame"] == 0 and isinstance(found[0]["probability"], float)


def test_without_pyarrow_the_extra_is_named(trained, given, out, monkeypatch, capsys):
    place = out.with_suffix(".parquet")
    arguments = ["predict", trained("whole"), given / "photos", "--out", place]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run(*arguments) == 2
    assert 'pip install "duchenne[tables]"' in capsys.readouterr().err
    assert list(out.parent.iterdir()) == []


NAME = 'a, "b"\n[/red]\r\' é'
WRITTEN = [{"input": NAME, "probability": 0.25, "face": 1}, {"note": "none"}]


@pytest.mark.parametrize("ending", [".csv", ".json", ".parquet"])
def test_a_table_holds_any_text_and_leaves_out_nothing(ending, tmp_path):
    if ending == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
    columns, path = ["input", "face", "probability", "note"], tmp_path / f"a{ending}"
    surrogate = os.fsdecode(b"\xff.jpg")
    with _tables.writing(path, columns) as table:
        for row in [*WRITTEN, {"input": surrogate}]:
            table(row)
        assert not path.exists()
    if ending == ".csv":
        with open(path, newline="") as file:
            found = list(csv.reader(file))
        assert found[:3] == [columns, [NAME, "1", "0.25", ""], ["", "", "", "none"]]
        assert found[3][0] == r"\udcff.jpg"
        return
    if ending == ".json":
        found = json.loads(path.read_text())
        assert found[2]["input"] == surrogate
    else:
        found = parquet.read_table(path).to_pylist()
        assert found[2]["input"] == r"\udcff.jpg"
    nothing = dict.fromkeys(columns)
    assert found[:2] == [nothing | row for row in WRITTEN]


@pytest.mark.parametrize("ending", [".csv", ".json", ".parquet"])
def test_a_table_is_complete_or_as_before(ending, tmp_path):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"a{ending}"
    for before in [None, "as it was"]:
        if before:
            path.write_text(before)
        with pytest.raises(KeyboardInterrupt):
            with _tables.writing(path, ["input"]) as table:
                table({"input": "a"})
                raise KeyboardInterrupt
        assert path.exists() == bool(before)
        assert [p.name for p in tmp_path.iterdir()] == ([path.name] if before else [])
    assert path.read_text() == "as it was"
    with _tables.writing(path, ["input"]):
        pass
    assert path.read_bytes()[:3] in (b"inp", b"[]\n", b"PAR")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_must_not_be_written_to(trained, given, tmp_path, capsys):
    tmp_path.chmod(0o500)
    place = tmp_path / "a.csv"
    assert run("predict", trained("whole"), given / "photos", "--out", place) == 2
    assert "must not be written to" in capsys.readouterr().err
    tmp_path.chmod(0o700)

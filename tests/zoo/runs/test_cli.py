"""The command line: its use, what goes in and out of it, how it ends."""

import csv
import io
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

import zoo
from tests.zoo.runs.helpers import rows, run
from zoo import _files
from zoo.cli import main
from zoo.inputs import pictures

ROOT = pathlib.Path(zoo.__file__).parents[1]


def test_list(capsys):
    assert run("list") == 0
    told = capsys.readouterr().out
    for name in zoo.list_models():
        assert name in told
    assert run("list", "pupil*") == 0
    told = capsys.readouterr().out
    assert "pupil_lstm" in told and "inception" not in told
    assert run("list", "nothing*") == 2
    assert "nothing*" in capsys.readouterr().err


def test_info(capsys):
    assert run("info", "inception_v4") == 0
    told = capsys.readouterr().out
    parameters = zoo.model_info("inception_v4").parameters
    assert f"{parameters:,}" in told and "Szegedy" in told
    assert run("info", "inception_v5") == 2
    assert "error: " in capsys.readouterr().err


def test_the_card_is_the_report(trained, tmp_path, capsys):
    folder = trained("whole")
    assert run("card", folder) == 0
    assert capsys.readouterr().out == (folder / "README.md").read_text("utf-8")
    unfinished = tmp_path / ".unfinished-20300101-1"
    shutil.copytree(folder, unfinished)
    (tmp_path / "empty").mkdir()
    for name, told in [
        ("nowhere", "there is nothing"),
        (unfinished.name, "interrupted. Finish it with --resume"),
        ("empty", "it has no README.md"),
    ]:
        assert run("card", tmp_path / name) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and told in error and name in error


def test_wrong_use(trained, given, tmp_path, capsys):
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert "usage" in shown and "--dataset own --data-dir FOLDER" in shown
    assert run("--version") == 0
    assert capsys.readouterr().out == f"duchenne {zoo.__version__}\n"
    for arguments in [["predict"], ["predict", "run"], ["guess"], ["info"]]:
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2
    capsys.readouterr()
    photos, points = given / "photos", given / "points"
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "a.frames.csv").mkdir()
    cases = [
        ([tmp_path, photos], "no serving.json"),
        ([trained("pictures"), tmp_path / "nowhere.jpg"], "there is no file or folder"),
        ([trained("pictures"), tmp_path / "empty"], "no file for this run in"),
        ([trained("pictures"), points], "expected files that end in .jpg"),
        ([trained("pictures"), photos, "--part", "anger"], "no part 'anger'"),
        ([trained("pictures"), photos, "--out", tmp_path / "a.txt"], ".csv, .json"),
        ([trained("pictures"), photos, "--out", tmp_path / "folder.csv"], "r.csv is a"),
        ([trained("pictures"), photos, "--out", tmp_path / "a.csv"], "frames.csv is a"),
        ([trained("pictures"), photos, "--out", tmp_path / "b/a.csv"], "no folder"),
        ([trained("points"), points, "--whole"], "--whole has no effect"),
        ([trained("points"), points, "--annotate", tmp_path / "d"], "--annotate draws"),
    ]  # fmt: skip
    for arguments, told in cases:
        assert run("predict", *arguments) == 2, told
        error = capsys.readouterr().err
        assert error.startswith("error: ") and told in error
        assert error.count("\n") == 1 and "Traceback" not in error
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"empty", "folder.csv", "a.frames.csv"}


def test_names_on_standard_input(trained, given, out, monkeypatch, tmp_path, capsys):
    odd = tmp_path / os.fsdecode(b"\xe9\xff x\x0c.png ")
    shutil.copy(given / "photos" / "one face.png", odd)
    names = [given / "photos" / "nobody.bmp", odd]
    content = b"\n".join(map(os.fsencode, names)) + b"\r\n\n  \n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run("predict", trained("whole"), "-", "--out", out) == 0
    told = [row["input"] for row in rows(out)]
    assert told == [str(names[0]), str(tmp_path / "\\udce9\\udcff x\x0c.png ")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    assert run("predict", trained("whole"), "-") == 2
    assert "expected the names of files" in capsys.readouterr().err


def test_what_is_no_terminal_gets_csv(trained, given, out, capsys):
    arguments = ["predict", trained("pictures"), given / "photos", given / "clip.mp4"]
    assert run(*arguments, "--out", out) == 0
    capsys.readouterr()
    assert run(*arguments) == 0
    said = capsys.readouterr()
    assert said.out == out.read_text()
    assert "5 answers" in said.err or "4 answers" in said.err


def test_people_get_a_table(trained, mixed, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "300")
    (mixed / "g [").mkdir()
    (mixed / "g [" / "red].png").write_text("text")
    assert run("predict", trained("pictures"), mixed) == 1
    told = capsys.readouterr().out
    for word in ["probability", "b text.jpg", "d [red]", "g [/red].png", "error"]:
        assert word in told
    assert "part" not in told.split("\n")[0]


def started(*arguments, **options):
    command = [sys.executable, "-m", "zoo", *map(os.fsencode, map(str, arguments))]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": ""}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes | options)


def test_as_a_program(trained, given, tmp_path, out):
    """Names that are no text, through standard input, into a closed pipe and a file."""
    odd = tmp_path / os.fsdecode(b"\xff.png")
    shutil.copy(given / "photos" / "one face.png", odd)
    bad = tmp_path / "bad.jpg"
    bad.write_text("text")
    pipe = {"stdin": subprocess.PIPE}
    program = started("predict", trained("whole"), "-", bad, **pipe)
    said, told = program.communicate(os.fsencode(odd) + b"\n", timeout=120)
    assert program.returncode == 1, told
    first, second = csv.DictReader(io.StringIO(said.decode()))
    assert first["input"] == str(tmp_path / r"\udcff.png") and first["probability"]
    assert "expected a whole picture" in second["error"]
    assert b"2 files: 1 answers, 1 errors" in told and b"Traceback" not in told


@pytest.mark.parametrize("arguments", [["list"], ["info", "pupil_lstm"]])
def test_a_closed_pipe_is_no_error(arguments, monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert run(*arguments) == 0
        closed.flush()  # as Python does when it ends
    assert capsys.readouterr().err == ""


def test_killed_in_the_middle(trained, tmp_path):
    """Nothing stands under the results' name that is not whole."""
    folder, out = tmp_path / "given", tmp_path / "results.csv"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), "uint8")
    cv2.imwrite(str(folder / "0.png"), noise)
    for number in range(1, 400):  # half a minute of work
        (folder / f"{number}.png").symlink_to("0.png")
    out.write_text("as it was")
    program = started("predict", trained("whole"), folder, "--out", out)
    assert any(b"taken whole" in line for line in program.stderr)  # now it begins
    time.sleep(1)
    program.kill()
    _, told = program.communicate(timeout=120)
    assert program.returncode == -signal.SIGKILL, told
    assert out.read_text() == "as it was"


def test_ctrl_c_while_it_works(trained, given, out, monkeypatch, capsys):
    read = _files.PictureFiles.read_picture

    def interrupted(self, path):
        if path.name == "one face.png":
            raise KeyboardInterrupt
        return read(self, path)

    monkeypatch.setattr(_files.PictureFiles, "read_picture", interrupted)
    out.write_text("as it was")
    assert run("predict", trained("whole"), given / "photos", "--out", out) == 130
    assert "Stopped" in capsys.readouterr().err
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert out.read_text() == "as it was"


def test_a_missing_package_ends_it(trained, given, out, monkeypatch, capsys):
    def missing(path):
        raise ImportError('pip install "duchenne[video]"')

    monkeypatch.setattr(pictures, "read", missing)
    assert run("predict", trained("whole"), given / "photos", "--out", out) == 2
    assert "duchenne[video]" in capsys.readouterr().err
    assert list(out.parent.iterdir()) == []

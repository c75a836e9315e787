import os
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest

from experiments.harness.run_folder import RunFolder, hash_data

KEY = "0123abcd"


def open_folder(out, key=KEY, resume=False):
    return RunFolder.open(out, "study", key, resume)


def names(out):
    return [path.name for path in (out / "study").iterdir()]


@pytest.fixture
def interrupted(tmp_path):
    """A run folder with a checkpoint, left by a process that ended."""
    folder = open_folder(tmp_path)
    folder.checkpoint.save("part", {})
    assert "1 checkpoints" in folder.interrupt()
    return folder


def test_a_folder_is_hidden_until_it_is_complete(tmp_path):
    folder = open_folder(tmp_path)
    folder.checkpoint.save("part", {})
    folder.write_json("metrics.json", {"accuracy": 1.0})
    assert names(tmp_path) == [folder.path.name] and folder.path.name[0] == "."
    final = folder.finish()
    assert names(tmp_path) == [final.name] and final.name.endswith(f"-{KEY}")
    assert [path.name for path in final.iterdir()] == ["metrics.json"]
    with pytest.raises(ValueError, match="JSON"):
        open_folder(tmp_path).write_json("metrics.json", {"loss": float("nan")})


def test_runs_of_one_second_do_not_meet(tmp_path):
    folders = [open_folder(tmp_path) for _ in range(3)]
    assert len({folder.finish() for folder in folders}) == 3
    again = open_folder(tmp_path).finish()
    assert len(names(tmp_path)) == 4 and again.is_dir()


def test_resume_finds_the_run_of_the_same_settings(tmp_path, interrupted, capsys):
    other = open_folder(tmp_path, key="4567ef01", resume=True)
    assert other.path != interrupted.path and not other.resumed
    fresh = open_folder(tmp_path)
    assert fresh.path != interrupted.path and not fresh.resumed
    assert f"unfinished {interrupted.path}" in capsys.readouterr().out
    assert fresh.interrupt() == "" and not fresh.path.exists()
    (interrupted.path / ".README.md.1.partial").write_text("half")
    (interrupted.path / ".saved_model.2.partial").mkdir()
    again = open_folder(tmp_path, resume=True)
    assert again.path == interrupted.path and again.resumed
    assert again.checkpoint.keys() == ["part"]
    assert [path.name for path in again.path.iterdir()] == ["work"]


def test_a_run_at_work_is_not_resumed(tmp_path):
    first = open_folder(tmp_path)
    with pytest.raises(OSError, match=f"at work in {first.path}"):
        open_folder(tmp_path, resume=True)
    second = open_folder(tmp_path)
    second.checkpoint.save("part", {})
    second.interrupt()
    assert open_folder(tmp_path, resume=True).path == second.path


def test_killed_while_it_ends(tmp_path, interrupted, monkeypatch):
    folder = open_folder(tmp_path, resume=True)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: os.abort)
        final = folder.finish()
    assert (final / "work").is_dir()
    again = open_folder(tmp_path, resume=True)
    assert not again.resumed and not (final / "work").exists()


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_out_has_to_be_a_folder(tmp_path, out):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        open_folder(pathlib.Path(tmp_path, out))


def test_hashes_see_contents_and_names():
    frame = pd.DataFrame({"subject": ["001"], "label": [1]})
    array = np.arange(3)
    hashes = [hash_data(frame), hash_data(array), hash_data(frame, array)]
    hashes += [hash_data(frame.assign(label=0)), hash_data(array + 1)]
    hashes.append(hash_data(frame.rename(columns={"label": "class"})))
    assert len(set(hashes)) == 6 and hash_data(frame.copy()) == hashes[0]
    assert hash_data(pd.DataFrame({"path": ["\udcff"]}, dtype=object))

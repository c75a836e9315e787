import json

import pandas as pd
import pytest

from experiments import run_folder
from experiments.common import Run, Study
from experiments.run_folder import RunFolder

SETTINGS = {"learning_rate": 0.1, "seed": 0}


def backup(folder, epoch):
    (folder.work / "backup").mkdir()
    metadata = folder.work / "backup" / "training_metadata.json"
    metadata.write_text(json.dumps({"epoch": epoch, "batch": 0}))


def visible(out):
    return [path.name for path in (out / "study").iterdir() if path.name[0] != "."]


def test_a_folder_is_hidden_until_it_is_complete(tmp_path):
    folder = RunFolder.open(tmp_path, "study", SETTINGS, resume=False)
    folder.write_json("metrics.json", {"accuracy": 1.0})
    assert visible(tmp_path) == []
    final = folder.finish()
    assert visible(tmp_path) == [final.name]
    assert final.name.endswith(run_folder.short_hash(SETTINGS))
    assert sorted(path.name for path in final.iterdir()) == ["metrics.json"]


def test_two_runs_in_one_second_do_not_meet(tmp_path):
    folders = [RunFolder.open(tmp_path, "study", SETTINGS, False) for _ in range(3)]
    finals = [folder.finish() for folder in folders]
    assert len(set(finals)) == 3


def test_resume_finds_the_unfinished_run_of_the_same_settings(tmp_path):
    first = RunFolder.open(tmp_path, "study", SETTINGS, resume=False)
    backup(first, epoch=3)
    assert "3 epochs" in first.interrupt()
    first.lock.close()
    other = RunFolder.open(tmp_path, "study", {**SETTINGS, "seed": 1}, resume=True)
    assert other.path != first.path and not other.resumed
    again = RunFolder.open(tmp_path, "study", SETTINGS, resume=True)
    assert again.path == first.path and again.resumed
    assert run_folder.epochs_done(again.work) == 3


def test_without_resume_an_unfinished_run_is_left_alone(tmp_path):
    first = RunFolder.open(tmp_path, "study", SETTINGS, resume=False)
    backup(first, epoch=3)
    second = RunFolder.open(tmp_path, "study", SETTINGS, resume=False)
    assert second.path != first.path and first.path.exists()


def test_an_interruption_before_the_first_epoch_leaves_nothing(tmp_path):
    folder = RunFolder.open(tmp_path, "study", SETTINGS, resume=False)
    folder.interrupt()
    assert not folder.path.exists()


def test_resume_does_not_take_over_a_run_that_is_going_on(tmp_path):
    first = RunFolder.open(tmp_path, "study", SETTINGS, resume=False)
    backup(first, epoch=3)
    with pytest.raises(OSError, match="another process is at work .*unfinished-"):
        RunFolder.open(tmp_path, "study", SETTINGS, resume=True)
    assert run_folder.epochs_done(first.work) == 3


def test_out_has_to_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for out in [tmp_path / "file", tmp_path / "file" / "below"]:
        with pytest.raises(OSError, match="--out: .* is not a folder"):
            RunFolder.open(out, "study", SETTINGS, resume=False)


def test_resume_refuses_data_that_have_changed(tmp_path):
    study = Study("study", "a model", "nvie", "a paper", {}, {})
    folder = RunFolder.open(tmp_path, "study", SETTINGS, resume=False)
    run = Run(study, SETTINGS, folder, tmp_path, "sample", "python -m experiments.x")
    folder.write_config(run, {"fingerprint": "ab"})
    backup(folder, epoch=3)
    folder.lock.close()
    run.folder = RunFolder.open(tmp_path, "study", SETTINGS, resume=True)
    run.folder.write_config(run, {"fingerprint": "ab"})
    with pytest.raises(ValueError, match="have changed .* without --resume"):
        run.folder.write_config(run, {"fingerprint": "cd"})


def test_fingerprint_sees_labels_names_and_sizes_and_not_the_place(tmp_path):
    def written(root, content=b"12"):
        root.mkdir()
        (root / "a.bmp").write_bytes(content)
        return pd.DataFrame({"path": [str(root / "a.bmp")], "subject": ["001"]})

    first, moved = written(tmp_path / "x"), written(tmp_path / "y")
    longer = written(tmp_path / "z", b"123")
    same = run_folder.fingerprint(first, tmp_path / "x")
    assert run_folder.fingerprint(moved, tmp_path / "y") == same
    assert run_folder.fingerprint(longer, tmp_path / "z") != same
    relabelled = first.assign(subject="002")
    assert run_folder.fingerprint(relabelled, tmp_path / "x") != same


def test_config_holds_what_it_takes_to_repeat_the_run(tmp_path):
    folder = RunFolder.open(tmp_path, "study", SETTINGS, resume=False)
    study = Study("study", "a model", "nvie", "a paper", {}, {})
    run = Run(study, SETTINGS, folder, tmp_path, "sample", "python -m experiments.x")
    folder.write_config(run, {"fingerprint": "ab"})
    config = json.loads((folder.path / "config.json").read_text())
    assert config["settings"] == SETTINGS
    assert config["data"]["fingerprint"] == "ab"
    assert config["versions"]["keras"].startswith("3.")

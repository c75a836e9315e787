"""Folders that are no runs, not whole, or damaged."""

import shutil

import pytest

from zoo.trained_run import load_run, parts


def test_what_is_no_run_is_refused(trained, tmp_path):
    with pytest.raises(ValueError, match="there is nothing"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="there is a file"):
        load_run(trained("pictures") / "model.keras")
    with pytest.raises(ValueError, match="it has no serving.json") as told:
        load_run(tmp_path)
    assert "Did you mean" not in str(told.value)
    folder = tmp_path / ".unfinished-20300101-0"
    shutil.copytree(trained("whole"), folder)
    for read in (load_run, parts):
        with pytest.raises(ValueError, match="interrupted.*--resume"):
            read(folder)


def test_a_folder_of_runs_leads_to_the_newest(tmp_path):
    for name in ["b/20300101-1", "a/20310101-1", "a/.unfinished-2", "c/20290101-1"]:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "serving.json").touch()
    newest = tmp_path / "a" / "20310101-1"
    for folder in [tmp_path, tmp_path / "a"]:
        with pytest.raises(ValueError) as told:
            load_run(folder)
        assert str(told.value).endswith(f" Did you mean {newest}?")


@pytest.mark.parametrize("name", ["serving.json", "config.json", "metrics.json"])
def test_a_damaged_file_is_named(name, copied):
    folder = copied("whole")
    for content in ["", "{", "[1]", '"x"', "{}" if name != "metrics.json" else "3"]:
        (folder / name).write_text(content)
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            load_run(folder)
    (folder / name).unlink()
    with pytest.raises((ValueError, FileNotFoundError), match=name):
        load_run(folder)


@pytest.mark.parametrize("name", ["model.keras", "head.json"])
def test_a_missing_or_damaged_model_is_named(name, copied):
    folder = copied("twelve")
    (folder / name).write_bytes((folder / name).read_bytes()[:1000])
    with pytest.raises(ValueError, match=name):
        load_run(folder)
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        load_run(folder)


def put(*path, value):
    """A change of serving.json."""

    def change(serving):
        for key in path[:-1]:
            serving = serving[key]
        serving[path[-1]] = value

    return change


DAMAGED = {
    "whole": [
        (put("format", value=2), "format 2"),
        (put("inputs", value="sounds"), "'sounds'"),
        (put("inputs", value=["pictures"]), "'pictures'"),
        (put("study", value=None), "lacks study"),
        (put("parts", value={}), "lacks parts"),
        (put("parts", value=[""]), "serving.json"),
        (put("parts", "", value=None), "serving.json"),
        (put("parts", "", "head", value="../head.skops"), "inside"),
        (put("parts", "", "head", value=5), "inside"),
        (put("parts", "", "size", value="8"), "serving.json"),
        (put("parts", "", "size", value=None), "serving.json"),
        (put("parts", "", "known", value=None), "serving.json"),
        (put("classes", value=[]), "lacks classes"),
        (put("classes", value=[1, 2]), "serving.json"),
    ],
    "diameters": [
        (put("inputs", value="pictures"), "serving.json"),
        (put("parts", "", "model", value=None), "serving.json"),
    ],
    "recordings": [
        (put("parts", "on_b", "heads", "topics", value=None), "inside"),
        (put("parts", "on_b", "heads", value={}), None),
    ],
    "tracks": [
        (put("settings", value={}), "steps"),
        (put("settings", value=[]), "serving.json"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_serving_json_that_does_not_fit_is_refused(kind, copied):
    part = {"recordings": "on_b", "tracks": "anger"}.get(kind)
    for change, told in DAMAGED[kind]:
        folder = copied(kind, change)
        if told is None:
            assert load_run(folder, part)
            continue
        with pytest.raises(ValueError, match=told):
            load_run(folder, part)


def test_files_are_not_read_through_links_that_lead_out(copied, tmp_path):
    for name in ["serving.json", "config.json", "metrics.json"]:
        folder = copied("whole")
        (folder / name).rename(tmp_path / name)
        (folder / name).symlink_to(tmp_path / name)
        with pytest.raises(ValueError, match=f"inside.*{name}"):
            load_run(folder)

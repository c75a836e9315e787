"""The four samples: where they are rendered, and which pictures are a sample's."""

import importlib
import os

import pytest

from datasets import sample


@pytest.fixture
def pictures(tmp_path):
    """A sample's picture and a real one, each beneath its own README.txt."""
    files = {}
    for name, note in (("sample", f"This is {sample.MARK}."), ("real", "NVIE, 2010")):
        folder = tmp_path / name / "posed" / "001"
        folder.mkdir(parents=True)
        (tmp_path / name / "README.txt").write_text(note)
        (folder / "1.bmp").write_bytes(b"")
        files[name] = str(folder / "1.bmp")
    return files


SIZES = {"nvie": "140 MB", "gfe": "7 MB", "pupil": "2 MB", "sase_fe": "7 MB"}


@pytest.mark.parametrize("name", SIZES)
def test_only_a_new_folder_is_rendered_into(name, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="is not empty"):
        importlib.import_module(f"datasets.sample.{name}").render(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", SIZES)
def test_a_cache_that_cannot_be_written(name, tmp_path, monkeypatch):
    """The error tells the sample's size and what to set."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=rf"\(about {SIZES[name]}\).* DUCHENNE_CACHE"):
        sample.path(name)


@pytest.mark.parametrize("name", ["gfe", "pupil"])
def test_the_readme_says_what_it_is(name):
    folder = sample.path(name)
    assert sample.kind(folder) == "sample" == sample.kind_of(folder.glob("[!R]*"))
    assert "no person" in (folder / "README.txt").read_text().lower()


@pytest.mark.parametrize(
    ("name", "last", "count"),
    [("gfe", "b_yn_question_targets.txt", 35), ("pupil", "REPD.xlsx", 1)],
)
def test_the_readme_is_written_last(name, last, count, tmp_path, monkeypatch):
    def fail(path, content):
        if path.name == last:
            raise OSError("disk full")
        path.touch()

    module = importlib.import_module(f"datasets.sample.{name}")
    monkeypatch.setattr(module, "_write", fail)
    monkeypatch.setattr(module, "_workbook", lambda *_: b"", raising=False)
    with pytest.raises(OSError, match="disk full"):
        module.render(tmp_path)
    assert len(list(tmp_path.iterdir())) == count
    assert sample.kind(tmp_path) == "real"


def test_an_unknown_sample():
    with pytest.raises(ValueError, match="no sample named 'mmi'; there is: nvie"):
        sample.path("mmi")


def test_own_folder(pictures, tmp_path):
    assert sample.kind(tmp_path / "sample") == "sample"
    assert sample.kind(tmp_path / "sample" / "posed") == "real"
    assert sample.kind(tmp_path / "real") == "real"
    assert sample.kind(tmp_path / "gone") == "real"


def test_a_picture_anywhere_below_a_sample(pictures):
    assert sample.kind_of([pictures["real"]]) == "real"
    assert sample.kind_of([pictures["sample"]]) == "sample"
    assert sample.kind_of([pictures["real"], pictures["sample"]]) == "sample"
    assert sample.kind_of([]) == "real"


def test_relative_and_linked_pictures(pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "sample" / "posed")
    assert sample.kind_of(["001/1.bmp"]) == "sample"
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "001").symlink_to(tmp_path / "sample" / "posed" / "001")
    (mine / "1.bmp").symlink_to(pictures["sample"])
    (mine / "2.bmp").symlink_to(pictures["real"])
    assert sample.kind_of([mine / "001" / "1.bmp"]) == "sample"
    assert sample.kind_of([mine / "1.bmp"]) == "sample"
    assert sample.kind_of([mine / "2.bmp"]) == "real"


def test_each_folder_is_looked_at_once(pictures, monkeypatch):
    looked, kind = [], sample.kind
    monkeypatch.setattr(sample, "kind", lambda f: looked.append(str(f)) or kind(f))
    folder = os.path.dirname(pictures["real"])
    assert sample.kind_of(f"{folder}/{n}.bmp" for n in range(1000)) == "real"
    assert sorted(looked) == sorted(set(looked))
    assert len(looked) == len(os.path.realpath(folder).split(os.sep))


def test_a_note_that_may_not_be_read(pictures, tmp_path):
    note = tmp_path / "real" / "README.txt"
    note.unlink()
    note.mkdir()
    assert sample.kind_of([pictures["real"]]) == "real"

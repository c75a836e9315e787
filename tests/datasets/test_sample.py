"""`datasets.sample.kind` and `kind_of`: which pictures are a sample's."""

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

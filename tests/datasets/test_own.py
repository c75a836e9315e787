"""A folder of one's own: three ways to say who and what."""

import pandas as pd
import pytest

from datasets import own

COLUMNS = ["sample", "subject", "label"]


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def rows(index):
    return index[COLUMNS].to_numpy().tolist()


def test_a_manifest_is_all_that_is_read(tmp_path):
    make(tmp_path, "a/1.mp4", "b.jpg", "genuine/eve/3.mp4")
    (tmp_path / own.MANIFEST).write_text(
        "\ufeffPath,subject, Label ,emotion\n"
        "a\\1.mp4,Ann,genuine,Happy\nb.jpg,Bob,0.0,\n"
    )
    index = own.index(tmp_path)
    assert rows(index) == [["a/1.mp4", "Ann", 1], ["b.jpg", "Bob", 0]]
    assert index["emotion"].tolist() == ["happiness", pd.NA]
    assert index["kind"].tolist() == ["video", "picture"]
    assert index.attrs["report"]["read as manifest.csv"] == ["2 files of 2 people"]


@pytest.mark.parametrize(
    "names",
    [
        ("Genuine/ann/1.mp4", "posed/ann/1.mp4", "posed/bob/anger/x.png"),
        ("ann/genuine/1.mp4", "ann/fake/1.mp4", "bob/posed/anger/x.png"),
        ("v2/ann/genuine/1.mp4", "v2/ann/acted/1.mp4", "v2/bob/anger/posed/x.png"),
    ],
)
def test_folders(tmp_path, names):
    make(tmp_path, *names, "extra/readme.mp4", "notes.txt")
    index = own.index(tmp_path)
    expected = [[names[0], "ann", 1], [names[1], "ann", 0], [names[2], "bob", 0]]
    assert sorted(rows(index)) == sorted(expected)
    assert index["emotion"].dropna().tolist() == ["anger"]
    assert index.attrs["report"]["left out"] == ["extra/readme.mp4"]


def test_names(tmp_path):
    make(tmp_path, "genuine_Ann_1.mp4", "Posed-Ann-sad-2.mp4", "spontaneous 07 3.mp4")
    index = own.index(tmp_path)
    assert sorted(index["subject"]) == ["07", "Ann", "Ann"]
    assert set(index["emotion"].dropna()) == {"sadness"}
    assert "read as names" in index.attrs["report"]


def test_one_person_spelt_in_several_ways(tmp_path):
    ways = "Jos\u00e9", "Jose\u0301", " josé ", "S007", "s7"
    lines = [f"{n}.mp4,{way},{n % 2}" for n, way in enumerate(ways)]
    make(tmp_path, *(f"{n}.mp4" for n in range(len(ways))))
    text = "\n".join(["path,subject,label", *lines])
    (tmp_path / own.MANIFEST).write_text(text, "utf-8")
    index = own.index(tmp_path)
    assert index["subject"].nunique() == 2
    told = index.attrs["report"]["one person"]
    assert len(told) == 2 and "S007 = s7" in told


def test_all_faults_of_a_manifest_at_once(tmp_path):
    make(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / own.MANIFEST).write_text(
        "path,subject,label,emotion\na.mp4,,maybe,\na.mp4,x,1,joy\nnone.mp4,x,0,\n"
        "notes.txt,x,1,\n"
    )
    with pytest.raises(ValueError) as caught:
        own.index(tmp_path)
    for fault in (
        *("Faults: 7", "line 2: no subject", "line 2: label 'maybe'"),
        *("line 3: the same file as in line 2", "line 3: emotion 'joy'"),
        *("line 4: there is no file 'none.mp4'", "line 5: path 'notes.txt'"),
    ):
        assert fault in str(caught.value)


@pytest.mark.parametrize(
    "header,words",
    [
        ("path,subject", "Missing: label"),
        ("path,subject,label,label", "doubled: label"),
    ],
)
def test_columns_that_are_missing_or_doubled(tmp_path, header, words):
    (tmp_path / own.MANIFEST).write_text(f"{header}\na.mp4,x,1,0\n")
    with pytest.raises(ValueError, match=words):
        own.index(tmp_path)


def test_nothing_that_is_understood(tmp_path):
    make(tmp_path, "clip.mp4", "genuine/loose.mp4", "genuine/ann/1.mp4")
    with pytest.raises(ValueError, match=r"labels \[1\]; not understood: 2 \(clip"):
        own.index(tmp_path)
    with pytest.raises(FileNotFoundError):
        own.index(tmp_path / "nowhere")

"""The adapter of PEDFE, on files of its shape and, where they are, the real ones."""

import os

import pytest

from datasets import pedfe

HEADER = "Subject,Gender,PEDFE_code,Type,Hit rate Typo (%),Mean_Genuineness\n"
ROWS = "7,F,7_fg_1,Genuine,80,2.5\n7,F,7_ts_1,Posed,70,-1\n12,M,12_rg_2,Genuine,10,0\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clips").mkdir()
    for name in ("7_fg_1.avi", "7_ts_1.MP4", "7_ts_1.avi", "9_dg_1.avi", "7_xg_1.avi"):
        (tmp_path / "clips" / name).touch()
    (tmp_path / pedfe.TABLE).write_text(HEADER + ROWS)
    return tmp_path


def test_a_row_a_clip(folder):
    index = pedfe.index(folder)
    columns = ["sample", "subject", "gender", "emotion", "label", "said_genuine"]
    assert index[[*columns, "genuineness"]].to_numpy().tolist() == [
        ["7_fg_1", "7", "F", "happiness", 1, 0.8, 2.5],
        ["7_ts_1", "7", "F", "sadness", 0, pytest.approx(0.3), -1],
    ]
    assert index["path"][1].endswith("7_ts_1.MP4")  # the first by name
    assert index.attrs["report"] == {
        "clip twice": [os.path.join("clips", "7_ts_1.avi")],
        "clip without a row": ["9_dg_1"],
        "row without a clip": ["12_rg_2"],
    }


@pytest.mark.parametrize(
    "table,words",
    [
        ("PEDFE_code,Gender\n7_fg_1,F\n", "Usecols do not match"),
        (HEADER + "7,F,7_fg_1,Genuine,many,2\n", "could not convert"),
        (HEADER + ROWS + ROWS, "Received several: 7_fg_1"),
        (HEADER + "3,F,3_fg_1,Genuine,80,2.5\n", "Received: of none"),
    ],
)
def test_a_table_with_faults(folder, table, words):
    (folder / pedfe.TABLE).write_text(table)
    with pytest.raises(ValueError, match=words):
        pedfe.index(folder)


def test_without_data_it_says_whom_to_ask(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match="doi.org/10.3758"):
            pedfe.index(folder)


@pytest.mark.real_data
def test_counts_and_raters_of_the_real_ones():
    if not os.environ.get("DUCHENNE_DATA"):
        pytest.skip("DUCHENNE_DATA is not set")
    index = pedfe.index(os.path.join(os.environ["DUCHENNE_DATA"], "pedfe"))
    assert (len(index), index["subject"].nunique()) == (1148, 44)
    assert index["label"].value_counts().to_dict() == {0: 595, 1: 553}
    assert index.groupby("label")["emotion"].value_counts()[1].to_dict() == {
        **{"happiness": 166, "disgust": 115, "sadness": 98},
        **{"surprise": 65, "anger": 63, "fear": 46},
    }
    hits = index["said_genuine"].where(index["label"] == 1, 1 - index["said_genuine"])
    assert (round(hits.mean(), 3), round((hits > 0.5).mean(), 3)) == (0.625, 0.696)
    assert index.attrs["report"]["row without a clip"] == ["30_dg_1"]
    assert not index.attrs["report"]["clip without a row"]

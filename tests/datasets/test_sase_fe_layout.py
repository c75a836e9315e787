"""SASE-FE's layouts with all their traps: what `sase_fe.index` makes of names."""

import json
import os
import re

import pandas as pd
import pytest

from datasets import sase_fe

GENUINE = ["N2A", "N2C", "N2D", "N2H", "N2S", "N2Sur"]
FAKE = ["H2N2A", "H2N2C", "H2N2D", "S2N2H", "H2N2S", "D2N2Sur"]
CODES = GENUINE + FAKE


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def report(table):
    return {what: told for what, told in table.attrs["report"].items() if told}


def test_every_code_of_a_person(tmp_path):
    touch(tmp_path, *(f"Train/1/{code}.MP4" for code in CODES))
    table = sase_fe.index(tmp_path)
    assert table["emotion"].tolist() == [e for e in sase_fe.EMOTIONS for _ in range(2)]
    assert table["label"].tolist() == [0, 1] * 6
    by_code = table.set_index("video")
    assert set(by_code.index[by_code["label"] == 1]) == set(GENUINE)
    # The last letter is what is shown.
    assert by_code.loc["S2N2H", "emotion"] == by_code.loc["N2H", "emotion"]
    assert by_code.loc["S2N2H", "emotion"] == "happiness"
    assert by_code.loc["H2N2S", "emotion"] == "sadness"
    assert by_code.loc["D2N2Sur", "emotion"] == "surprise"
    assert by_code.loc["H2N2C", "emotion"] == "contempt"
    assert set(table["subject"]) == {"Train/1"} and set(table["part"]) == {"train"}
    assert set(table["kind"]) == {"video"} and report(table) == {}
    dtypes = table.dtypes.astype(str).to_dict()
    assert dtypes.pop("label") == "Int64" and set(dtypes.values()) == {"str"}
    assert list(dtypes) == ["path", "subject", "emotion", "video", "part", "kind"]


def test_upper_and_lower_case_and_stray_spaces(tmp_path):
    names = {"1/n2a.mp4": "N2A", "1/N2SUR.Mp4": "N2Sur", "1/d2n2sur.AVI": "D2N2Sur",
             "1/ N2D.MP4": "N2D", "1/N2H .MP4": "N2H", "1/H2N2 A.MP4": "H2N2A",
             "1/N2S. MP4": "N2S", "1/N2C.MP4 ": "N2C"}  # fmt: skip
    touch(tmp_path / "Train", *names)
    table = sase_fe.index(tmp_path)
    assert sorted(table["video"]) == sorted(names.values())
    assert all(os.path.isfile(path) for path in table["path"])
    assert list(report(table)) == ["missing"]


def test_a_person_s_folders_spelt_differently_are_one_person(tmp_path):
    touch(tmp_path, "DB/Anna/N2A.MP4", "DB/anna /N2H.MP4", "DB/ANNA/n2a.mp4")
    table = sase_fe.index(tmp_path)
    assert len(table) == 2 and table["subject"].nunique() == 1
    assert report(table)["duplicates"] == ["DB/Anna/N2A.MP4"]


def test_people_by_any_name_or_number(tmp_path):
    people = ["1", "10", "2", "041", "Ann Lee", "Zoë", "x-7", "Test", "N2A", "10²", "٣"]
    touch(tmp_path, *(f"FakeTrue_DB/{person}/N2H.mp4" for person in people))
    table = sase_fe.index(tmp_path / "FakeTrue_DB")
    assert table["subject"].nunique() == len(people)
    assert set(table["part"]) == {"train"}
    numbers = [s for s in table["subject"] if re.fullmatch(".*/[0-9]+", s)]
    assert numbers == [f"FakeTrue_DB/{n}" for n in ("1", "2", "10", "041")]


def test_the_same_number_in_two_layouts_is_two_people(tmp_path):
    touch(tmp_path, "Train/1/N2A.MP4", "Validation/1/N2A.MP4", "Other/1/N2A.MP4",
          "Validation/0000000001_ANGER.mp4")  # fmt: skip
    (tmp_path / "Validation/labels.csv").write_text(
        "video,label,subject\n0000000001_ANGER,1,1\n"
    )
    table = sase_fe.index(tmp_path)
    assert len(table) == 4 and table["subject"].nunique() == 4
    parts = dict(zip(table["subject"], table["part"], strict=True))
    assert parts["Train/1"] == parts["Other/1"] == "train"
    assert parts["Validation/1"] == parts["Validation:1"] == "validation"


def test_the_same_subject_whichever_folder_is_named(tmp_path):
    touch(tmp_path, "SASE/Train/1/N2A.MP4", "SASE/Train/2/N2A.MP4")
    for folder in ("SASE", "SASE/Train", "SASE/Train/1"):
        assert sase_fe.index(tmp_path / folder)["subject"].iloc[0] == "Train/1"
    assert len(sase_fe.index(tmp_path / "SASE/Train/1")) == 1
    assert sase_fe.index(tmp_path)["subject"].iloc[0] == "SASE/Train/1"


def test_names_and_numbers_side_by_side_are_reported(tmp_path):
    touch(tmp_path, "Train/1/N2A.MP4", "FakeTrue_DB/Anna/N2A.MP4")
    table = sase_fe.index(tmp_path)
    assert report(table)["same_people"] == ["FakeTrue_DB", "Train"]
    assert "same people" in sase_fe.summary(table)
    assert "same_people" not in report(sase_fe.index(tmp_path / "Train"))


@pytest.mark.parametrize("flat", ["Validation", "FakeTrue_DB"])
def test_names_and_flat_videos_side_by_side_are_reported(tmp_path, flat):
    touch(tmp_path, "FakeTrue_DB/Anna/N2A.MP4", f"{flat}/0123456789_ANGER.mp4")
    table = sase_fe.index(tmp_path)
    assert report(table)["same_people"] == sorted({"FakeTrue_DB", flat})


def test_parts_that_have_no_people_in_common_are_not(tmp_path):
    """Train and validation are the challenge's own; and so are two folders of names."""
    touch(tmp_path, "Train/1/N2A.MP4", "Validation/0123456789_ANGER.mp4")
    assert "same_people" not in report(sase_fe.index(tmp_path))
    touch(tmp_path / "names", "a/Anna/N2A.MP4", "b/Zoë/N2A.MP4")
    assert "same_people" not in report(sase_fe.index(tmp_path / "names"))


def test_stray_files_are_passed_over(tmp_path):
    touch(tmp_path, "Train/1/N2A.MP4", "Train/1/.DS_Store", "Train/1/Thumbs.db",
          "Train/1/._N2D.MP4", "__MACOSX/Train/1/N2D.MP4", ".Trash/1/N2D.MP4",
          "Train/1/desktop.ini")  # fmt: skip
    table = sase_fe.index(tmp_path)
    assert table["video"].tolist() == ["N2A"]
    assert list(report(table)) == ["missing"]


def test_missing_clips_and_folders_without_any(tmp_path):
    touch(tmp_path, *(f"Train/{p}/{c}.MP4" for p in (2, 10) for c in CODES))
    (tmp_path / "Train/2/N2A.MP4").unlink()
    (tmp_path / "Train/10/D2N2Sur.MP4").unlink()
    (tmp_path / "Train/3").mkdir()
    told = report(sase_fe.index(tmp_path))
    assert told == {
        "missing": ["Train/2 N2A", "Train/10 D2N2Sur"],
        "empty": ["Train/3"],
    }


def test_names_that_nobody_knows_are_reported(tmp_path):
    touch(tmp_path, "Train/1/N2A.MP4", "Train/1/N2X.MP4", "Train/1/N2A - Copy.MP4",
          "Train/1/N2N2A.mp4", "Validation/12345_ANGER.mp4", "Train/1/notes.txt",
          "Validation/0123456789_FEAR.mp4", "Validation/0123456789.mp4")  # fmt: skip
    table = sase_fe.index(tmp_path)
    told = report(table)
    assert len(table) == 1 and told["other_files"] == ["Train/1/notes.txt"]
    assert sorted(told["unknown"]) == sorted(
        ["Train/1/N2A - Copy.MP4", "Train/1/N2N2A.mp4", "Train/1/N2X.MP4",
         "Validation/0123456789.mp4", "Validation/0123456789_FEAR.mp4",
         "Validation/12345_ANGER.mp4"]
    )  # fmt: skip
    assert "N2X.MP4" in sase_fe.summary(table)


def test_the_same_clip_twice_is_used_once(tmp_path):
    touch(tmp_path, "Train/1/N2A.MP4", "Train/1/n2a.mp4", "Train/1/N2A.wmv")
    table = sase_fe.index(tmp_path)
    assert [os.path.basename(path) for path in table["path"]] == ["N2A.MP4"]
    assert report(table)["duplicates"] == ["Train/1/N2A.wmv", "Train/1/n2a.mp4"]


@pytest.mark.parametrize("ending", ["npz", "csv", "npy", "NPZ"])
def test_a_point_file_is_used_instead_of_the_video(tmp_path, ending):
    touch(tmp_path, "Train/1/N2A.MP4", f"Train/1/n2a.{ending}", "Train/1/N2H.MP4",
          f"Train/1/N2S.{ending}", f"Test/0123456789_SADNESS.{ending}",
          "Test/0123456789_SADNESS.mp4")  # fmt: skip
    table = sase_fe.index(tmp_path)
    kinds = dict(zip(table["video"], table["kind"], strict=True))
    assert kinds == {"N2A": "points", "N2H": "video", "N2S": "points",
                     "0123456789_SADNESS": "points"}  # fmt: skip
    assert table["path"][0].endswith(f"n2a.{ending}")
    assert report(table)["videos_with_points"] == [
        "Test/0123456789_SADNESS.mp4",
        "Train/1/N2A.MP4",
    ]


def test_of_several_point_files_the_first_kind_is_used(tmp_path):
    touch(tmp_path, *(f"Train/1/N2A.{e}" for e in ("npy", "csv", "npz", "mp4")))
    table = sase_fe.index(tmp_path)
    assert table["path"][0].endswith(".npz")
    assert report(table)["duplicates"] == ["Train/1/N2A.csv", "Train/1/N2A.npy"]


@pytest.mark.parametrize(
    ("folder", "part"),
    [("Validation", "validation"), ("val", "validation"),
     ("VALIDATION SET", "validation"), ("Test", "test"), ("test_videos", "test"),
     ("Train", "train"), ("clips", "test"),
     ("Validation/videos", "validation"), ("contest", "test"), ("valley", "test")],
)  # fmt: skip
def test_the_part_is_told_by_the_folder(tmp_path, folder, part):
    touch(tmp_path / "data", f"{folder}/0000000012_ANGER.mp4")
    assert sase_fe.index(tmp_path / "data")["part"].tolist() == [part]
    expected = "test" if folder == "Validation/videos" else part
    assert sase_fe.index(tmp_path / "data" / folder)["part"].tolist() == [expected]


def test_all_layouts_at_once_in_one_order(tmp_path):
    folder = tmp_path / "SASE_FE"
    touch(folder, "Train/10/N2A.MP4", "Train/2/S2N2H.MP4", "Train/2/N2H.MP4",
          "Train/2/N2A.MP4", "Validation/9999999999_ANGER.mp4",
          "Test/2234567890_ANGER.mp4", "Test/1234567890_HAPPINESS.mp4")  # fmt: skip
    table = sase_fe.index(folder)
    assert table["video"].tolist() == [
        "N2A", "S2N2H", "N2H", "N2A", "9999999999_ANGER", "2234567890_ANGER",
        "1234567890_HAPPINESS",
    ]  # fmt: skip
    assert table["part"].tolist() == ["train"] * 4 + ["validation", "test", "test"]
    assert table["subject"].iloc[3] == "Train/10"
    assert json.loads(json.dumps(table.attrs["report"])) == table.attrs["report"]
    pd.testing.assert_frame_equal(table, sase_fe.index(str(folder) + "/"))


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path, "disk/1/N2A.MP4")
    (tmp_path / "SASE").mkdir()
    (tmp_path / "SASE" / "Train").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "again").symlink_to(tmp_path / "disk")
    table = sase_fe.index(tmp_path / "SASE")
    assert table["subject"].tolist() == ["Train/1"]


def test_links_that_lead_nowhere_are_told(tmp_path):
    touch(tmp_path, "Test/1234567890_ANGER.mp4")
    (tmp_path / "Test/2234567890_ANGER.mp4").symlink_to(tmp_path / "gone.mp4")
    table = sase_fe.index(tmp_path)
    assert report(table)["unreadable"] == ["Test/2234567890_ANGER.mp4"]
    assert "links that lead nowhere: 1" in sase_fe.summary(table)


def test_wrong_folders(tmp_path):
    expected = r"Expected.*Train/1/N2A.MP4.*N2Sur.*0123456789_ANGER"
    with pytest.raises(FileNotFoundError, match="does not exist.*" + expected):
        sase_fe.index(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match="it is a file.*" + expected):
        sase_fe.index(tmp_path / "file")
    (tmp_path / "empty" / "1").mkdir(parents=True)
    touch(tmp_path, "empty/.DS_Store")
    with pytest.raises(FileNotFoundError, match="it is empty.*" + expected):
        sase_fe.index(tmp_path / "empty")
    touch(tmp_path, "nvie/1.bmp", "nvie/2.bmp")
    with pytest.raises(FileNotFoundError, match="none of its 2 files.*1.bmp"):
        sase_fe.index(tmp_path / "nvie")
    touch(tmp_path, "films/holiday.mp4")
    with pytest.raises(FileNotFoundError, match="other names: holiday.mp4"):
        sase_fe.index(tmp_path / "films")


# Flat videos, and the tables that tell their labels and subjects.

FLAT = {"0000000012_ANGER": "anger", "1234567890_CONTENTMENT": "contempt",
        "2234567890_contempt": "contempt", "3234567890_DISGUST": "disgust",
        "4234567890_HAPPINESS": "happiness", "5234567890_SADNESS": "sadness",
        "6234567890_SURPRISE": "surprise"}  # fmt: skip


def test_flat_videos_without_a_table(tmp_path):
    touch(tmp_path, *(f"Test/{name}.mp4" for name in FLAT))
    table = sase_fe.index(tmp_path)
    emotions = dict(zip(table["video"], table["emotion"], strict=True))
    assert emotions == {name.upper(): emotion for name, emotion in FLAT.items()}
    assert table["label"].isna().all() and str(table["label"].dtype) == "Int64"
    # Nobody knows who is who: a split by subject must not part them.
    assert set(table["subject"]) == {"Test:unknown"}
    assert set(table["part"]) == {"test"}
    told = report(table)
    assert set(told) == {"unlabelled", "unknown_subject"}
    assert len(told["unlabelled"]) == len(told["unknown_subject"]) == len(FLAT)
    assert "7 without a label" in sase_fe.summary(table)


WORDS = ["genuine", "TRUE", "Real", "1", "fake", "False", "POSED"]


@pytest.mark.parametrize("separator", [",", ";", "\t", ", "])
@pytest.mark.parametrize("place", ["Validation/labels.csv", "valid_gt.csv"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_table_of_labels(tmp_path, separator, place, end, quote):
    touch(tmp_path, *(f"Validation/{name}.MP4" for name in FLAT))
    names = [n if i % 2 else f"{n.lower()}.mp4" for i, n in enumerate(FLAT)]
    # A person of so many digits is a name, in a column before the label.
    rows = zip(["Video", *names], ["subject", *["9" * 5000] * 7], ["Label", *WORDS],
               strict=True)  # fmt: skip
    rows = [separator.join(f"{quote}{cell}{quote}" for cell in row) for row in rows]
    text = end.join(rows) + 2 * end
    (tmp_path / place).write_text(text, encoding="utf-8-sig", newline="")
    table = sase_fe.index(tmp_path)
    labels = dict(zip(table["video"], table["label"], strict=True))
    assert [labels[name.upper()] for name in FLAT] == [1, 1, 1, 1, 0, 0, 0]
    assert set(table["part"]) == {"validation"}
    assert table["subject"].nunique() == 1 and report(table) == {}


def test_contempt_and_contentment_are_the_same_in_a_table(tmp_path):
    touch(tmp_path, "1234567890_CONTENTMENT.mp4")
    (tmp_path / "labels.csv").write_text("name,label\n1234567890_CONTEMPT.avi,0\n")
    assert sase_fe.index(tmp_path)["label"].tolist() == [0]


def test_subjects_from_the_table(tmp_path):
    touch(tmp_path, *(f"Validation/{name}.mp4" for name in FLAT))
    rows = [f"{n},1,{41 + i % 2}" for i, n in enumerate(FLAT)]
    table_file = tmp_path / "Validation" / "labels.csv"
    table_file.write_text("\n".join(["video,label,subject", *rows]))
    table = sase_fe.index(tmp_path)
    assert set(table["subject"]) == {"Validation:41", "Validation:42"}
    assert table["subject"].is_monotonic_increasing and report(table) == {}
    # One person is not known: it could be each of the others.
    table_file.write_text("\n".join(["video,label,subject", *rows[1:], "0,1,1"]))
    table = sase_fe.index(tmp_path)
    assert set(table["subject"]) == {"Validation:unknown"}
    told = report(table)
    assert told["unknown_subject"] == ["Validation/0000000012_ANGER.mp4"]
    assert told["unlabelled"] == ["Validation/0000000012_ANGER.mp4"]
    assert told["labels_without_video"] == ["0"]


def test_one_person_of_a_common_table_is_one_subject_in_both_folders(tmp_path):
    touch(tmp_path / "S", "a/1234567890_ANGER.mp4", "b/2234567890_ANGER.mp4")
    (tmp_path / "S" / "labels.csv").write_text(
        "video,label,subject\n1234567890_ANGER,1,7\n2234567890_ANGER,0,7\n"
    )
    assert set(sase_fe.index(tmp_path)["subject"]) == {"S:7"}


def test_labels_without_a_value_and_without_a_video(tmp_path):
    touch(tmp_path, "1234567890_ANGER.mp4")
    (tmp_path / "labels.csv").write_text(
        "video,label\n1234567890_ANGER,\n2234567890_SADNESS,1\n"
    )
    table = sase_fe.index(tmp_path)
    assert table["label"].isna().all()
    told = report(table)
    assert told["unlabelled"] == ["1234567890_ANGER.mp4"]
    assert told["labels_without_video"] == ["2234567890_SADNESS"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("video,label\n1234567890_ANGER,maybe\n", r"row 2.*genuine.*received 'maybe'"),
     ("video,label\n1234567890_ANGER,1\n1234567890_ANGER.mp4,0\n", "row 3.*two"),
     ("video,label,label\n1234567890_ANGER,1,0\n", "without repetition"),
     ("video,label\n1234567890_ANGER,1,2\n1,2,3,4,5\n", "row 2.*one cell a column"),
     ("video,label\n1234567890_ANGER,genuine,fake\n", "row 2.*one cell a column"),
     ('video,label,more\n1234567890_ANGER,1,"\n2,0,"\n', "row 3.*one cell a col"),
     ('video,label,more\n1234567890_ANGER,1,"x\n', "cannot be read as one"),
     ("video,label\n1234567890_ANGER,genuine\0fake\n", "row 2.*genuine"),
     ("video,label,subject\n1234567890_ANGER,1,Zo\xeb\n", "UTF-8")],
)  # fmt: skip
def test_tables_that_cannot_be_right(tmp_path, text, message):
    touch(tmp_path, "1234567890_ANGER.mp4")
    (tmp_path / "labels.csv").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=message) as caught:
        sase_fe.index(tmp_path)
    assert "labels.csv" in str(caught.value)


def test_two_tables_must_agree(tmp_path):
    touch(tmp_path, "Test/1234567890_ANGER.mp4")
    for name, label in (("labels.csv", 1), ("Test/labels.csv", 0)):
        (tmp_path / name).write_text(f"video,label\n1234567890_ANGER,{label}\n")
    with pytest.raises(ValueError, match="different things about 1234567890_ANGER"):
        sase_fe.index(tmp_path)


def test_a_csv_that_is_no_table_of_labels_is_left_alone(tmp_path):
    touch(tmp_path, "1234567890_ANGER.mp4")
    (tmp_path / "predictions.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    table = sase_fe.index(tmp_path)
    assert report(table)["unknown"] == ["empty.csv", "predictions.csv"]


def test_a_separator_within_the_header(tmp_path):
    touch(tmp_path, "1234567890_ANGER.mp4")
    text = '"video, or its name",label\n1234567890_ANGER,fake\n'
    (tmp_path / "labels.csv").write_text(text)
    assert sase_fe.index(tmp_path)["label"].tolist() == [0]

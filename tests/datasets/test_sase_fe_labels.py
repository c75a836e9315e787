"""Flat videos of SASE-FE, and the tables that tell their labels and subjects."""

import pytest

from datasets import sase_fe


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def report(table):
    return {what: told for what, told in table.attrs["report"].items() if told}


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
def test_a_table_of_labels(tmp_path, separator, place):
    touch(tmp_path, *(f"Validation/{name}.MP4" for name in FLAT))
    names = [n if i % 2 else f"{n.lower()}.mp4" for i, n in enumerate(FLAT)]
    rows = zip(["Video", *names], ["Label", *WORDS], strict=True)
    text = "\r\n".join(separator.join(row) for row in rows) + "\r\n\r\n"
    (tmp_path / place).write_text(text, encoding="utf-8-sig", newline="")
    table = sase_fe.index(tmp_path)
    labels = dict(zip(table["video"], table["label"], strict=True))
    assert [labels[name.upper()] for name in FLAT] == [1, 1, 1, 1, 0, 0, 0]
    assert set(table["part"]) == {"validation"}
    assert list(report(table)) == ["unknown_subject"]


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
     ("video,label\n1234567890_ANGER,1,2\n1,2,3,4,5\n", "row 2.*one cell a column")],
)  # fmt: skip
def test_tables_that_cannot_be_right(tmp_path, text, message):
    touch(tmp_path, "1234567890_ANGER.mp4")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        sase_fe.index(tmp_path)
    assert "labels.csv" in str(caught.value)


def test_a_table_in_another_encoding(tmp_path):
    touch(tmp_path, "1234567890_ANGER.mp4")
    text = "video,label,subject\n1234567890_ANGER,1,Zoë\n"
    (tmp_path / "labels.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        sase_fe.index(tmp_path)


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


# What the fuzz tests found.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,label\n1234567890_ANGER,genuine,fake\n", "row 2.*one cell a column"),
        ('video,label,more\n1234567890_ANGER,1,"\n2,0,"\n', "row 3.*one cell a col"),
        ('video,label,more\n1234567890_ANGER,1,"x\n', "cannot be read as one"),
        ("video,label\n1234567890_ANGER,genuine\0fake\n", "row 2.*genuine"),
    ],
)
def test_rows_that_a_hasty_reader_would_take(tmp_path, text, message):
    touch(tmp_path, "1234567890_ANGER.mp4")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        sase_fe.index(tmp_path)


def test_a_separator_within_the_header(tmp_path):
    touch(tmp_path, "1234567890_ANGER.mp4")
    text = '"video, or its name",label\n1234567890_ANGER,fake\n'
    (tmp_path / "labels.csv").write_text(text)
    assert sase_fe.index(tmp_path)["label"].tolist() == [0]


def test_numbers_of_very_many_digits(tmp_path):
    touch(tmp_path, "1234567890_ANGER.mp4")
    digits = 5000 * "9"
    text = f"video,label,subject\n1234567890_ANGER,0,{digits}\n{digits},1,2\n"
    (tmp_path / "labels.csv").write_text(text)
    table = sase_fe.index(tmp_path)
    assert table["label"].tolist() == [0]
    assert report(table)["labels_without_video"] == [digits]

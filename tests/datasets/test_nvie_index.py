"""`datasets.nvie.index`: layouts, emotions, manifests, and what is left out."""

import csv
import json
import os

import cv2
import numpy as np
import pandas as pd
import pytest

from datasets import nvie, nvie_layout, pictures

POSED = "0-PosedExpressionDatabase"
APEX = "5_USTC-ApexVisibleSpontaneousExpressionFrame_AAM Points/SelectedSamples"
SEQUENCES = "SpontaneousDatabase"


def picture(seed):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (40, 30), interpolation=cv2.INTER_CUBIC)
    return cv2.add(smooth, rng.integers(0, 12, smooth.shape).astype(np.uint8))


def write(root, path, seed=0):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    encoded, content = cv2.imencode(file.suffix.lower(), picture(seed))
    assert encoded
    file.write_bytes(content.tobytes())
    return file


def rows(frame):
    """Relative name -> row, for short comparisons."""
    return {os.path.basename(row.path): row for row in frame.itertuples()}


def report(frame):
    return frame.attrs["report"]


@pytest.fixture
def tree(tmp_path):
    """Two subjects, posed and spontaneous, with a flat folder of apex frames."""
    for subject in (1, 2):
        for light in ("front", "left"):
            for glasses in ("glasses", "noglasses"):
                where = f"{POSED}/{light}/{glasses}/{subject:03d}/visible"
                for emotion in ("happiness", "Sad"):
                    name = f"p{subject}{light}{glasses}{emotion}.jpg"
                    write(tmp_path, f"{where}/{emotion}/{name}", sum(name.encode()))
        for sequence, word in ((1, "happy"), (2, "Fear")):
            for number in range(1, 4):
                seed = 100 * subject + 10 * sequence + number
                folder = f"{SEQUENCES}/front/{subject}/visible/{word}"
                write(tmp_path, f"{folder}/{number}.bmp", seed)
            write(tmp_path, f"{APEX}/{2 * sequence - 1}0{subject}.bmp", seed)
    return tmp_path


def test_tree(tree):
    frame = nvie.index(tree)
    assert list(frame.columns) == [*nvie_layout.COLUMNS, "sequence"]
    assert len(frame) == 2 * 2 * 2 * 2 + 4
    assert frame["path"].map(os.path.isfile).all()
    assert frame["path"].map(os.path.isabs).all()
    assert frame["path"].is_monotonic_increasing
    assert frame.index.equals(pd.RangeIndex(len(frame)))
    assert set(frame["subject"]) == {"001", "002"}

    posed = frame[frame["spontaneous"] == 0]
    assert posed["sequence"].isna().all()
    assert (
        posed.value_counts(["subject", "illumination", "emotion", "glasses"])
        .eq(1)
        .all()
    )
    for row in posed.itertuples():
        assert row.glasses == ("/glasses/" in row.path)
        assert f"/{row.illumination}/" in row.path
        assert f"/{row.subject}/" in row.path
        assert row.emotion == ("sadness" if "/Sad/" in row.path else "happiness")

    apex = rows(frame[frame["spontaneous"] == 1])
    assert apex["101.bmp"].emotion == "happiness"
    assert apex["302.bmp"].emotion == "fear"
    assert apex["302.bmp"].subject == "002"
    assert apex["302.bmp"].illumination == "front"
    assert apex["302.bmp"].sequence == f"{SEQUENCES}/front/2/visible/Fear"
    assert frame.loc[frame["spontaneous"] == 1, "glasses"].isna().all()
    assert report(frame) == {}
    pd.testing.assert_frame_equal(frame, nvie.index(str(tree)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b/0-PosedExpressionDatabase/7/front/glasses/visible/anger/1.jpg",
         ("posed", "007", "front", True, "anger")),
        ("posed expression database/WithGlasses/S012/Left/VISIBLE/Angry/x/1.JPG",
         ("posed", "012", "left", True, "anger")),
        ("0_Posed-Expression_Database/without glasses/right/P3/visible/sad/1.png",
         ("posed", "003", "right", False, "sadness")),
        ("PosedExpressionDatabase/subject_3/no_glasses/visible/surprise/1.bmp",
         ("posed", "003", None, False, "surprise")),
        ("0-PosedExpressionDatabase/non-glasses/front/visible/happy/5/1.bmp",
         ("posed", None, "front", False, "happiness")),
        ("0-PosedExpressionDatabase/front/with glasses/visible/3/1.bmp",
         ("posed", None, "front", True, None)),
        ("0-PosedExpressionDatabase/front/11/visible/neutral/1.bmp",
         ("posed", "011", "front", None, None)),
        ("NVIE visible and infrared/Spontaneous Database/left/S001/visible/3/1.bmp",
         ("frame", "001", "left", None, None)),
        ("spontaneous_database/1/front/noglasses/Visible/disgust/001.BMP",
         ("frame", "001", "front", False, "disgust")),
        ("SpontaneousDatabase/front/visible/3/1.bmp",
         ("frame", None, "front", None, None)),
        ("SpontaneousDatabase/front/12/visible/3/007.bmp",
         ("frame", "012", "front", None, None)),
        (f"{APEX}/1001.bmp", ("apex", None, None, None, None)),
        (f"2/{APEX}/1001.bmp", ("apex", None, None, None, None)),
        (f"{APEX}/right/4/1001.bmp", ("apex", "004", "right", None, None)),
        ("x/front/P04/selected samples/1001.bmp", ("apex", "004", "front", None, None)),
        ("SpontaneousDatabase/4/left/visible/SelectedSamples/1.bmp",
         ("apex", "004", "left", None, None)),
        ("elsewhere/visible/happy/1.bmp", ("unknown",)),
    ],
)  # fmt: skip
def test_paths(path, expected):
    place = nvie_layout.place(path)
    assert place.kind == expected[0]
    if len(expected) > 1:
        emotion = nvie_layout.emotion_word(place.expression)
        assert (
            place.subject, place.illumination, place.glasses, emotion
        ) == expected[1:]  # fmt: skip


def test_what_is_not_a_picture_is_counted(tree):
    clean = nvie.index(tree)
    posed = tree / POSED / "front/glasses/001/visible/happiness"
    for name in (".DS_Store", "Thumbs.db", "._p1.jpg", "notes.txt"):
        (posed / name).write_bytes(b"x")
    (posed / "@eaDir").mkdir()
    write(tree, f"{POSED}/front/glasses/001/visible/happiness/@eaDir/thumb.jpg")
    (tree / POSED / "front/glasses/009/visible/happiness").mkdir(parents=True)
    (posed / "empty.jpg").write_bytes(b"")
    (posed / "text.jpg").write_bytes(b"this is not a picture")
    for suffix in (".jpg", ".bmp", ".png"):
        whole = write(tree, f"{posed.relative_to(tree)}/cut{suffix}", 5).read_bytes()
        (posed / f"cut{suffix}").write_bytes(whole[: len(whole) * 2 // 3])
    write(tree, f"{SEQUENCES}/front/1/Infrared/happy/1.bmp")
    write(tree, f"{SEQUENCES}/front/2/IR/happy/1.bmp")
    write(tree, "4_USTC-ApexInfrared/SelectedSamples/1001.bmp")
    write(tree, f"{POSED}/front/glasses/001/visible/neutral/n.jpg")
    write(tree, f"{POSED}/front/glasses/001/visible/3/n.jpg")
    write(tree, f"{POSED}/front/glasses/visible/anger/nobody.jpg")
    write(tree, "holiday/beach.jpg")
    frame = nvie.index(tree)
    pd.testing.assert_frame_equal(frame, clean)

    at = str(posed.relative_to(tree)) + "/"
    assert report(frame) == {
        "ignored file": [
            at + name
            for name in (".DS_Store", "._p1.jpg", "@eaDir/", "Thumbs.db", "notes.txt")
        ],
        "infrared folder": [
            "4_USTC-ApexInfrared/",
            f"{SEQUENCES}/front/1/Infrared/",
            f"{SEQUENCES}/front/2/IR/",
        ],
        "not in the layout": ["holiday/beach.jpg"],
        "no emotion": [
            f"{POSED}/front/glasses/001/visible/3/n.jpg",
            f"{POSED}/front/glasses/001/visible/neutral/n.jpg",
        ],
        "no subject": [f"{POSED}/front/glasses/visible/anger/nobody.jpg"],
        "unreadable": [
            at + n for n in ("cut.bmp", "cut.jpg", "cut.png", "empty.jpg", "text.jpg")
        ],
    }  # fmt: skip
    assert json.loads(json.dumps(report(frame))) == report(frame)
    told = nvie.summary(frame)
    assert "5 unreadable: " + at + "cut.bmp" in told
    assert "empty.jpg" not in told  # only the first three
    assert "20 pictures of 2 subjects" in told
    assert "posed: 16 of 2 subjects" in told
    assert "emotion: happiness 2, fear 2" in told


def spontaneous(root):
    frame = nvie.index(root)
    return frame, rows(frame[frame["spontaneous"] == 1])


def test_emotion_rules(tmp_path):
    names = {"happy": "201", "3": "401", "4": "X01", "a": "501", "b": "701", "5": "001",
             "sad": "801"}  # fmt: skip
    for i, (folder, name) in enumerate(names.items()):
        for number in range(2):
            seed = 10 * i + number
            write(tmp_path, f"{SEQUENCES}/left/5/visible/{folder}/{number}.bmp", seed)
        write(tmp_path, f"{APEX}/{name}.bmp", seed)
    frame, found = spontaneous(tmp_path)
    emotions = {name: row.emotion for name, row in found.items()}
    assert emotions == {
        "201.bmp": "happiness",  # the word goes before the file name,
        "401.bmp": "surprise",  # the file name before a digit,
        "X01.bmp": "surprise",  # the digit where nothing else says it,
        "501.bmp": "anger",  # a folder `a` says nothing.
    }
    assert report(frame)["no emotion"] == [
        f"{APEX}/{name}.bmp" for name in ("001", "701", "801")
    ]
    assert report(frame)["emotion conflict"] == [
        f"{APEX}/{name}.bmp" for name in ("201", "401")
    ]


def test_names_of_no_emotion_cause_no_search(tree, monkeypatch):
    """Not even where it is the only thing that would need decoded frames."""
    apexes = [write(tree, f"{APEX}/{code}99.jpg", 7) for code in "7890"]
    seen, read = [], pictures.read
    monkeypatch.setattr(pictures, "read", lambda p: seen.append(str(p)) or read(p))
    frame = nvie.index(tree)
    assert sorted(seen) == frame["path"].to_list()
    assert report(frame) == {"no emotion": sorted(f"{APEX}/{a.name}" for a in apexes)}


def test_only_names_of_no_emotion_are_not_a_copy_without_apexes(tmp_path):
    write(tmp_path, f"{APEX}/701.bmp", 1)
    write(tmp_path, f"{SEQUENCES}/left/5/visible/happy/1.bmp", 1)
    with pytest.raises(ValueError, match="1 no emotion: .*701.bmp"):
        nvie.index(tmp_path)


def test_names_that_are_not_utf_8(tmp_path):
    """As archives from a Chinese Windows leave them on Linux: in GBK."""
    light = os.fsdecode("左".encode("gbk"))
    face = os.fsdecode("脸".encode("gbk"))
    posed = f"{POSED}/{light}/7/visible/happy"
    write(tmp_path, f"{posed}/{face}.png", 1)
    write(tmp_path, f"{posed}/cut{face}.bmp", 1).write_bytes(b"BM")
    (tmp_path / posed / f"{face}.txt").write_bytes(b"x")
    for number in (1, 2):
        folder = f"{SEQUENCES}/{light}/7/visible/{face}"
        write(tmp_path, f"{folder}/{number}{face}.bmp", number)
    write(tmp_path, f"{APEX}/3{face}.bmp", 2)
    write(tmp_path, f"{APEX}/4{face}.bmp", 9)
    frame = nvie.index(tmp_path)
    assert frame["path"].to_list() == [
        str(tmp_path / f"{posed}/{face}.png"),
        str(tmp_path / f"{APEX}/3{face}.bmp"),
    ]
    assert frame["sequence"][1] == f"{SEQUENCES}/{light}/7/visible/{face}"
    assert [x.shape for x, _ in nvie.load(frame, 8, 2)] == [(2, 8, 8, 3)]
    assert {reason: len(paths) for reason, paths in report(frame).items()} == {
        "ignored file": 1,
        "unreadable": 1,
        "apex without subject": 1,
    }
    told = json.dumps(report(frame), ensure_ascii=False) + nvie.summary(frame)
    assert told.encode().decode() == told
    assert f"4{face}.bmp".encode("utf-8", "backslashreplace").decode() in told

    (tmp_path / posed / f"{face}.png").unlink()
    (tmp_path / f"{APEX}/3{face}.bmp").unlink()
    with pytest.raises(ValueError, match="1 unreadable") as error:
        nvie.index(tmp_path)
    str(error.value).encode()


def test_unmatched_apexes(tmp_path):
    apex = "apexes/front/6/SelectedSamples"
    write(tmp_path, f"{apex}/300.bmp", 1)
    write(tmp_path, f"{apex}/800.bmp", 2)
    write(tmp_path, f"{APEX}/400.bmp", 3)
    write(tmp_path, f"{SEQUENCES}/front/6/visible/happy/1.bmp", 4)
    write(tmp_path, f"{SEQUENCES}/front/6/visible/sad/1.bmp", 5)
    frame, found = spontaneous(tmp_path)
    assert list(found) == ["300.bmp"]
    assert found["300.bmp"].subject == "006"
    assert found["300.bmp"].emotion == "fear"
    assert frame["sequence"].isna().all()
    assert report(frame) == {
        "apex unmatched": [f"{apex}/300.bmp"],
        "no emotion": [f"{apex}/800.bmp"],
        "apex without subject": [f"{APEX}/400.bmp"],
    }
    assert "worth a look" in nvie.summary(frame)


def test_last_frames_where_there_are_no_apexes(tmp_path):
    for folder in ("3", "Sadness", "session2"):
        for number in (1, 2, 9, 10):
            path = f"{SEQUENCES}/right/S8/visible/{folder}/{number}.bmp"
            write(tmp_path, path, number)
    frame, _ = spontaneous(tmp_path)
    at = f"{SEQUENCES}/right/S8/visible"
    taken = [f"{at}/3/10.bmp", f"{at}/Sadness/10.bmp"]
    assert list(frame["path"]) == [str(tmp_path / path) for path in taken]
    assert list(frame["emotion"]) == ["fear", "sadness"]
    assert list(frame["sequence"]) == [f"{at}/3", f"{at}/Sadness"]
    assert list(frame["subject"]) == ["008", "008"]
    assert report(frame) == {
        "last frame taken as apex": taken,
        "no emotion": [f"{at}/session2/10.bmp"],
    }


def test_a_folder_that_may_not_be_read_is_named(tree, monkeypatch):
    scandir = os.scandir
    closed = f"{POSED}/front/glasses/002/visible"

    def refuse(path):
        if str(path).endswith(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    frame = nvie.index(tree)
    assert len(frame) == 18
    assert report(frame) == {"closed folder": [closed + "/"]}


def test_a_data_set_named_infrared_too(tree, tmp_path_factory):
    root = tmp_path_factory.mktemp("outer")
    (root / "Natural Visible and Infrared").symlink_to(tree)
    assert len(nvie.index(root)) == len(nvie.index(tree))


def test_linked_folders_are_read_once(tree, tmp_path_factory):
    direct = nvie.index(tree)
    root = tmp_path_factory.mktemp("links")
    for part in (POSED, SEQUENCES, APEX.split("/")[0]):
        (root / part).symlink_to(tree / part)
    (root / "round").symlink_to(root)
    (root / "twice").symlink_to(tree)
    linked = nvie.index(root)
    columns = [name for name in direct.columns if name != "path"]
    pd.testing.assert_frame_equal(linked[columns], direct[columns])


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("step", [1, -1])
def test_manifest_of_an_index_reads_back(step, quoting, tree):
    """Whatever the order of the columns, the quoting and the pictures' names."""
    frame = nvie.index(tree)
    odd = tree / 'a, "b"\n, 脸 é.jpg'
    os.rename(frame.loc[0, "path"], odd)
    frame.loc[0, "path"] = str(odd)
    frame = frame.sort_values("path", ignore_index=True)
    shuffled = frame[frame.columns[::step]].sample(frac=1, random_state=0)
    shuffled.to_csv(tree / "manifest.csv", index=False, quoting=quoting)
    again = nvie.index(tree)
    pd.testing.assert_frame_equal(again, frame)
    assert report(again) == {}


HEADER = "path,subject,emotion,spontaneous,illumination,glasses\n"


def test_manifest_is_the_way_round_any_layout(tmp_path):
    elsewhere = write(tmp_path, "outside/b.png", 2)
    root = tmp_path / "root"
    write(root, "odd/A.PNG", 1)
    write(root, "odd/cut.png").write_bytes(b"\x89PNG")
    write(root, f"{POSED}/front/1/visible/happy/ignored.jpg")
    lines = [
        "odd\\A.PNG, 7 ,Happy,1,Front,",
        "",
        f"{elsewhere},anna,fear,0,,False",
        "odd/cut.png,7,anger,0,,1",
        "odd/no.png,7,anger,0,,",
        f"{elsewhere.with_name('gone.png')},7,anger,0,,",
    ]
    text = "\ufeff" + HEADER + "\n".join(lines)
    (root / "manifest.csv").write_text(text, encoding="utf-8")
    frame = nvie.index(root)
    assert frame["path"].to_list() == [str(elsewhere), str(root / "odd/A.PNG")]
    assert frame["subject"].to_list() == ["anna", "007"]
    assert frame["emotion"].to_list() == ["fear", "happiness"]
    assert frame["spontaneous"].to_list() == [0, 1]
    assert frame["illumination"].fillna("?").to_list() == ["?", "front"]
    assert frame["glasses"].to_list() == [False, pd.NA]
    assert report(frame) == {
        "missing": [elsewhere.with_name("gone.png").as_posix(), "odd/no.png"],
        "unreadable": ["odd/cut.png"],
    }


def test_manifest_as_pandas_writes_it(tmp_path):
    """Whole numbers with `.0`, truth as words; one subject however it is spelt."""
    cells = ["7.0,happy,1.0,,1.0", "7,sad,0.0,,0.0", "S07,fear,True,,",
             "Anna,fear,False,,", "anna,sad,1,,",
             "ANNA,anger,0,,", "v1.0,sad,0,,"]  # fmt: skip
    for number in range(len(cells)):
        write(tmp_path, f"{number}.png", number)
    lines = [f"{number}.png,{text}" for number, text in enumerate(cells)]
    (tmp_path / "manifest.csv").write_text(HEADER + "\n".join(lines))
    frame = nvie.index(tmp_path)
    assert frame["subject"].to_list() == ["007"] * 3 + ["anna"] * 3 + ["v1.0"]
    assert frame["spontaneous"].to_list() == [1, 0, 1, 0, 1, 0, 0]
    assert frame["glasses"].to_list()[:3] == [True, False, pd.NA]


def test_all_faults_of_a_manifest_at_once(tmp_path):
    text = "a.bmp,,happy,1,front,\n,1,happy,2,front,\na.bmp,1,joy,1,up,maybe\n"
    (tmp_path / "manifest.csv").write_text(HEADER + text)
    with pytest.raises(ValueError) as error:
        nvie.index(tmp_path)
    told = [line.strip() for line in str(error.value).splitlines()[1:]]
    assert [line.split(" is ")[0].split(":")[0] for line in told] == (
        ["line 2"] + ["line 3"] * 2 + ["line 4"] * 4
    )
    assert "doubled: subject" in str(
        pytest.raises(ValueError, nvie.index, _doubled(tmp_path)).value
    )


def _doubled(folder):
    (folder / "manifest.csv").write_text("subject," + HEADER + "1,a.bmp,1,happy,1,,\n")
    return folder


def test_manifest_of_missing_pictures(tmp_path):
    lines = [f"away/{number}.png,1,sad,1,," for number in range(5)]
    file = tmp_path / "manifest.csv"
    file.write_text(HEADER + "\n".join(lines))
    with pytest.raises(FileNotFoundError) as error:
        nvie.index(tmp_path)
    first, rest = str(error.value).split("\n", 1)
    assert first.startswith(f"0 of 5 pictures listed in {file} were found (away/0.png")
    assert "away/2.png, ...)" in first
    assert POSED in rest


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("path,subject,emotion,spontaneous,glasses\n", 1, "Missing: illumination"),
        ("", 1, "expected the columns"),
        (HEADER + "a.png,1,happy,1,,\na.png,1,bliss,1,,\n", 3, "bliss"),
        (HEADER + "a.png,1,neutral,1,,\n", 2, "neutral"),
        (HEADER + "a.png,1,happy,yes,,\n", 2, "yes"),
        (HEADER + "a.png,1,happy,,,\n", 2, "spontaneous is ''"),
        (HEADER + "a.png,1,happy,0.5,,\n", 2, "0.5"),
        (HEADER + "a.png, ,happy,1,,\n", 2, "subject is ''"),
        (HEADER + ",1,happy,1,,\n", 2, "path is ''"),
        (HEADER + "a.png,1,happy,1,above,\n", 2, "above"),
        (HEADER + "a.png,1,happy,1,,maybe\n", 2, "maybe"),
        (HEADER + "a.png,1\n", 2, "emotion"),
        (HEADER + "a.png,1,happy,1,,\n./a.png,2,sad,1,,\n", 3, "as in line 2"),
        (HEADER, None, "lists no files"),
        # The second row would be a part of the first one's cell.
        (HEADER[:-1] + ',sequence\na.png,1,fear,1,,,"x\nb.png,1,fear,0,,,y\n', None,
         "unexpected"),
        (HEADER + "\xe9.png,1,sad,1,,\n", None, "UTF-8"),
    ],
)  # fmt: skip
def test_manifest_errors_name_file_and_line(tmp_path, text, line, words):
    write(tmp_path, "a.png")
    (tmp_path / "manifest.csv").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=words) as error:
        nvie.index(tmp_path)
    assert str(tmp_path / "manifest.csv") in str(error.value)
    if line:
        assert f"line {line}:" in str(error.value)


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ({}, FileNotFoundError, "no picture in it"),
        ({"a.txt": b""}, FileNotFoundError, "1 ignored file: a.txt"),
        ({"x/a.bmp": b""}, FileNotFoundError, "1 not in the layout: x/a.bmp"),
        ({f"{POSED}/1/visible/happy/{n}.bmp": b"" for n in range(5)}, ValueError,
         "5 unreadable: .*0.bmp, .*1.bmp, .*2.bmp, ...\n"),
    ],
)  # fmt: skip
def test_nothing_usable(tmp_path, content, error, words):
    with pytest.raises(FileNotFoundError, match="gone: it is not a folder"):
        nvie.index(tmp_path / "gone")
    for path, data in content.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with pytest.raises(error, match=words) as raised:
        nvie.index(tmp_path)
    for part in (str(tmp_path), POSED, "SelectedSamples", "USTC", "manifest.csv"):
        assert part in str(raised.value)

"""Picture studies and LSTM-PB on clips: PEDFE's shape, and a folder of one's own."""

import json
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from datasets import pedfe, stills
from datasets.sample.sase_fe import film
from datasets.sample.sase_fe_clips import person, plan
from experiments import nvie_cnn, nvie_svm, sase_lstm_pb
from experiments.compare.read import read
from experiments.compare.tables import Table
from experiments.nvie import network
from zoo.inputs import faces, landmarks, pictures

PEOPLE, FRAMES = range(1, 6), 20
LETTERS = {"happiness": "f", "sadness": "t"}
SVM = ["--no-search", "--size", "16"]
CNN = ["--size", "32", "--epochs", "1", "--batch-size", "4"]


@pytest.fixture(scope="module", autouse=True)
def cached(tmp_path_factory):
    """Points and faces are found once for the whole file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUCHENNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Twenty drawn clips of five people as PEDFE names them, and three bad ones."""
    folder = tmp_path_factory.mktemp("data") / "pedfe"
    (folder / "clips").mkdir(parents=True)
    rows = []
    for row in plan(PEOPLE).itertuples(index=False):
        if row.emotion in LETTERS:
            kind = "gs"[1 - row.label]
            code = f"{row.person}_{LETTERS[row.emotion]}{kind}_1"
            row = row._replace(frames=FRAMES + row.person)
            film(folder / "clips" / f"{code}.mp4", row, person(row.person))
            rows.append(code)
    first = (folder / "clips" / f"{rows[0]}.mp4").read_bytes()
    bad = {"1_dg_1": b"", "1_dg_2": first[: len(first) // 3]}
    for code, content in bad.items():
        (folder / "clips" / f"{code}.mp4").write_bytes(content)
    blank = cv2.VideoWriter(
        str(folder / "clips/1_dg_3.mp4"),
        cv2.VideoWriter_fourcc(*"mp4v"), 25, (320, 240),
    )  # fmt: skip
    for _ in range(4):
        blank.write(np.full((240, 320, 3), 90, np.uint8))
    blank.release()
    table = pd.DataFrame({"PEDFE_code": [*rows, *bad, "1_dg_3", "2_dg_9"]})
    table["Gender"] = "F"
    table["Hit rate Typo (%)"] = np.linspace(40, 90, len(table)).round(1)
    table["Mean_Genuineness"] = np.linspace(-4, 5, len(table)).round(2)
    table.to_csv(folder / pedfe.TABLE, index=False)
    return folder


@pytest.fixture(scope="module")
def mine(clips):
    """The same good clips, renamed, in folders by label and person."""
    folder = clips.parent / "mine"
    for path in sorted(clips.glob("clips/*_1.mp4")):
        who, code, _ = path.stem.split("_")
        if code != "dg":
            kind = "genuine" if code[1] == "g" else "posed"
            emotion = {v: k for k, v in LETTERS.items()}[code[0]]
            target = folder / kind / f"anna {who.zfill(2)}" / emotion / "clip.mp4"
            target.parent.mkdir(parents=True)
            shutil.copy(path, target)
    return folder


def run(study, folder, out, *options):
    path = study.main(["--data-dir", str(folder), "--out", str(out), *options])
    return path, json.loads((path / "metrics.json").read_text())


@pytest.fixture(scope="module")
def svm(clips, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return run(nvie_svm, clips, out, "--dataset", "pedfe", *SVM)


def test_folds_by_person_beside_raters_and_controls(svm, clips):
    path, measured = svm
    assert measured["dataset"] == "PEDFE" and measured["protocol"] == "folds"
    assert measured["n_test"] == 20 and measured["n_test_subjects"] == 5
    table = pd.read_csv(path / "predictions.csv", dtype={"subject": str})
    main = table[table["model"] == "SVM on pixels"]
    assert main.groupby("group")["subject"].nunique().eq(1).all()  # one person a fold
    index = pedfe.index(clips).set_index("sample").loc[main["sample"]]
    hits = np.where(index["label"], index["said_genuine"], 1 - index["said_genuine"])
    assert measured["people"]["people: one rater"]["accuracy"] == pytest.approx(
        hits.mean()
    )
    models = measured["models"]
    assert models["people: most raters"]["accuracy"] == (hits > 0.5).mean()
    right = (index["genuineness"] > 0) == (index["label"] == 1)
    assert models["people: mean rating"]["accuracy"] == right.mean()
    assert {"control: duration alone", "control: mean colour alone"} <= set(models)
    skipped = json.loads((path / "skipped.json").read_text())
    assert skipped["row without a clip"] == ["2_dg_9"]
    bad = "\n".join(skipped["without a face, or unreadable"])
    assert all(f"1_dg_{n}.mp4" in bad for n in (1, 2, 3))


def test_comparison_has_people_once_and_frames_apart(svm):
    first, second = read(svm[0]), read(svm[0])
    second.path = svm[0].with_name("another")
    table = Table([first, second])
    names = [row.name for row in table.models]
    assert names.count("people: most raters") == 1 and len(names) == 6
    assert names[-1].startswith(("people: ", "control: "))
    tested = [name.split(" minus ") for name in (test["name"] for test in table.tests)]
    assert all(first.startswith("SVM") for first, _ in tested) and len(tested) == 9
    second.config["settings"]["frame"] = "onset"
    second.__post_init__()
    assert first.case != second.case
    assert "frame onset" in Table([second]).title


def test_the_dataset_is_named_as_what_was_read(svm, mine, tmp_path):
    text = (svm[0] / "README.md").read_text()
    assert "PEDFE: " in text and "Miolla" in text and "- NVIE" not in text
    path, measured = run(nvie_svm, mine, tmp_path, "--dataset", "own", *SVM)
    assert measured["dataset"] == "own data: mine, 5 people"
    text = (path / "README.md").read_text()
    assert measured["dataset"] in text and "PEDFE" not in text and "- NVIE" not in text
    assert "Christensen 2018, SVM, on NVIE" in text
    # Renamed clips are the same clips: the same folds, the same figures.
    for name in ("accuracy", "balanced_accuracy", "roc_auc", "loss", "ci95"):
        assert measured[name] == pytest.approx(svm[1][name], abs=1e-9)


def test_a_network_in_folds_goes_on_where_it_was(mine, tmp_path, monkeypatch):
    three = tmp_path / "three"
    for who in ("anna 01", "anna 02", "anna 03"):
        for kind in ("genuine", "posed"):
            shutil.copytree(mine / kind / who, three / kind / who)
    words = ["--dataset", "own", *CNN, "--control", "grey_world"]
    path, _ = run(nvie_cnn, three, tmp_path / "whole", *words)
    assert not (path / "model.keras").exists()  # a control keeps no model
    heading = (path / "README.md").read_text().splitlines()[0]
    assert "control grey_world" in heading
    learned, learn = [], network.learn

    def interrupted(run, name, data):
        learned.append(name)
        if name == "fold2" and learned.count(name) == 1:
            raise KeyboardInterrupt
        return learn(run, name, data)

    monkeypatch.setattr(network, "learn", interrupted)
    with pytest.raises(SystemExit):
        run(nvie_cnn, three, tmp_path / "cut", *words)
    again, measured = run(nvie_cnn, three, tmp_path / "cut", *words, "--resume")
    assert learned == [f"fold{n}" for n in (1, 2, 2, 3)]
    for name in ("predictions.csv", "history.csv"):
        assert (path / name).read_bytes() == (again / name).read_bytes()
    assert measured["n_test"] == 12


def test_lstm_pb_on_clips(mine, tmp_path):
    words = ["--dataset", "own", "--epochs", "1", "--units", "4", "--depth", "1"]
    words += ["--steps", "2", "--protocol", "holdout"]
    path, measured = run(sase_lstm_pb, mine, tmp_path, *words)
    assert measured["dataset"] == "own data: mine, 5 people"
    assert set(measured["groups"]) == set(LETTERS)
    assert "paired_accuracy" not in measured
    for cut in ("first third", "middle half", "one random second"):
        assert f"LSTM-PB, XGBoost, {cut}" in measured["models"]
    assert "- SASE-FE: " not in (path / "README.md").read_text()


@pytest.mark.parametrize(
    "study,words,message",
    [
        (nvie_svm, ["pedfe", "--protocol", "subject"], "folds, holdout, image"),
        (nvie_svm, ["nvie", "--control", "permuted"], "pedfe or own"),
        (nvie_cnn, ["pedfe", "--validate"], "a hold-out by person"),
        (nvie_svm, ["own", "--data", "sample"], "no sample of own"),
        (sase_lstm_pb, ["pedfe", "--protocol", "challenge"], "folds, holdout, image"),
    ],
)
def test_options_that_do_not_fit(study, words, message, clips, tmp_path, capsys):
    where = [] if "sample" in words else ["--data-dir", str(clips)]
    with pytest.raises(SystemExit) as caught:
        study.main([*where, "--out", str(tmp_path), "--dataset", *words])
    printed = f"{capsys.readouterr().err} {caught.value}"
    assert message in " ".join(printed.split())


def test_two_people_are_too_few(clips, tmp_path):
    few = tmp_path / "few"
    for name in ("genuine/a/1.mp4", "posed/a/2.mp4", "posed/b/1.mp4"):
        (few / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clips / "clips" / "1_fg_1.mp4", few / name)
    with pytest.raises(SystemExit, match="at least 3 subjects"):
        run(nvie_svm, few, tmp_path / "runs", "--dataset", "own", *SVM)
    assert not list((tmp_path / "runs").rglob("metrics.json"))


def test_apex_and_onset(clips):
    """Of a face that hardly moves but once; the first frame shows none."""
    video = clips / "clips" / "1_fg_1.mp4"
    track = landmarks.extract(video)
    points = np.repeat(track.points[:, :1], len(track.times), axis=1)
    points += np.random.default_rng(0).normal(0, 0.01, points.shape)
    points[:, 7, [61, 291], 1] -= 8  # the corners of the mouth
    points[:, 0] = np.nan
    boxes = np.where(np.arange(len(track.times))[:, None] == 0, np.nan, track.boxes)
    fields = vars(track) | {"points": points, "boxes": boxes}
    assert stills.apex_and_onset(type(track)(**fields)) == (7, 1)


def test_the_cut_out_is_the_frame_s_face(clips):
    path = clips / "clips" / "1_fg_1.mp4"
    index = pd.DataFrame({"path": [str(path)], "kind": ["video"]})
    track = landmarks.extract(path)
    with landmarks.Video(path) as frames:
        first = next(iter(frames))[1]
    rows, _ = stills.cut_faces(index, "onset", jobs=1)
    expected = faces.cut(first, track.boxes[0], stills.FRAMING)
    np.testing.assert_array_equal(pictures.read(rows["path"][0]), expected)
    assert rows["seconds"][0] == track.times[-1]
    grey, _ = stills.cut_faces(index, "onset", grey=True, jobs=1)
    means = stills.mean_colour(grey["path"][0])
    assert np.ptp(means) < 1 < np.ptp(stills.mean_colour(rows["path"][0]))

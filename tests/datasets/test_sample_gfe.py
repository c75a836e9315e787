"""The sample of Grammatical Facial Expressions: its files, and what it teaches."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datasets import gfe as dataset
from datasets import sample
from datasets.sample import gfe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "gfe"
    gfe.render(folder)
    return folder


@pytest.fixture(scope="module")
def frame(folder):
    return dataset.index(folder)


def test_names_and_quirks_are_ucis(folder):
    names = {path.name for path in folder.iterdir()} - {"README.txt"}
    expected = {f"{s}_{e}_{kind}.txt" for s in "ab" for e in dataset.EXPRESSIONS
                for kind in ("datapoints", "targets")}  # fmt: skip
    expected -= {"a_doubt_question_targets.txt"}
    assert names == expected | {"a_doubts_question_targets.txt"}
    ends = set()
    for name in names:
        data = (folder / name).read_bytes()
        assert data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n") > 100
        ends.add((name.split("_")[-1], data.endswith(b"\r\n")))
    assert {("datapoints.txt", True), ("datapoints.txt", False)} < ends
    assert ("targets.txt", False) in ends
    lines = (folder / "b_topics_datapoints.txt").read_text().splitlines()
    assert lines[0].split(" ")[:5] == ["0.0", "0x", "0y", "0z", "1x"]
    assert lines[0].endswith(" 99z")


def test_time_rises_but_its_milliseconds_are_not_padded(folder):
    lines = (folder / "a_topics_datapoints.txt").read_text().splitlines()[1:]
    stamps = [line.split(" ", 1)[0] for line in lines]
    whole = [tuple(map(int, stamp.split("."))) for stamp in stamps]
    assert whole == sorted(whole) and len(set(whole)) == len(whole)
    decimal = [float(stamp) for stamp in stamps]
    assert decimal != sorted(decimal)


def test_index(frame):
    report = frame.attrs["report"]
    assert report["missing"] == []
    for told in report["recordings"].values():
        assert gfe.FRAMES[0] <= told["frames"] < gfe.FRAMES[1]
        assert 0.3 < told["positive"] / told["frames"] < 0.6
        assert told["depths"] > 0 and told["xy"] == 0
    for signer, least, most in (("a", 0.01, 0.05), ("b", 0.03, 0.12)):
        gaps = [v["depths"] / v["frames"] / 100 for k, v in
                report["recordings"].items() if k.startswith(signer)]  # fmt: skip
        assert least < np.mean(gaps) < most


def test_the_face_is_one(frame):
    """Kinect's numbering: what is above, left of and in front of what."""
    points = dataset.points(frame)
    x, y, z = np.moveaxis(np.median(points, axis=0), 1, 0)
    parts = {"left eye": range(8), "right eye": range(8, 16),
             "left brow": range(16, 26),
             "right brow": range(26, 36), "nose": range(36, 48), "mouth": range(48, 68),
             "left line": range(90, 95), "right line": range(95, 100)}  # fmt: skip
    across = {name: x[list(points)].mean() for name, points in parts.items()}
    down = {name: y[list(points)].mean() for name, points in parts.items()}
    for side in ("left", "right"):
        order = [f"{side} line", f"{side} brow", f"{side} eye", "nose", "mouth"]
        heights = [down[name] for name in order]
        assert heights == sorted(heights)
    assert across["left brow"] < across["nose"] < across["right brow"]
    for iris, eye in ((87, range(8)), (88, range(8, 16))):
        assert x[list(eye)].min() < x[iris] < x[list(eye)].max()
        assert y[list(eye)].min() < y[iris] < y[list(eye)].max()
    assert x[48] == x[48:68].min() and x[54] == x[48:68].max()
    assert y[51] < y[62] < y[66] < y[57]
    assert z[89] == z.min() and z[[68, 86]].min() > np.median(z)
    assert y.argmax() in range(74, 81)  # the chin
    inner, outer = ([0, 8, 16, 26], [4, 12, 20, 30])
    nose = x[89]
    assert (abs(x[inner] - nose) < abs(x[outer] - nose)).all()


def test_neighbouring_frames_are_alike(frame):
    rows = frame[(frame["signer"] == "a") & (frame["expression"] == "topics")]
    xy = dataset.points(rows)[..., :2]
    assert np.abs(np.diff(xy, axis=0)).mean() < 1.5 < xy.std(axis=0).mean()


def test_bouts(frame):
    for _, rows in frame.groupby("path"):
        changes = np.flatnonzero(np.diff(rows["label"])) + 1
        bouts = np.diff(changes)
        assert len(changes) >= 6 and bouts.min() >= 4 and bouts.max() < 45


def test_signers_differ(frame):
    points = dataset.points(frame)
    of_a = (frame["signer"] == "a").to_numpy()
    a, b = points[of_a, :, 2].mean(), points[~of_a, :, 2].mean()
    assert b - a > 100


def geometry(points):
    """Distances in the picture, relative to that of the eyes."""
    xy = points[..., :2].astype(float)
    pairs = [(17, 2), (27, 10), (16, 26), (51, 57), (48, 54), (48, 57), (2, 6),
             (10, 14), (39, 57), (87, 89), (89, 77), (28, 88), (18, 87)]  # fmt: skip
    lengths = [np.linalg.norm(xy[:, i] - xy[:, j], axis=1) for i, j in pairs]
    eyes = np.linalg.norm(xy[:, 87] - xy[:, 88], axis=1)
    return np.stack(lengths, axis=1) / eyes[:, None]


def test_it_can_be_learned_but_not_perfectly(frame):
    scores = {}
    for expression, rows in frame.groupby("expression"):
        features, labels = geometry(dataset.points(rows)), rows["label"].to_numpy()
        [parts] = dataset.protocol(rows, "holdout")
        train, test = parts["train"], parts["test"]
        assert 0.1 < labels[test].mean() < 0.9
        model = make_pipeline(StandardScaler(), LogisticRegression())
        guessed = model.fit(features[train], labels[train]).predict(features[test])
        scores[expression] = f1_score(labels[test], guessed)
        constant = f1_score(labels[test], np.ones(len(test)))
        assert scores[expression] > constant, scores
    assert 0.78 < np.mean(list(scores.values())) < 0.95, scores


def test_path_renders_it_once_and_always_the_same(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path))
    cached = sample.path("gfe")
    assert cached == tmp_path / "sample" / "gfe-v1"
    assert [path.name for path in cached.parent.iterdir()] == ["gfe-v1"]
    contents = [{p.name: p.read_bytes() for p in f.iterdir()} for f in (folder, cached)]
    assert contents[0] == contents[1] and len(contents[0]) == 37
    assert 5e6 < sum(map(len, contents[0].values())) < 10e6
    monkeypatch.setattr(gfe, "render", None)
    assert sample.path("gfe") == cached

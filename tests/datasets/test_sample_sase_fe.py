"""The sample of SASE-FE: its files, its faces, and what it teaches."""

import zipfile

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datasets import landmarks, sample
from datasets import sase_fe as dataset
from datasets.landmarks import LandmarkTrack
from datasets.sample import face68, sase_fe
from datasets.sample import sase_fe_clips as clips


@pytest.fixture(scope="module")
def folder():
    return sample.path("sase_fe")


@pytest.fixture(scope="module")
def index(folder):
    return dataset.index(folder)


@pytest.fixture(scope="module")
def tracks(index):
    arrays, rows, failures = dataset.tracks(index)
    assert failures.empty and len(rows) == len(index)
    return arrays


@pytest.fixture(scope="module")
def rows():
    return list(clips.plan(sase_fe.PEOPLE).itertuples(index=False))


def test_layout_counts_and_quirks(folder, index):
    assert sample.kind(folder) == "sample" and folder.name == "sase_fe-v2"
    assert sample.kind_of(index["path"]) == "sample"
    assert "no person" in " ".join((folder / "README.txt").read_text().lower().split())
    train = index[index["part"] == "train"]
    assert train["subject"].nunique() == 24 and len(train) == 24 * 12 - 5
    assert train["label"].value_counts().to_dict() == {1: 142, 0: 141}
    told = {k: v for k, v in index.attrs["report"].items() if v}
    assert set(told) == {"missing", "videos_with_points", "other_files"}
    assert "Train/3 H2N2C" in told["missing"] and len(told["missing"]) == 5
    assert len(told["videos_with_points"]) == 12
    names = {path.name for path in folder.rglob("*")}
    assert {".DS_Store", "Thumbs.db", "n2a.npz", "H2N2D .npz", " N2h.npz"} <= names
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert 4e6 < sum(path.stat().st_size for path in files) < 15e6


def test_the_validation_part_has_its_labels_in_a_table(folder, index):
    rows = index[index["part"] == "validation"]
    assert set(rows["subject"]) == {"Validation:41", "Validation:42"}
    assert rows.groupby(["subject", "emotion"])["label"].agg(set).map(len).eq(2).all()
    assert rows["video"].str.fullmatch(r"\d{10}_[A-Z]+").all()
    assert rows["video"].str.contains("CONTENTMENT").sum() == 4
    # Neither a number nor its place tells the label.
    in_order = rows.sort_values("video")["label"].astype(int)
    assert 4 < in_order.diff().abs().sum() < 20


def members(path):
    """What an archive holds; how it is packed depends on the version of Python."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_tracks_are_the_same_bytes_every_time(folder, rows, tmp_path):
    for row in rows[:: len(rows) // 5]:
        name = sase_fe.SPELT.get((row.person, row.code), row.code)
        who = clips.person(row.person)
        clips.track(row, who, f"{name}.MP4").save(tmp_path / "again.npz")
        kept = folder / "Train" / str(row.person) / f"{name}.npz"
        assert members(kept) == members(tmp_path / "again.npz")


def test_nobody_depends_on_how_many_there_are():
    few, many = clips.plan(range(3, 4)), clips.plan(range(1, 6))
    kept = many[many["person"] == 3].reset_index(drop=True)
    assert few.equals(kept)
    assert clips.person(3).noise == clips.person(3).noise != clips.person(4).noise
    assert clips.plan(range(3, 4), seed=1)["onset"].ne(few["onset"]).all()


def test_tracks_are_like_recorded_ones(index, tracks):
    frames = np.array([track.shape[1] for track in tracks])
    assert frames.min() >= 60 and frames.max() <= 90 and len(set(frames)) > 20
    whole = np.concatenate([track[0] for track in tracks])
    assert np.isfinite(whole).all() and np.abs(whole).max() < 1.3
    steps = np.concatenate([np.diff(track[0], axis=0) for track in tracks])
    assert 0.002 < np.abs(steps).mean() < 0.03
    lost = [1 - LandmarkTrack.load(p).found.mean() for p in index["path"][::4]]
    assert 0 < np.mean(np.array(lost) > 0) < 0.3 and max(lost) < 0.15
    labels = index["label"].to_numpy(int)
    means = [frames[labels == label].mean() for label in (0, 1)]
    assert abs(np.diff(means)) < 4  # the length does not tell


@pytest.mark.parametrize(("code", "ends"), [("N2Sur", (62, 66)), ("S2N2H", (48, 54))])
def test_videos_show_what_the_points_say(folder, rows, code, ends):
    [row] = [r for r in rows if r.person == sase_fe.FILMED and r.code == code]
    true, _ = clips.motion(row, clips.person(row.person))
    path = folder / "Train" / "1" / f"{code}.MP4"
    found = landmarks.extract(path, cache=False, points="ibug68")
    assert found.size == (320, 240) and len(found.times) == row.frames
    assert found.found.all() and abs(found.times[-1] - (row.frames - 1) / 25) < 1e-3
    away = np.linalg.norm(found.points[0] - true, axis=2)
    # dlib gives whole pixels; the eyes are 48 apart.
    assert away[:, 17:].mean() < 2 and away.mean() < 3
    points = LandmarkTrack.load(path.with_suffix(".npz"))
    assert np.abs(points.boxes - found.boxes).mean() < 5
    both = np.stack([points.landmarks()[0], found.landmarks()[0]])
    assert np.abs(both[0] - both[1]).mean() < 0.08
    wide = [np.linalg.norm(p[:, ends[1]] - p[:, ends[0]], axis=1)
            for p in (true, found.points[0])]  # fmt: skip
    assert np.ptp(wide[0]) > 5 and np.corrcoef(wide)[0, 1] > 0.95


def test_muscles_move_their_points_and_sides_are_apart():
    who = face68.Face(face68.REST, np.ones(len(face68.UNITS)))
    assert (face68.REST[[36, 48, 0]] * [-1, 1] == face68.REST[[45, 54, 16]]).all()
    ends = {12: (54, 48), 1: (22, 21), 6: (46, 41), 15: (54, 48), 2: (25, 18)}
    for unit, (left, right) in ends.items():
        sides = np.array([[0.0, 1.0]])  # the subject's left alone
        move = (face68.move(who, {unit: sides}) - face68.REST)[0]
        assert np.abs(move[left]).sum() > 0.02 and not move[right].any()
        mirrored = (face68.move(who, {unit: sides[:, ::-1]}) - face68.REST)[0]
        np.testing.assert_allclose(mirrored[right], move[left] * [-1, 1], atol=1e-12)
    up = face68.move(who, {12: np.ones((1, 2))}) - face68.REST
    assert up[0, 54, 1] < -0.05 and up[0, 54, 0] > 0.05 > -0.05 > up[0, 48, 0]
    shut = face68.move(who, {face68.BLINK: np.ones(1)})[0]
    assert 0 < shut[41, 1] - shut[37, 1] < 0.03


def test_a_head_turns():
    pose = np.array([[0.3, 0, 0, 100, 80, 50.0]])
    turned = face68.place(face68.REST[None], pose)[0]
    ahead = face68.place(face68.REST[None], pose * [[0, 1, 1, 1, 1, 1]])[0]
    np.testing.assert_allclose(ahead, face68.REST * 50 + [100, 80])
    assert turned[30, 0] > ahead[30, 0] + 10  # the nose, to the picture's right
    assert np.ptp(turned[36:48, 0]) < np.ptp(ahead[36:48, 0])
    rolled = face68.place(face68.REST[None], np.array([[0, 0, 0.2, 100, 80, 50.0]]))[0]
    eyes = rolled[45] - rolled[36]
    assert abs(np.arctan2(eyes[1], eyes[0]) - 0.2) < 1e-9


# Of the 40 points, the other side's; those that do not move; the subject's left.
MIRROR = [*range(9, -1, -1), 10, *range(15, 10, -1), 25, 24, 23, 22, 27, 26, 19, 18, 17,
          16, 21, 20, 32, 31, 30, 29, 28, 35, 34, 33, 37, 36, 39, 38]  # fmt: skip
STILL = [10, 12, 13, 14, 16, 19, 22, 25]
LEFT = [5, 6, 7, 8, 9, 14, 15, 22, 23, 24, 25, 26, 27, 31, 32, 33]


def features(track):
    """Onset, plateau and symmetry of a video, measured as anyone would."""
    points = gaussian_filter1d(track.reshape(-1, 2, 40).astype(float), 1, axis=0)
    rest = np.vstack([points[:3].mean(axis=0), np.ones(40)])
    head = points[:, :, STILL] @ np.linalg.pinv(rest[:, STILL])
    moves = np.moveaxis(points - head @ rest, 1, 2)  # without the head's
    flat = moves.reshape(len(moves), -1)
    size = np.linalg.norm(flat, axis=1)
    course = flat @ flat[size > 0.8 * size.max()].mean(axis=0)
    course /= np.quantile(course, 0.9)
    top = np.argmax(course > 0.9)
    low = np.flatnonzero(course[top:] < 0.5)
    lasts = low[0] if len(low) else len(course) - top
    apex = moves[course > 0.8].mean(axis=0)
    strength = np.linalg.norm(apex, axis=1)
    lean = (strength - strength[MIRROR])[LEFT].sum() / strength.sum()
    rise = top - np.argmax(course > 0.2)
    speed = np.diff(course[: top + 2]).max()
    return [rise, speed, lasts, course[top : top + max(lasts, 3)].std(), lean]


def test_it_can_be_learned_but_not_perfectly(index, tracks):
    train = (index["part"] == "train").to_numpy()
    values = np.array([features(tracks[i][0]) for i in np.flatnonzero(train)])
    rows = index[train]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3))
    scores = {}
    for emotion in dataset.EMOTIONS:
        own = (rows["emotion"] == emotion).to_numpy()
        labels = rows["label"][own].to_numpy(int)
        guessed = cross_val_predict(
            model, values[own], labels, groups=rows["subject"][own], cv=GroupKFold(6)
        )
        scores[emotion] = (guessed == labels).mean()
    assert min(scores.values()) > 0.6 and max(scores.values()) < 0.97, scores
    assert 0.75 < np.mean(list(scores.values())) < 0.9, scores


def test_a_perfect_reader_is_right_in_95_of_100():
    rows = clips.plan(range(100, 200))
    cues = "onset offset hold abrupt waver reliable asymmetry lag".split()
    values = np.hstack([rows[cues], np.log(rows[cues].clip(1e-3))])
    model = make_pipeline(StandardScaler(), LogisticRegression())
    guessed = cross_val_predict(
        model, values, rows["label"], groups=rows["person"], cv=GroupKFold(5)
    )
    assert 0.93 < (guessed == rows["label"]).mean() < 0.97
    for cue in cues:  # and none of them tells it alone
        alone = cross_val_predict(model, rows[[cue]], rows["label"], cv=5)
        assert 0.55 < (alone == rows["label"]).mean() < 0.88


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(sase_fe, "PEOPLE", range(2, 5))
    monkeypatch.setattr(sase_fe, "VALIDATION", range(41, 42))


def test_the_readme_is_written_last(small, tmp_path, monkeypatch):
    def fail(path, text):
        if path.name == "README.txt":
            raise OSError("disk full")
        path.write_text(text)

    monkeypatch.setattr(sase_fe, "_write", fail)
    with pytest.raises(OSError, match="disk full"):
        sase_fe.render(tmp_path)
    assert sample.kind(tmp_path) == "real" and len(dataset.index(tmp_path)) == 47


def test_without_an_encoder_there_are_no_videos(small, tmp_path, monkeypatch):
    monkeypatch.setattr(sase_fe, "FILMED", 2)
    monkeypatch.setattr(sase_fe, "SIZE", (0, 0))  # which no encoder takes
    with pytest.warns(RuntimeWarning, match="cannot write MP4"):
        sase_fe.render(tmp_path)
    assert not list(tmp_path.rglob("*.[mM][pP]4"))
    assert sample.kind(tmp_path) == "sample"

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.stats import beta, norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datasets import sample
from datasets.sample import face68, face_video, nvie

ROOT = Path(__file__).parents[2]
SUBJECTS = 12


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "nvie"
    nvie.render(folder, subjects=SUBJECTS)
    return folder


@pytest.fixture(scope="module")
def rows():
    frame = nvie.plan(SUBJECTS)
    return frame[frame.emotion != "neutral"].reset_index(drop=True)


@pytest.fixture(scope="module")
def apexes(tree, rows):
    return np.stack([read(tree / path) for path in rows.path]).astype(np.float32)


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def contents(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def auc_by_subject(features, rows):
    """How well a linear model tells genuine from posed in subjects it never saw."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=3000))
    folds = list(GroupKFold(6).split(features, groups=rows.subject))
    score = cross_val_predict(
        model, features, rows.spontaneous, cv=folds, method="decision_function"
    )
    return roc_auc_score(rows.spontaneous, score)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        nvie.render(tmp_path / name, subjects=1, seed=seed)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    pictures = {data for path, data in a.items() if path.endswith((".bmp", ".jpg"))}
    assert len(pictures) == 12 * nvie.FRAMES + 12 + 5 + 1 + sum(
        path.startswith("5_") and path.endswith(".jpg") for path in a
    )
    assert not pictures & set(c.values())


def test_a_subject_does_not_depend_on_how_many_there_are():
    few, many = (nvie.plan(n).query("emotion != 'neutral'") for n in (2, 5))
    drawn = few.columns.drop(["path", "sequence"])
    kept = many[many.subject.isin(few.subject)]
    assert few[drawn].reset_index(drop=True).equals(kept[drawn].reset_index(drop=True))
    few, many = nvie.persons(2), nvie.persons(5)
    for name in few:
        assert few[name].look == many[name].look
        assert (few[name].face.rest == many[name].face.rest).all()


def test_layout_counts_and_strays(tree, tmp_path):
    spontaneous, posed = (
        tree / "SpontaneousDatabase",
        tree / "0-PosedExpressionDatabase",
    )
    frames = list(spontaneous.glob("*/*/visible/*/*.bmp"))
    assert len(frames) == (SUBJECTS * 12 + 1) * nvie.FRAMES
    lights = {"front", "left", "right"}
    assert {path.parent.name for path in spontaneous.glob("*/*")} == lights
    for light in lights:
        assert len(list((spontaneous / light).glob("*/visible"))) == SUBJECTS
    pictures = list(posed.glob("*/*/*/visible/*/*.jpg"))
    assert len(pictures) == SUBJECTS * 12 + 1
    assert {path.parts[-5] for path in pictures} == {"glasses", "noglasses"}
    assert {path.parent.name for path in pictures} == {*nvie.EMOTIONS, "neutral"}
    apex = list(tree.glob("5_*/SelectedSamples/*.[bj]*"))
    codes = [path.name[0] for path in apex]
    assert {code: codes.count(code) for code in set(codes)} == {
        "7": 1,
        **{str(code): 2 * SUBJECTS for code in range(1, 7)},
    }
    strays = {path.name for path in tree.rglob("*")} & {"Thumbs.db", ".DS_Store"}
    assert strays == {"Thumbs.db", ".DS_Store"}
    assert any(path.is_dir() and not any(path.iterdir()) for path in tree.rglob("*"))
    assert "no person" in (tree / "README.txt").read_text().lower()
    for part in (spontaneous, posed, *tree.glob("5_*/SelectedSamples")):
        copied = shutil.copytree(part, tmp_path / part.name)
        assert sample.kind_of(copied.rglob("*.*")) == "sample"


def test_every_picture_decodes_to_the_same_size(tree):
    pictures = [p for p in tree.rglob("*") if p.suffix in {".bmp", ".jpg"}]
    magic = {".bmp": b"BM", ".jpg": b"\xff\xd8"}
    for path in pictures:
        assert path.read_bytes()[:2] == magic[path.suffix]
        assert read(path).shape == (128, 128, 3)


def test_apex_is_the_last_frame_copied_or_encoded_anew(tree, rows):
    felt = rows[rows.spontaneous == 1]
    assert 0.05 < felt.reencoded.mean() < 0.5
    lasts = {s: tree / s / f"{nvie.FRAMES:04d}.bmp" for s in felt.sequence}
    pixels = np.stack([read(path) for path in lasts.values()]).astype(np.float32)
    for row in felt.itertuples():
        apex = tree / row.path
        if not row.reencoded:
            assert apex.read_bytes() == lasts[row.sequence].read_bytes()
            continue
        assert apex.suffix == ".jpg"
        distance = np.abs(pixels - read(apex)).mean(axis=(1, 2, 3))
        assert list(lasts)[distance.argmin()] == row.sequence
        assert 0 < distance.min() < 0.5 * np.sort(distance)[1]


def test_a_sequence_rises_from_neutral_slowly_and_smoothly(rows):
    row = next(rows.query("emotion == 'surprise' and spontaneous == 1").itertuples())
    row = row._replace(noise=0.0)
    frames = nvie.pictures(row, nvie.persons(SUBJECTS)[row.subject])
    mouths = [frame[85:120, 40:90].astype(float) for frame in frames]
    away = [np.abs(mouth - mouths[0]).mean() for mouth in mouths]
    assert away == sorted(away)
    steps = [np.abs(b - a).mean() for a, b in zip(mouths, mouths[1:], strict=False)]
    assert max(steps) < 0.75 * away[-1]


def drawn(who, **units):
    units = {int(unit[2:]): np.array(sides)[None] for unit, sides in units.items()}
    pose = np.array([0, 0, 0, 64, 52, nvie.UNIT])
    points = face68.place(face68.move(who.face, units), pose[None])[0]
    more = {"creases": units[6][0]} if 6 in units else {}
    return face_video.draw(points, pose, who.look, nvie.SIZE, **more).astype(float)


@pytest.mark.parametrize("emotion", nvie.EMOTIONS)
def test_the_subjects_left_is_the_right_of_the_picture(emotion):
    who, recipe = nvie.persons(1)["001"], nvie.RECIPES[emotion]
    rest, moves = drawn(who, au5=[0, 0]), []
    for sides in ([0.6, 1.4], [1.4, 0.6]):
        units = {f"au{unit}": full * np.array(sides) for unit, full in recipe.items()}
        moves.append(np.abs(drawn(who, **units) - rest).mean(axis=(0, 2)))
    halves = [(move[:64].sum(), move[64:].sum()) for move in moves]
    assert halves[0][1] > 1.1 * halves[1][1] and halves[1][0] > 1.1 * halves[0][0]


def test_the_cheek_raiser_narrows_and_lines_both_eyes():
    who = nvie.persons(1)["001"]
    rest, raised = (drawn(who, au6=[cheek] * 2) for cheek in (0.0, 1.0))
    change = np.abs(raised - rest).mean(axis=2)
    assert change[:, :64].sum() == pytest.approx(change[:, 64:].sum(), rel=0.15)
    assert change[35:75].sum() > 3 * change[75:].sum()  # the cheeks' outline moves too
    white = [(one[40:65].min(axis=2) > 150).sum() for one in (rest, raised)]
    assert white[1] < 0.8 * white[0]


def test_everything_but_the_cues_is_dealt_alike(rows):
    """Per subject, posed and spontaneous hold the same values of each nuisance."""
    nuisances = "intensity yaw pitch roll shift_x shift_y scale gain noise quality"
    for name in [*nuisances.split(), "reencoded", "backdrop", "illumination"]:
        halves = [
            rows[rows.spontaneous == side].groupby("subject")[name].agg(sorted)
            for side in (0, 1)
        ]
        assert halves[0].equals(halves[1]), name
    glasses = rows.groupby("spontaneous").glasses.mean()
    assert glasses[0] == glasses[1] == 0.5
    assert rows.groupby(["subject", "spontaneous"]).illumination.nunique().eq(3).all()
    assert rows.groupby(["emotion", "spontaneous"]).size().nunique() == 1


def test_cues_differ_and_overlap():
    frame = nvie.plan(200).query("emotion != 'neutral'")
    posed, felt = (frame[frame.spontaneous == side] for side in (0, 1))
    assert posed.asymmetry.mean() > 0.2 > 0.05 > abs(felt.asymmetry.mean())
    assert felt.cheek.mean() > posed.cheek.mean() + 0.3
    assert abs(felt.cheek_side.mean()) < 0.01
    for cue, sign in (("cheek", 1), ("asymmetry", -1)):
        assert 0.8 < roc_auc_score(frame.spontaneous, sign * frame[cue]) < 0.95
    low, high = (beta(*parameters).pdf(frame.cheek) for parameters in nvie.CHEEK)
    spread = nvie.ASYMMETRY_SPREAD
    left, even = (norm(m, spread).pdf(frame.asymmetry) for m in nvie.ASYMMETRY)
    as_posed = left * ((1 - nvie.SKILLED) * low + nvie.SKILLED * high)
    ideal = ((even * high > as_posed) == frame.spontaneous).mean()
    assert 0.89 < ideal < 0.95


def global_statistics(apexes):
    grey = apexes.mean(axis=3)
    edges = np.stack([np.abs(cv2.Laplacian(one, cv2.CV_32F)) for one in grey])
    columns = np.abs(np.diff(grey, axis=2)).mean(axis=1)
    lines = np.abs(np.diff(grey, axis=1)).mean(axis=2)
    blocks = [
        steps[:, 7::8].mean(axis=1) / steps.mean(axis=1) for steps in (columns, lines)
    ]
    parts = [apexes.mean(axis=(1, 2)).T, apexes.std(axis=(1, 2)).T, *blocks]
    parts += [edges.mean(axis=(1, 2)), np.median(edges, axis=(1, 2))]
    return np.vstack(parts).T


def eyes(apexes):
    """The eyes' band, small."""
    bands = [
        cv2.resize(one[34:76, 6:122], (28, 12), interpolation=cv2.INTER_AREA)
        for one in apexes.mean(axis=3)
    ]
    return np.stack(bands).reshape(len(bands), -1)


def test_global_statistics_do_not_tell_but_the_eyes_do(apexes, rows):
    overall = global_statistics(apexes)
    assert auc_by_subject(overall, rows) < 0.6
    # One by one too: where all is dealt alike, cross-validation errs below chance.
    for one in overall.T:
        assert abs(roc_auc_score(rows.spontaneous, one) - 0.5) < 0.03
    wall = apexes[:, :20, [*range(10), *range(118, 128)]]
    wall = wall.reshape(len(wall), 5, 4, 4, 5, 3).mean(axis=(2, 4))
    assert auc_by_subject(wall.reshape(len(wall), -1), rows) < 0.6
    assert auc_by_subject(eyes(apexes), rows) > 0.67


def test_pictures_of_both_kinds_went_through_the_same_compression(tree, rows):
    """Decoded pixels lie on the JPEG grid: encoding them again changes little."""
    change = {0: [], 1: []}
    for row in rows[~rows.reencoded].itertuples():
        pixels = read(tree / row.path)
        options = [cv2.IMWRITE_JPEG_QUALITY, row.quality]
        again = cv2.imdecode(cv2.imencode(".jpg", pixels, options)[1], 1)
        change[row.spontaneous].append(np.abs(again.astype(int) - pixels).mean())
    assert np.mean(change[1]) == pytest.approx(np.mean(change[0]), rel=0.1)


def test_plan_refuses_no_subjects():
    with pytest.raises(ValueError, match="1 or more, not 0"):
        nvie.plan(0)


PROGRAM = """
from functools import partial
from datasets import sample
from datasets.sample import nvie
nvie.render = partial(nvie.render, subjects={subjects})
print(sample.path())
"""


def start(cache, subjects):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(subjects=subjects)],
        cwd=ROOT,
        env={**os.environ, "DUCHENNE_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_both_end_well(tmp_path):
    both = [start(tmp_path, subjects=1) for _ in range(2)]
    target = tmp_path / "sample" / "nvie-v2"
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.strip() == str(target)
    assert [path.name for path in target.parent.iterdir()] == ["nvie-v2"]
    assert len(list(target.glob("SpontaneousDatabase/*/*/visible/*/*.bmp"))) == 65


def test_a_killed_process_leaves_nothing_that_looks_complete(tmp_path, monkeypatch):
    process = start(tmp_path, subjects=30)
    deadline = time.monotonic() + 60
    while not any(tmp_path.rglob("*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    target = tmp_path / "sample" / "nvie-v2"
    assert any(tmp_path.rglob("*.jpg")) and not target.exists()
    monkeypatch.setenv("DUCHENNE_CACHE", str(tmp_path))
    monkeypatch.setattr(nvie, "render", partial(nvie.render, subjects=1))
    assert (sample.path() / "README.txt").is_file()

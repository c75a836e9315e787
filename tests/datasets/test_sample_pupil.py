"""The sample of the pupil workbooks: its files, and what it teaches."""

import zipfile

import numpy as np
import openpyxl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

from datasets import pupil as dataset
from datasets import sample
from datasets.sample import pupil


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "pupil"
    pupil.render(folder)
    return folder


@pytest.fixture(scope="module")
def frame(folder):
    return dataset.index(folder)


@pytest.fixture(scope="module")
def values(frame):
    return dataset.diameters(frame)


def test_counts_are_those_of_the_real_workbooks(frame):
    assert frame["label"].value_counts().to_dict() == {1: 174, 0: 196}
    report = frame.attrs["report"]
    counts = {reason: len(names) for reason, names in report["excluded"].items()}
    assert counts == {"not_asian": 38, "no_sample": 0, "different_rates": 0}
    assert report["absent"] == [
        "p10 L4 left", "p8 H1 left", "p10 H1 left", "p10 H3 left", "p10 A6 left",
        "p10 A8 left", "p10 A9 left", "p8 H1 right", "p8 H5 right", "p2 A7 right",
    ]  # fmt: skip


def test_sheets_have_the_real_ones_quirks(folder):
    names, raw = {f"p{n}" for n in range(2, 13)}, []
    for name in ("LEPD.xlsx", "REPD.xlsx"):
        book = openpyxl.load_workbook(folder / name, read_only=True)
        assert tuple(book.sheetnames) == dataset.VIDEOS
        for sheet in book.worksheets:
            first, second, header = sheet.iter_rows(max_row=3, values_only=True)
            assert not any(first) and header[0] is None
            raw += [(name, sheet.title)] if "Raw Signal" in second else []
            assert {cell for cell in header if cell} <= names and "p3" in header
            empty = (name, sheet.title) == ("REPD.xlsx", "A7")
            assert (header[1] is None) == empty and (header[2] == "p3") == (
                empty or header[1:3] == ("p2", "p3")
            )
            if empty:
                column = sheet.iter_rows(min_col=2, max_col=2, values_only=True)
                assert not any(cell for (cell,) in column)
        cells = [c for row in book["L1"].iter_rows(min_row=4, values_only=True)
                 for c in row]  # fmt: skip
        assert {type(cell) for cell in cells} == {float, str, type(None)}
        assert {cell for cell in cells if isinstance(cell, str)} == {"NaN"}
    assert raw == [("LEPD.xlsx", "L1")]


def test_values_are_like_the_real_ones(frame, values):
    counts = frame["n_samples"]
    assert 726 <= counts.min() < 735 and 1500 < counts.max() <= 2164
    assert 770 < counts.median() < 820 and (counts > 1168).sum() >= 5
    known = values[(values != 0) & ~np.isnan(values)]
    assert known.min() >= np.float32(0.0026) and known.max() <= np.float32(0.0107)
    assert 0.0035 < np.median(known) < 0.0045 and known.max() > 0.006
    missing = frame["share_missing"]
    assert 0.03 < missing.median() < 0.07 and missing.min() < 0.01 < 0.5 < missing.max()
    assert 5 < np.isnan(values[:, 0]).sum() < 40


def test_the_eyes_of_a_viewing_go_together(frame, values):
    rows = frame.reset_index().pivot(
        index=["observer", "video"], columns="eye", values="index"
    )
    alike, lengths = [], []
    for left, right in rows.dropna().astype(int).to_numpy():
        count = frame["n_samples"].iloc[[left, right]].min()
        both = values[[left, right], :count]
        both = both[:, ~np.isnan(both).any(axis=0)]
        alike.append(np.corrcoef(both)[0, 1])
        lengths.append(frame["n_samples"][left] / frame["n_samples"][right])
    assert 0.9 < np.median(alike) < 0.995 and np.quantile(alike, 0.1) > 0.6
    assert 0.96 < min(lengths) and max(lengths) <= 1


def standardised(frame, values):
    for row, count in zip(values, frame["n_samples"], strict=True):
        series = row[:count].astype(float)
        yield (series - np.nanmean(series)) / np.nanstd(series)


def dilation(frame, values):
    """(late mean - early mean) / sd; 0 where one of them was not seen."""
    halves = [np.array_split(s, 2) for s in standardised(frame, values)]
    means = [[np.nanmean(h) if np.isfinite(h).any() else np.nan for h in pair]
             for pair in halves]  # fmt: skip
    return np.nan_to_num(np.diff(means))


def course(frame, values):
    """The series in twenty steps."""
    steps = [np.array_split(s, 20) for s in standardised(frame, values)]
    return np.array([[np.nan_to_num(p).mean() for p in parts] for parts in steps])


def auc(frame, features, model, name):
    labels, guessed = frame["label"].to_numpy(), np.full(len(frame), np.nan)
    for parts in dataset.protocol(frame, name):
        train, test = parts["train"], parts["test"]
        model.fit(features[train], labels[train])
        guessed[test] = model.predict_proba(features[test])[:, 1]
    return roc_auc_score(labels, guessed)


def test_it_can_be_learned_on_videos_not_seen_but_not_perfectly(frame, values):
    features = dilation(frame, values)
    for name in ("video", "observer", "both"):
        assert 0.72 < auc(frame, features, LogisticRegression(), name) < 0.9


def test_videos_can_be_recognised_which_helps_on_videos_seen_only(frame, values):
    features, model = course(frame, values), KNeighborsClassifier(5)
    apart = ((features[:, None] - features) ** 2).sum(axis=-1)
    observers, videos = frame["observer"].to_numpy(), frame["video"].to_numpy()
    apart[observers[:, None] == observers] = np.inf
    recognised = (videos[apart.argmin(axis=1)] == videos).mean()
    assert 0.4 < recognised < 0.9  # one in 19 by chance
    seen, not_seen = (auc(frame, features, model, n) for n in ("observer", "video"))
    assert seen > not_seen + 0.15


def test_the_one_in_the_cache_is_the_same(folder):
    cached = sample.path("pupil")
    assert (cached.name, cached.parent.name) == ("pupil-v1", "sample")
    contents = [{p.name: p.read_bytes() for p in f.iterdir()} for f in (folder, cached)]
    assert contents[0] == contents[1] and len(contents[0]) == 3
    assert 1.5e6 < sum(map(len, contents[0].values())) < 3e6
    with zipfile.ZipFile(cached / "LEPD.xlsx") as book:
        assert {entry.date_time[0] for entry in book.infolist()} == {1980}

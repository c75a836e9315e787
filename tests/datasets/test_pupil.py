"""`datasets.pupil`: index, diameters, pipeline; and the real workbooks."""

import os
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from datasets import pupil, sample
from zoo.inputs import pupil_files

ROOT = Path(__file__).parents[2]


def write(path, series, extra=()):
    """A workbook of (video, observer) -> samples; other sheets have one of p2."""
    book = openpyxl.Workbook(write_only=True)
    for video in (*pupil.VIDEOS, *extra):
        own = {o: cells for (v, o), cells in series.items() if v == video}
        own = own or {"p2": [0.002, "NaN", 0.004, 0.004]}
        sheet = book.create_sheet(video)
        sheet.append([])
        sheet.append([None, "Raw Signal"])
        sheet.append([None, *own])
        for row in range(max(map(len, own.values()))):
            cells = [c[row] if row < len(c) else None for c in own.values()]
            sheet.append([None, *cells])
    book.save(path)


LEFT = {
    ("L1", "p2"): [0.003, 0.004, 0.005],
    ("L1", "p3"): [0.003],
    ("L1", "p4"): ["NaN", 0.004, None, 0.006, 0.007, 0.008],
    ("L1", "p5"): ["NaN", 0, "nan"],
    ("A10", "p4"): [0.006] * 9,
    ("A10", "p2"): [0.001] * 4,
}
RIGHT = {
    ("L1", "p3"): [0.003] * 3,
    ("L1", "p4"): [0.005] * 4,
    ("A10", "p4"): [0.001] * 5,
    ("A10", "p5"): [0.002] * 2,
    ("A10", "p2"): [0.001] * 7,
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "pupil"
    folder.mkdir()
    write(folder / "LEPD.xlsx", LEFT, extra=["notes"])
    write(folder / "REPD.xlsx", RIGHT)
    return folder


@pytest.fixture
def frame(folder):
    return pupil.index(folder)


def test_index(folder, frame):
    assert list(frame) == [
        "observer", "video", "eye", "label", "n_samples", "share_missing", "path"
    ]  # fmt: skip
    assert frame["eye"].tolist() == ["left"] * 19 + ["right"] * 19
    videos = [v for v in pupil.VIDEOS if v != "A10"]
    assert frame["video"].tolist() == ["L1", *videos, *videos, "A10"]
    assert frame["observer"].tolist() == (
        ["p2", "p4", *["p2"] * 17, "p4", *["p2"] * 17, "p5"]
    )
    assert (frame["label"] == frame["video"].str[0].isin(["L", "H"])).all()
    assert frame["n_samples"].tolist() == [3, 6, *[4] * 35, 2]
    assert frame["share_missing"].tolist() == [0, 2 / 6, *[0.25] * 17, 0,
                                               *[0.25] * 17, 0]  # fmt: skip
    assert frame["path"].tolist() == (
        [str(folder / "LEPD.xlsx")] * 19 + [str(folder / "REPD.xlsx")] * 19
    )


def test_report(frame):
    report = frame.attrs["report"]
    assert report["excluded"] == {
        "not_asian": ["p3 L1 left", "p3 L1 right"],
        "no_sample": ["p5 L1 left"],
        "different_rates": [
            "p4 A10 left",
            "p2 A10 left",
            "p4 A10 right",
            "p2 A10 right",
        ],
    }
    assert report["ignored_sheets"] == ["LEPD.xlsx: notes"]
    assert len(report["absent"]) == 3 * 19 * 2 - len(frame) - 5
    assert report["absent"][:2] == ["p4 L3 left", "p5 L3 left"]
    assert {"p5 A10 left", "p2 L1 right"} < set(report["absent"])
    assert not any(name.startswith("p3") for name in report["absent"])


@pytest.mark.parametrize(("longer", "kept"), [(6, True), (7, False)])
def test_how_different_rates_may_be(folder, longer, kept):
    write(folder / "LEPD.xlsx", {("H3", "p9"): [0.003] * longer})
    write(folder / "REPD.xlsx", {("H3", "p9"): [0.003] * 4})
    frame = pupil.index(folder)
    assert (frame["observer"] == "p9").sum() == (2 if kept else 0)
    excluded = frame.attrs["report"]["excluded"]["different_rates"]
    assert excluded == ([] if kept else ["p9 H3 left", "p9 H3 right"])


def test_a_series_without_samples_has_no_rate(folder):
    write(folder / "LEPD.xlsx", {("H3", "p9"): ["NaN"] * 9})
    write(folder / "REPD.xlsx", {("H3", "p9"): [0.003] * 4})
    frame = pupil.index(folder)
    assert frame["eye"][frame["observer"] == "p9"].tolist() == ["right"]


def test_nothing_left(folder):
    every = {(video, "p3"): [0.003] for video in pupil.VIDEOS}
    for name in ("LEPD.xlsx", "REPD.xlsx"):
        write(folder / name, every)
    with pytest.raises(ValueError, match="have 38 series, but none .* 38 not one of"):
        pupil.index(folder)


def test_summary(frame):
    text = pupil.summary(frame)
    assert "38 series, 19 of real and 19 of fake smiles: 3 observers, 19 videos" in text
    assert "2 to 6 samples, median 4; 23.8% of them missing, 33% in the worst" in text
    assert "Asian observers: 2 (p3 L1 left, p3 L1 right)" in text
    assert "any sample: 1 (p5 L1 left)" in text
    assert "factor above 1.5: 4 (p4 A10 left, p2 A10 left" in text
    assert "absent: 71 (p4 L3 left, " in text and " and 59 more)" in text
    assert "ignored sheets: 1 (LEPD.xlsx: notes)" in text
    assert "0 series" in pupil.summary(frame[:0])


def test_diameters(frame):
    values = pupil.diameters(frame)
    assert values.shape == (38, 6) and values.dtype == np.float32
    nan = np.nan
    expected = [[0.003, 0.004, 0.005, 0, 0, 0], [nan, 0.004, nan, 0.006, 0.007, 0.008]]
    np.testing.assert_array_equal(values[:2], np.array(expected, np.float32))
    rows = [37, 0, 5, 0]
    np.testing.assert_array_equal(pupil.diameters(frame.iloc[rows]), values[rows, :4])
    values[:] = 1  # a copy: the next caller gets its own
    assert np.isnan(pupil.diameters(frame)).sum() == 2 + 34
    assert pupil.diameters(frame[:0]).shape == (0, 0)


@pytest.mark.parametrize(
    "now", [{("L1", "p2"): [1] * 2}, {("L1", "p2"): [1] * 4}, {("L1", "p7"): [1] * 3}]
)
def test_a_workbook_that_changed(folder, frame, now):
    write(folder / "LEPD.xlsx", now)
    received = len(now.get(("L1", "p2"), ()))
    with pytest.raises(ValueError) as caught:
        pupil.diameters(frame)
    assert str(caught.value) == (
        f"Expected 3 samples of p2 in {folder / 'LEPD.xlsx'}, sheet L1, received "
        f"{received}. Index the data anew."
    )


def check_against_openpyxl(path):
    """The diameters are the numbers that another reader finds in the cells."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    for video, series in pupil_files.read(path).series.items():
        rows = list(book[video].iter_rows(min_row=3, values_only=True))
        for observer, samples in series.items():
            column = rows[0].index(observer)
            cells = [row[column] for row in rows[1 : len(samples) + 1]]
            found = [np.nan if c in (None, "NaN") else c for c in cells]
            np.testing.assert_array_equal(samples, np.array(found, np.float32))


def test_sample_against_openpyxl():
    check_against_openpyxl(sample.path("pupil") / "LEPD.xlsx")


@pytest.fixture(scope="module")
def real():
    if not os.environ.get("DUCHENNE_DATA"):
        pytest.skip("DUCHENNE_DATA is not set")
    return pupil.index(Path(os.environ["DUCHENNE_DATA"]) / "pupil")


@pytest.mark.real_data
def test_real_counts(real):
    assert real["label"].value_counts().to_dict() == {1: 174, 0: 196}
    assert real.groupby("eye")["label"].size().to_dict() == {"left": 183, "right": 187}
    assert set(real["observer"]) == {f"p{n}" for n in (2, *range(4, 13))}
    report = real.attrs["report"]
    counts = {reason: len(names) for reason, names in report["excluded"].items()}
    assert counts == {"not_asian": 38, "no_sample": 0, "different_rates": 0}
    assert report["absent"] == [
        "p10 L4 left", "p8 H1 left", "p10 H1 left", "p10 H3 left", "p10 A6 left",
        "p10 A8 left", "p10 A9 left", "p8 H1 right", "p8 H5 right", "p2 A7 right",
    ]  # fmt: skip
    assert report["ignored_sheets"] == []


@pytest.mark.real_data
def test_real_series(real):
    values = pupil.diameters(real)
    assert values.shape == (370, 2164)
    ended = np.arange(2164) >= real["n_samples"].to_numpy()[:, None]
    assert not values[ended].any()
    known = values[~ended & ~np.isnan(values)]
    assert 0.0025 < known.min() < 0.0027 and 0.0107 < known.max() < 0.0108
    assert real["n_samples"].agg(["min", "max"]).tolist() == [726, 2164]
    missing = np.isnan(values).sum(axis=1) / real["n_samples"]
    np.testing.assert_allclose(missing, real["share_missing"])
    eyes = real.pivot(index=["observer", "video"], columns="eye", values="n_samples")
    ratio = eyes.max(axis=1) / eyes.min(axis=1)
    assert 1.03 < ratio.max() < 1.04
    # The first samples of REPD.xlsx, as Excel shows them.
    row = real.index[(real["observer"] == "p2") & (real["eye"] == "right")][0]
    assert np.isnan(values[row, :2]).all()
    assert values[row, 2] == np.float32(0.00445633428171277)


@pytest.mark.real_data
def test_real_workbooks_against_openpyxl(real):
    for path in real["path"].unique():
        check_against_openpyxl(path)

"""Inputs larger than memory: read from files, the same values as from memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from datasets import gfe, sample, sase_fe, sase_fe_tracks


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """The GFE sample twice, as 36 recordings; all of them read once."""
    folder = tmp_path_factory.mktemp("gfe")
    index = gfe.index(sample.path("gfe"))
    parts = []
    for time in range(2):
        links = {}
        for number, path in enumerate(index["path"].unique()):
            links[path] = folder / f"{time}-{number}.txt"
            links[path].symlink_to(path)
        parts.append(index.assign(path=index["path"].map(links).astype(str)))
    index = pd.concat(parts, ignore_index=True)
    gfe.points(index)
    return index


def highest(work):
    """Bytes that Python and NumPy have taken at the most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def passed(dataset):
    for _ in dataset:
        pass


def equal(one, two):
    import tensorflow as tf

    pairs = zip(one, two, strict=True)
    for ours, theirs in pairs:
        ours, theirs = tf.nest.flatten(ours), tf.nest.flatten(theirs)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("span", [None, 5])
def test_points_in_a_file_are_those_in_memory(span, frames, tmp_path):
    rows = frames.sample(200, random_state=1)
    rows = rows if span is None else rows.sort_index()
    options = {"span": span, "seed": 3, "shuffle": True}
    kept, held = (gfe.load(rows, 32, folder=f, **options) for f in (tmp_path, None))
    assert kept.element_spec == held.element_spec
    assert not list(tmp_path.iterdir())  # nothing that somebody would have to remove
    for _ in range(2):
        equal(kept, held)


def test_windows_of_a_file_take_no_memory_for_the_frames(frames, tmp_path):
    size = 1200 * len(frames)
    streamed = highest(lambda: passed(gfe.load(frames, 8, span=15, folder=tmp_path)))
    held = highest(lambda: passed(gfe.load(frames, 8, span=15)))
    assert streamed < size / 2 < size < held


def test_stored_tracks_are_those_that_load_gives(tmp_path, monkeypatch):
    monkeypatch.setattr(sase_fe_tracks, "_AT_ONCE", 2)
    index = sase_fe.index(sample.path("sase_fe")).head(5)
    index.loc[1, "path"] = "/nowhere/N2A.csv"
    arrays, rows, failures = sase_fe.load(index, copies=2, seed=4)
    files, *told = sase_fe.store(index, tmp_path / "new", copies=2, seed=4)
    assert len(files) == len(arrays) == 4
    for file, array in zip(files, arrays, strict=True):
        np.testing.assert_array_equal(np.load(file), array)
    for ours, theirs in zip(told, (rows, failures), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    labels = np.arange(4) % 2
    equal(sase_fe.batches(files, labels, 3, 1), sase_fe.batches(arrays, labels, 3, 1))
    none = index.iloc[[1]]
    with pytest.raises(ValueError, match="None of the 1 files"):
        sase_fe.store(none, tmp_path / "none")
    with pytest.raises(ValueError, match="one row or more"):
        sase_fe.store(index[:0], tmp_path / "none")


def test_tracks_from_files_take_no_memory_for_all_of_them(tmp_path):
    array = np.random.default_rng(0).normal(size=(6, 200, 80)).astype("float32")
    files = [tmp_path / f"{n}.npy" for n in range(60)]
    for file in files:
        np.save(file, array)
    labels = np.arange(60) % 2
    size = array.nbytes * len(files)
    streamed = highest(lambda: passed(sase_fe.batches(files, labels, 8, seed=0)))
    assert streamed < size / 4

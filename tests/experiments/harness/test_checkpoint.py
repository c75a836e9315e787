import numpy as np
import pytest

from experiments.harness.checkpoint import Checkpoint, replace_file
from zoo import heads

CONTENT = {
    "array": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.array(7, np.int64),
    "text": np.array(["a", "bc"]),
    "weights": [np.full(n, n, np.float16) for n in range(12)],
    "none": [],
    "loss": float("inf"),
    "history": [{"epoch": 0, "loss": 0.1}],
}


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "checkpoints")


def same(one, other):
    assert type(one) is type(other)
    if isinstance(one, list):
        [same(*pair) for pair in zip(one, other, strict=True)]
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


def test_what_is_saved_is_loaded(checkpoint):
    assert checkpoint.keys() == [] and checkpoint.load("a") is None
    checkpoint.save("a", {"earlier": 1})
    checkpoint.save("a", CONTENT)
    checkpoint.save("b", {})
    loaded = checkpoint.load("a")
    assert loaded.keys() == CONTENT.keys()
    for name, value in CONTENT.items():
        same(loaded[name], value)
    assert checkpoint.keys() == ["a", "b"] and checkpoint.load("b") == {}
    checkpoint.remove("a")
    checkpoint.remove("a")
    assert checkpoint.keys() == ["b"]


@pytest.mark.parametrize("head", [heads.logistic(), heads.xgboost(n_estimators=2)])
def test_heads(checkpoint, head):
    points = np.random.default_rng(0).normal(size=(20, 3))
    head.fit(points, np.arange(20) % 2)
    checkpoint.save("a", {"head": head, "n": 1})
    loaded = checkpoint.load("a")
    assert loaded["n"] == 1
    same(loaded["head"].predict_proba(points), head.predict_proba(points))


@pytest.mark.parametrize("damage", ["empty", "garbage", "cut", "flipped"])
def test_a_damaged_checkpoint_is_removed(checkpoint, damage, capsys):
    checkpoint.save("a", CONTENT)
    (path,) = checkpoint.folder.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    contents = {"empty": b"", "garbage": b"\x93NUMPY garbage", "flipped": flipped}
    path.write_bytes(contents.get(damage, whole[: len(whole) // 2]))
    assert checkpoint.load("a") is None
    assert str(path) in capsys.readouterr().out
    assert checkpoint.keys() == []


def test_no_pickles(checkpoint):
    with pytest.raises(ValueError, match="allow_pickle"):
        checkpoint.save("a", {"objects": np.array([{}, None], object)})
    assert list(checkpoint.folder.iterdir()) == []
    with open(checkpoint.folder / "b.npz", "wb") as file:
        np.savez(file, **{"array:x": np.array([print], object)})
    assert checkpoint.load("b") is None


def test_a_file_is_replaced_or_stays(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")

    def fail(partial):
        partial.write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        replace_file(path, fail)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]
    replace_file(path, lambda partial: partial.write_text("after"))
    assert path.read_text() == "after" and list(tmp_path.iterdir()) == [path]

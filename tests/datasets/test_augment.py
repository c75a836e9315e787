import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from skimage import data, transform
from skimage.color import rgb2hsv

from datasets import augment

ROOT = Path(__file__).parents[2]
GEOMETRIC = ("rotation", "scaling", "translation", "crop", "flip")


def face(height=72, width=96):
    """A real photograph, its left and right side different."""
    photo = transform.resize(data.astronaut(), (height, width), anti_aliasing=True)
    return (photo * 255).astype(np.uint8)


def disc(height=100, width=140):
    """A white disc of 60 % of the height and width, in the centre of black."""
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(
        (rows - (height - 1) / 2) / height, (columns - (width - 1) / 2) / width
    )
    return np.where(distance[..., None] < 0.3, 255, 0).repeat(3, 2).astype(np.uint8)


def results(image, kind, seeds=range(40)):
    return [augment.apply(image, seed, (kind,)) for seed in seeds]


def digest(seeds=range(12)):
    pictures = [augment.apply(face(), seed) for seed in seeds]
    return hashlib.sha256(np.stack(pictures).tobytes()).hexdigest()


@pytest.mark.parametrize("kind", augment.KINDS)
def test_each_kind_alone_is_applied_at_random(kind):
    image = face()
    before = image.copy()
    changed = 0
    for out in results(image, kind):
        assert out.shape == image.shape and out.dtype == np.uint8
        assert not np.shares_memory(out, image)
        changed += not np.array_equal(out, image)
    assert np.array_equal(image, before)
    # Translation is drawn for each axis: 3 of 4 pictures; the others 1 of 2.
    assert 10 <= changed <= (36 if kind == "translation" else 30)


def test_flip_mirrors_or_leaves():
    image = face()
    mirrored = np.fliplr(image)
    flips = [np.array_equal(out, mirrored) for out in results(image, "flip")]
    stays = [np.array_equal(out, image) for out in results(image, "flip")]
    assert np.logical_xor(flips, stays).all() and 0 < sum(flips) < 40


def test_kinds_without_flip_never_swap_the_sides():
    # Left half dark, right half bright: every other kind keeps that order.
    image = np.full((64, 64, 3), 60, np.uint8)
    image[:, 32:] = 200
    others = [kind for kind in augment.KINDS if kind != "flip"]

    def swapped(kinds):
        pictures = [augment.apply(image, seed, kinds) for seed in range(60)]
        return sum(out[:, :32].mean() > out[:, 32:].mean() for out in pictures)

    assert swapped(others) == 0
    assert swapped(augment.KINDS) > 10


def test_noise_keeps_the_mean_and_its_bound():
    image = np.full((96, 96, 3), 128, np.uint8)
    spreads = []
    for out in results(image, "noise"):
        assert abs(out.mean() - 128) < 1
        spreads.append(out.std())
    low, high = augment.NOISE_SIGMA
    assert low <= min(spreads) and high / 2 < max(spreads) <= 1.1 * high


def test_blur_only_smooths():
    image = face()
    for out in results(image, "blur"):
        assert abs(out.mean() - image.mean()) < 0.5
        assert out.std() <= image.std() + 0.1
        assert (
            np.abs(np.diff(out.astype(int), axis=1)).sum()
            <= np.abs(np.diff(image.astype(int), axis=1)).sum()
        )


def test_contrast_is_linear_about_mid_grey():
    image = np.linspace(40, 215, 60 * 60 * 3).reshape(60, 60, 3).astype(np.uint8)
    offset = image - 128.0
    factors = []
    for out in results(image, "contrast"):
        factor = (offset * (out - 128.0)).sum() / (offset**2).sum()
        line = np.clip(128 + factor * offset, 0, 255)
        assert np.abs(out - line).max() <= 2
        factors.append(factor)
    low, high = augment.CONTRAST
    assert low - 0.02 <= min(factors) < 0.9 and 1.1 < max(factors) <= high + 0.02


def test_colour_turns_the_hue_and_keeps_brightness_and_shape():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30] = (180, 90, 60)
    image[:, 30:] = (60, 90, 180)
    before = rgb2hsv(image)
    hues = []
    for out in results(image, "colour"):
        after = rgb2hsv(out)
        assert np.abs(after[..., 2] - before[..., 2]).max() < 0.02
        # Both halves stay flat, so no edge has moved; OpenCV rounds one level apart.
        assert np.ptp(out[:, :30].reshape(-1, 3), axis=0).max() <= 1
        assert np.ptp(out[:, 30:].reshape(-1, 3), axis=0).max() <= 1
        turn = (after[..., 0] - before[..., 0] + 0.5) % 1 - 0.5
        hues.append(np.abs(turn).max())
    assert 0.02 < max(hues) <= augment.HUE[1] / 255 + 0.02


@pytest.mark.parametrize("kinds", [*((kind,) for kind in GEOMETRIC), GEOMETRIC])
def test_face_stays_in_the_picture(kinds):
    image = disc()
    for seed in range(200):
        out = augment.apply(image, seed, kinds)
        edges = [out[0], out[-1], out[:, 0], out[:, -1]]
        assert max(edge.max() for edge in edges) == 0, (kinds, seed)
        # And whole: as large as crop and scaling allow.
        assert 0.75 < out.mean() / image.mean() < 1.8


@pytest.mark.parametrize("kinds", [("rotation",), ("translation",), GEOMETRIC])
def test_edges_are_never_black(kinds):
    image = np.full((50, 70, 3), 200, np.uint8)
    for seed in range(60):
        assert augment.apply(image, seed, kinds).min() >= 199


def test_rotation_and_translation_keep_to_their_ranges():
    rows, columns = np.mgrid[:100, :140]

    def centre(picture):
        weight = picture[..., 0] / picture[..., 0].sum()
        return np.array([(rows * weight).sum(), (columns * weight).sum()])

    moves = [centre(out) - centre(disc()) for out in results(disc(), "translation")]
    reach = np.abs(moves).max(axis=0) / (100, 140)
    assert (reach <= augment.TRANSLATION + 0.01).all() and (reach > 0.04).all()

    bar = np.zeros((101, 101, 3), np.uint8)
    bar[48:53, 20:81] = 255
    angles = []
    for out in results(bar, "rotation"):
        y, x = np.nonzero(out[..., 0] > 127)
        angles.append(np.degrees(np.arctan(np.polyfit(x, y, 1)[0])))
    largest = np.abs(angles).max()
    assert 10 < largest <= augment.ROTATION_DEGREES + 0.5


def test_result_depends_on_seed_alone():
    image = face()
    first = [augment.apply(image, seed) for seed in range(30)]
    again = [augment.apply(image, seed) for seed in reversed(range(30))][::-1]
    assert np.array_equal(first, again)
    assert len({out.tobytes() for out in first}) > 25


def test_views_of_a_picture_are_pictures():
    view = face()[:, ::-1]
    for seed in range(10):
        expected = augment.apply(view.copy(), seed)
        assert np.array_equal(augment.apply(view, seed), expected)


def test_same_result_in_every_thread():
    image, seeds = face(), list(range(64))
    expected = [augment.apply(image, seed) for seed in seeds]
    with ThreadPoolExecutor(8) as pool:
        received = list(pool.map(lambda seed: augment.apply(image, seed), seeds))
    assert np.array_equal(expected, received)


def test_same_result_in_another_process_with_another_hash_seed():
    code = (
        "import importlib.util as u;"
        f"spec = u.spec_from_file_location('t', {str(Path(__file__))!r});"
        "t = u.module_from_spec(spec); spec.loader.exec_module(t); print(t.digest())"
    )
    hash_seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = run_python(code, PYTHONHASHSEED=hash_seed, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest()


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


APPLY = (
    "import numpy as np; from datasets import augment;"
    "augment.apply(np.zeros((8, 8, 3), 'uint8'), 0)"
)


def test_unmaintained_imgaug_is_named(tmp_path):
    # The line of the unmaintained package that fails with NumPy 2.
    package = tmp_path / "imgaug"
    package.mkdir()
    (package / "__init__.py").write_text("import numpy as np\nnp.sctypes['float']\n")
    done = run_python(APPLY, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: Augmentation needs imgaug")
    assert "np.sctypes" in last and "must not be installed together" in last
    assert "install --force-reinstall --no-deps imaug" in last


def test_import_alone_does_not_load_imgaug():
    code = "import sys; import datasets.augment; print('imgaug' in sys.modules)"
    assert run_python(code, PYTHONPATH=str(ROOT)).stdout.strip() == "False"


def test_unknown_kinds_are_refused():
    for kinds in (("flip", "shear"), "flip"):
        with pytest.raises(ValueError, match="Expected kinds out of .*'rotation'"):
            augment.apply(face(), 0, kinds)


def test_no_kinds_is_no_change_and_order_does_not_matter():
    assert np.array_equal(augment.apply(face(), 3, ()), face())
    forward = augment.apply(face(), 3, ("crop", "noise"))
    assert np.array_equal(forward, augment.apply(face(), 3, ("noise", "crop")))

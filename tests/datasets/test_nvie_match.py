"""`datasets.nvie_match`: which sequence an apex frame comes from, by content."""

import cv2
import numpy as np
import pytest

from datasets import nvie_layout, nvie_match, pictures
from datasets.nvie_match import BYTES, NEAREST, PIXELS

APEX = "5_USTC-ApexVisibleSpontaneousExpressionFrame_AAM Points/SelectedSamples"
SIZE = (240, 320)


def scene(seed, detail=9):
    """A smooth picture, as a photograph is, without noise."""
    coarse = np.random.default_rng(seed).uniform(20, 235, (detail, detail + 3, 3))
    return cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)


def noisy(picture, seed):
    noise = np.random.default_rng(seed).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


def frame_of(subject, sequence, number):
    """A person's sequences differ; the frames of one change little by little."""
    neutral, full = scene(subject), scene(1000 * subject + sequence)
    share = 0.1 + 0.1 * number
    seed = 10_000 * subject + 100 * sequence + number
    return noisy((1 - share) * neutral + share * full, seed)


def save(root, path, picture, *options):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), picture, list(options))
    return nvie_layout.place(path)


def folder(subject, sequence, light="front"):
    return f"SpontaneousDatabase/{light}/{subject}/visible/{sequence}"


@pytest.fixture
def tree(tmp_path):
    """Two subjects with three sequences of five BMP frames each."""
    frames = [
        save(tmp_path, f"{folder(p, s)}/{n}.bmp", frame_of(p, s, n))
        for p in (1, 2)
        for s in (1, 2, 3)
        for n in range(5)
    ]
    return tmp_path, frames


def matched(root, apexes, frames):
    """Apex name -> (frame, how)."""
    found, unreadable = nvie_match.match(root, apexes, frames)
    assert unreadable == []
    return {
        path.rsplit("/", 1)[1]: (match.frame.path, match.how)
        for path, match in found.items()
    }


@pytest.mark.parametrize("where", [APEX, "front/2/SelectedSamples"])
def test_every_kind_of_copy(tree, where):
    root, frames = tree
    picture = frame_of(2, 3, 4)
    half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    quality = cv2.IMWRITE_JPEG_QUALITY
    apexes = [
        save(root, f"{where}/copy.bmp", picture),
        save(root, f"{where}/again.png", picture),
        save(root, f"{where}/jpeg.jpg", picture, quality, 90),
        save(root, f"{where}/coarse.jpg", picture, quality, 50),
        save(root, f"{where}/half.jpg", half, quality, 90),
        save(root, f"{where}/other.bmp", frame_of(3, 1, 4)),
        save(root, f"{where}/missing.jpg", frame_of(2, 9, 4), quality, 90),
    ]
    own = f"{folder(2, 3)}/4.bmp"
    assert matched(root, apexes, frames) == {
        "copy.bmp": (own, BYTES),
        "again.png": (own, PIXELS),
        "jpeg.jpg": (own, NEAREST),
        "coarse.jpg": (own, NEAREST),
        "half.jpg": (own, NEAREST),
    }


def test_grey_copy_in_colour_has_the_same_pixels(tmp_path):
    grey = frame_of(1, 1, 1)[..., 0]
    frames = [save(tmp_path, f"{folder(1, 1)}/1.bmp", grey)]
    apex = save(tmp_path, f"{APEX}/a.png", np.repeat(grey[..., None], 3, axis=-1))
    assert matched(tmp_path, [apex], frames)["a.png"][1] == PIXELS


def test_two_sequences_too_similar_to_tell(tree):
    root, frames = tree
    twin = frame_of(1, 1, 4)
    twin[0, 0] ^= 1
    frames.append(save(root, f"{folder(1, 8)}/1.bmp", twin))
    jpeg = save(root, f"{APEX}/jpeg.jpg", frame_of(1, 1, 4))
    exact = save(root, f"{APEX}/exact.png", frame_of(1, 1, 4))
    assert matched(root, [jpeg, exact], frames) == {
        "exact.png": (f"{folder(1, 1)}/4.bmp", PIXELS)
    }


def test_two_sequences_alike_until_the_end(tmp_path):
    """Frames of one sequence, or of another at onset, do not get in the way."""
    frames = [
        save(tmp_path, f"{folder(1, s)}/{n}.bmp", frame_of(1, s, n))
        for s in (1, 2)
        for n in range(-1, 6)
    ]
    start = np.abs(frame_of(1, 1, -1).astype(int) - frame_of(1, 2, -1)).mean()
    assert start < 4  # grey levels, noise above all
    apexes = [save(tmp_path, f"{APEX}/{s}.jpg", frame_of(1, s, 5)) for s in (1, 2)]
    assert matched(tmp_path, apexes, frames) == {
        f"{s}.jpg": (f"{folder(1, s)}/5.bmp", NEAREST) for s in (1, 2)
    }


def test_only_the_subject_and_light_of_the_path_are_searched(tree):
    root, frames = tree
    picture = frame_of(1, 2, 3)
    frames.append(save(root, f"{folder(1, 2, 'left')}/7.bmp", picture))
    at = {
        "front.bmp": f"front/1/SelectedSamples/{BYTES}/front.bmp",
        "left.bmp": "left/1/SelectedSamples/left.bmp",
        "right.bmp": "right/1/SelectedSamples/right.bmp",
        "nobody.bmp": "front/2/SelectedSamples/nobody.bmp",
        "any.bmp": "1/SelectedSamples/any.bmp",
    }
    apexes = [save(root, path, picture) for path in at.values()]
    assert matched(root, apexes, frames) == {
        "front.bmp": (f"{folder(1, 2)}/3.bmp", BYTES),
        "left.bmp": (f"{folder(1, 2, 'left')}/7.bmp", BYTES),
        "any.bmp": (f"{folder(1, 2)}/3.bmp", BYTES),
    }


@pytest.mark.parametrize("name", ["a.bmp", "a.png"])
def test_a_picture_of_two_subjects_matches_nothing(tree, name):
    root, frames = tree
    frames.append(save(root, f"{folder(2, 1)}/9.bmp", frame_of(1, 1, 1)))
    apex = save(root, f"{APEX}/{name}", frame_of(1, 1, 1))
    assert matched(root, [apex], frames) == {}


def test_same_size_and_same_middle_are_not_enough(tmp_path):
    """The whole content decides, not the block that is looked at first."""
    tall = np.zeros((400, 64, 3), np.uint8)
    tall[:100] = noisy(scene(1), 1)[:100, :64]
    frames = [save(tmp_path, f"{folder(1, 1)}/1.bmp", tall)]
    other = tall.copy()
    other[0, 0] ^= 255
    frames.append(save(tmp_path, f"{folder(1, 2)}/1.bmp", other))
    apex = save(tmp_path, f"{APEX}/1.bmp", other)
    found = matched(tmp_path, [apex], frames)
    assert found == {"1.bmp": (f"{folder(1, 2)}/1.bmp", BYTES)}


def test_identical_bytes_need_no_decoding(tree, monkeypatch):
    root, frames = tree
    apexes = [save(root, f"{APEX}/{n}.bmp", frame_of(1, 2, n)) for n in range(5)]

    def read(path):
        raise AssertionError(f"{path} was decoded")

    monkeypatch.setattr(pictures, "read", read)
    assert len(matched(root, apexes, frames)) == 5


def test_each_frame_is_decoded_once_and_only_where_needed(tree, monkeypatch):
    root, frames = tree
    apexes = [
        save(root, f"front/1/SelectedSamples/{n}.jpg", frame_of(1, 2, n))
        for n in (2, 4)
    ]
    seen, read = [], pictures.read
    monkeypatch.setattr(pictures, "read", lambda p: seen.append(str(p)) or read(p))
    assert len(matched(root, apexes, frames)) == 2
    own = [f"{root}/{f.path}" for f in frames if f.subject == "001"]
    assert sorted(p for p in seen if "SelectedSamples" not in p) == sorted(own)


def test_unreadable_frames_are_named(tree):
    root, frames = tree
    broken = frames[3]
    (root / broken.path).write_bytes(b"BM")
    apex = save(root, f"{APEX}/a.jpg", frame_of(1, 2, 4))
    found, unreadable = nvie_match.match(root, [apex], frames)
    assert found[apex.path].frame.path == f"{folder(1, 2)}/4.bmp"
    assert unreadable == [broken.path]


def test_nothing_to_search(tmp_path):
    apex = save(tmp_path, f"{APEX}/a.jpg", frame_of(1, 2, 4))
    assert nvie_match.match(tmp_path, [apex], []) == ({}, [])
    assert nvie_match.match(tmp_path, [], []) == ({}, [])


def test_a_strange_picture_without_a_rival_sequence(tmp_path):
    frames = [
        save(tmp_path, f"{folder(1, 1)}/{n}.bmp", frame_of(1, 1, n)) for n in range(3)
    ]
    own = save(tmp_path, f"{APEX}/own.jpg", frame_of(1, 1, 2))
    strange = save(tmp_path, f"{APEX}/strange.jpg", frame_of(1, 1, 4))
    assert set(matched(tmp_path, [own, strange], frames)) == {"own.jpg"}

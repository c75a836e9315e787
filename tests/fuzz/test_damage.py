"""Damaged files, and files of another kind: a result, or an error that names them."""

import csv
import io
from functools import cache

import cv2
import numpy as np
import openpyxl
import pytest
from fuzzing import anything, attempt, damage, damaged, folder
from hypothesis import given
from PIL import Image

from datasets import nvie_layout, sase_fe_labels
from zoo.inputs import (
    gfe_files,
    landmark_files,
    landmark_points,
    pictures,
    pupil_files,
)
from zoo.inputs.landmark_track import LandmarkTrack
from zoo.inputs.video import Video


def table(rows):
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def recording():
    values = np.random.default_rng(0).uniform(1, 900, (3, 300)).round(3)
    rows = [[f"5.{n}", *map(repr, row)] for n, row in enumerate(values.tolist())]
    return "\n".join(" ".join(row) for row in [gfe_files.HEADER, *rows]).encode()


def workbook():
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in pupil_files.VIDEOS:
        sheet = book.create_sheet(name)
        sheet["B3"], sheet["C3"] = "p2", "p10"
        sheet["B4"], sheet["C4"], sheet["B5"] = 0.5, "NaN", 3
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def points():
    names = [f"{axis}_{i}" for axis in "xy" for i in range(68)]
    values = np.random.default_rng(0).uniform(0, 90, (3, 136)).round(1)
    rows = [[n, 0, n / 25, 1, *row] for n, row in enumerate(values)]
    return table([["frame", "face_id", "timestamp", "success", *names], *rows])


def mesh():
    values = np.random.default_rng(0).uniform(20, 80, (3, 478, 3))
    buffer = io.BytesIO()
    np.save(buffer, values.astype(np.float32))
    return buffer.getvalue()


def track():
    values = np.random.default_rng(0).uniform(0, 90, (2, 4, 68, 2))
    boxes = landmark_points.crop_around(values[0])
    margins, times = np.array([[0] * 4, [1] * 4]), np.arange(4) / 25
    with folder() as here:
        made = LandmarkTrack(values, boxes, times, margins, (640, 480), "a.mp4")
        made.save(here / "a.npz")
        return (here / "a.npz").read_bytes()


def picture(kind):
    pixels = np.random.default_rng(0).integers(0, 255, (23, 31, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def video():
    with folder() as here:
        path = str(here / "made.avi")
        size = 64, 48
        writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 25, size, True)
        for value in range(12):
            writer.write(np.full((48, 64, 3), value * 20, np.uint8))
        writer.release()
        return (here / "made.avi").read_bytes()


def frames(path):
    with Video(path) as opened:
        return sum(1 for _ in opened)


def manifest(path):
    return nvie_layout.read_manifest(path.parent)


MANIFEST = [list(nvie_layout.COLUMNS), ["a.bmp", "7", "happy", "1", "front", "True"]]
LABELS = [["video", "label"], ["0123456789_ANGER.mp4", "genuine"]]
READERS = {
    "a_topics_datapoints.txt": (gfe_files.read_points, recording),
    "a_topics_targets.txt": (gfe_files.read_targets, lambda: b"0\n1\n1\n"),
    "LEPD.xlsx": (pupil_files.read, workbook),
    "own.xlsx": (pupil_files.read_own, workbook),
    "openface.csv": (landmark_files.read, points),
    "mesh.npy": (landmark_files.read, mesh),
    "track.npz": (landmark_files.read, track),
    "a.jpg": (pictures.read, lambda: picture("JPEG")),
    "a.png": (pictures.read, lambda: picture("PNG")),
    "a.bmp": (pictures.read, lambda: picture("BMP")),
    "a.avi": (frames, video),
    "manifest.csv": (manifest, lambda: table(MANIFEST)),
    "labels.csv": (sase_fe_labels.read, lambda: table(LABELS)),
}
VALID = {name: cache(make) for name, (_, make) in READERS.items()}


def read(name, data):
    with folder() as here:
        path = here / name
        path.write_bytes(data)
        return attempt(READERS[name][0], path)


@pytest.mark.parametrize("name", READERS)
def test_valid(name):
    assert read(name, VALID[name]())[1] is None


@pytest.mark.parametrize("name", READERS)
@given(changes=damage())
def test_damaged(name, changes):
    read(name, damaged(VALID[name](), changes))


@pytest.mark.parametrize("name", READERS)
@given(data=anything())
def test_anything(name, data):
    read(name, data)
    read(name, VALID[name]()[:16] + data)


@pytest.mark.parametrize("name", READERS)
def test_folders_and_missing_files(name):
    with folder() as here:
        assert attempt(READERS[name][0], here / name, names=[str(here)])[1] or (
            name == "manifest.csv"  # of which none is needed
        )
        (here / name).mkdir()
        assert attempt(READERS[name][0], here / name, names=[str(here)])[1]

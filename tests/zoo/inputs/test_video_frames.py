"""Videos as they come: whole, rotated, grey, cut off, or none at all."""

import pathlib
import struct
import subprocess
import sys
import types

import cv2
import numpy as np
import pytest

from zoo.inputs import video_frames
from zoo.inputs.video_frames import Video, frame_times


def write(path, frames, fps=25, code="mp4v"):
    height, width = frames[0].shape[:2]
    color = frames[0].ndim == 3
    code = cv2.VideoWriter_fourcc(*code)
    writer = cv2.VideoWriter(str(path), code, fps, (width, height), color)
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def marked(count, size=(240, 320)):
    """Grey frames that brighten, with a white corner on the upper left."""
    frames = []
    for i in range(count):
        frame = np.full((*size, 3), 20 + 15 * (i % 15), np.uint8)
        frame[:60, :80] = 255
        frames.append(frame)
    return frames


def read(path):
    with Video(path) as video:
        seconds, frames = zip(*video, strict=True)
    return np.array(seconds), frames


@pytest.mark.parametrize("fps", [25, 30, 100])
def test_frames_and_their_times(tmp_path, fps):
    written = marked(12)
    seconds, frames = read(write(tmp_path / "a.mp4", written, fps))
    assert len(frames) == 12
    for frame, original in zip(frames, written, strict=True):
        assert frame.dtype == np.uint8 and frame.shape == (240, 320, 3)
        assert np.abs(frame.astype(int) - original).mean() < 6
    np.testing.assert_allclose(seconds, np.arange(12) / fps, atol=1e-3)


def test_one_frame_and_grey(tmp_path):
    assert len(read(write(tmp_path / "a.mp4", marked(1)))[1]) == 1
    grey = [frame[..., 0] for frame in marked(3)]
    _, frames = read(write(tmp_path / "a.avi", grey, code="MJPG"))
    assert [frame.shape for frame in frames] == [(240, 320, 3)] * 3


@pytest.mark.parametrize(
    ("matrix", "turns"),
    [
        ((0, 1, 0, -1, 0, 0, 240, 0), -1),  # clockwise
        ((-1, 0, 0, 0, -1, 0, 320, 240), 2),
        ((0, -1, 0, 1, 0, 0, 0, 320), 1),
    ],
)
def test_rotation_is_carried_out(tmp_path, matrix, turns):
    path = write(tmp_path / "a.mp4", marked(3))
    content = bytearray(path.read_bytes())
    # The display matrix in the track's header, as ISO/IEC 14496-12 has it.
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    place = content.index(upright, content.index(b"tkhd"))
    values = [value << 16 for value in matrix]
    content[place : place + 36] = struct.pack(">9i", *values, 1 << 30)
    path.write_bytes(content)
    _, frames = read(path)
    wanted = np.rot90(marked(1)[0], turns)
    assert frames[0].shape == wanted.shape
    assert np.abs(frames[0].astype(int) - wanted).mean() < 6


def test_what_is_no_video(tmp_path):
    whole = write(tmp_path / "a.mp4", marked(12)).read_bytes()
    contents = {"zero.mp4": b"", "text.mp4": b"hello\n" * 500, "cut.mp4": whole[:900]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        wanted = "0 bytes" if not content else "cannot be read as a video"
        with pytest.raises(OSError, match=f"{name}.*{wanted}"):
            Video(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="no file"):
        Video(tmp_path / "absent.mp4")
    with pytest.raises(FileNotFoundError):
        Video("http://localhost/a.mp4")
    with pytest.raises(IsADirectoryError, match="folder"):
        Video(tmp_path)


def test_a_video_that_breaks_off(tmp_path):
    path = write(tmp_path / "a.avi", marked(40), code="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Video(path) as video:
        count = len(list(video))
    assert 10 < count < 30
    assert video.note.startswith(f"breaks off: {count} of 40 frames")
    with Video(write(tmp_path / "b.avi", marked(40), code="MJPG")) as video:
        assert len(list(video)) == 40 and video.note == ""


def test_a_frame_rate_that_cannot_be(tmp_path):
    path = write(tmp_path / "a.mp4", marked(3))
    content = bytearray(path.read_bytes())
    # Ticks a second in the track's own header, as ISO/IEC 14496-12 has it.
    place = content.index(b"mdhd") + 4 + 12
    (ticks,) = struct.unpack_from(">I", content, place)
    for faster, fps in ((2, 50), (10**4, 25)):
        content[place : place + 4] = struct.pack(">I", ticks * faster)
        path.write_bytes(content)
        with Video(path) as video:
            assert video.fps == pytest.approx(fps)


def test_a_name_that_looks_like_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.mp4", marked(2)).rename("http:a.mp4")
    assert len(read("http:a.mp4")[1]) == 2


def test_frames_of_other_sizes(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp4", marked(2))
    with Video(path) as video:
        sizes = iter([(True, np.zeros((9, 9, 3))), (True, np.zeros((9, 8, 3)))])
        methods = {"get": video._capture.get, "release": video._capture.release}
        video._capture = types.SimpleNamespace(read=lambda: next(sizes), **methods)
        with pytest.raises(OSError, match=r"frame 1 is of size \(8, 9\)"):
            list(video)


def test_nothing_is_printed(tmp_path):
    """In a process of its own: FFmpeg asks once how much it is to print."""
    (tmp_path / "text.mp4").write_bytes(b"hello\n" * 500)
    whole = write(tmp_path / "a.mp4", marked(12)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    path = write(tmp_path / "cut.avi", marked(40), code="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    code = """
import sys, warnings
from zoo.inputs.video_frames import Video
warnings.simplefilter("ignore")
print("imported", file=sys.stderr)
for path in sys.argv[1:]:
    try:
        with Video(path) as video:
            print(len(list(video)))
    except OSError:
        print("refused")
"""
    files = [str(tmp_path / name) for name in ("text.mp4", "cut.mp4", "cut.avi")]
    root = pathlib.Path(video_frames.__file__).parents[2]
    command = [sys.executable, "-c", code, *files]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout.split()[:2] == ["refused", "refused"]
    assert int(done.stdout.split()[2]) > 10
    assert done.stderr.endswith("imported\n")


def test_times_that_cannot_be_are_made_from_the_rate():
    np.testing.assert_allclose(frame_times([0.5, 0.6, 0.9], 25), [0, 0.1, 0.4])
    for odd in ([0.0, 0.0, 0.0], [0.0, 0.2, 0.1], [0.0, float("nan"), 1.0]):
        np.testing.assert_allclose(frame_times(odd, 50), [0, 0.02, 0.04])
    assert frame_times([0.3], 25).tolist() == [0]


def test_an_opencv_without_trackers_says_what_to_do(monkeypatch):
    monkeypatch.delattr(cv2, "legacy")
    with pytest.raises(ImportError, match="pip install --force-reinstall --no-deps"):
        video_frames.opencv()


# What the fuzz tests found.


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile 'b.mp4'\n", "a face\n"])
def test_a_list_of_videos_is_none(tmp_path, text):
    """FFmpeg would decode the video that the list names."""
    write(tmp_path / "b.mp4", marked(3))
    (tmp_path / "a.mp4").write_text(text)
    with pytest.raises(OSError, match="a.mp4 holds text and cannot be read"):
        Video(tmp_path / "a.mp4")


def test_a_name_that_is_not_utf_8(tmp_path):
    """OpenCV would end the program."""
    path = write(tmp_path / "b.mp4", marked(3)).rename(tmp_path / "\udcff.mp4")
    with pytest.raises(OSError, match="expected a name in UTF-8"):
        Video(path)

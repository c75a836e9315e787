"""Videos as they come: whole, rotated, grey, cut off, or none at all."""

import pathlib
import struct
import subprocess
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from zoo.inputs import video
from zoo.inputs.video import Video

CASES = pathlib.Path(__file__).parents[2] / "cases" / "video"


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
    with Video(path) as opened:
        seconds, frames = zip(*opened, strict=True)
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
    with Video(path) as opened:
        count = len(list(opened))
    assert 10 < count < 30
    assert opened.note.startswith(f"breaks off: {count} of 40 frames")
    with Video(write(tmp_path / "b.avi", marked(40), code="MJPG")) as opened:
        assert len(list(opened)) == 40 and opened.note == ""


def test_what_is_damaged_is_left_out_and_noted(tmp_path):
    """One packet of ninety is; then the file is cut off in the middle."""
    path = tmp_path / "damaged.webm"
    content = bytearray((CASES / "fixed30.webm").read_bytes())
    path.write_bytes(content)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        payload = bytes(packets[45])
    start = bytes(content).index(payload)
    content[start : start + len(payload)] = bytes(len(payload))
    path.write_bytes(content)
    with Video(path) as opened:
        assert len(list(opened)) >= 88
    assert opened.note.startswith("is damaged")
    path.write_bytes(content[: len(content) // 2])
    with Video(path) as opened:
        assert 10 < len(list(opened)) < 60
    assert opened.note.startswith("breaks off")


def test_a_name_that_looks_like_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.mp4", marked(2)).rename("http:a.mp4")
    assert len(read("http:a.mp4")[1]) == 2


def test_frames_of_other_sizes(tmp_path):
    """Two MPEG-2 streams one after the other, as a switched receiver writes them."""
    content = b""
    for number, size in enumerate([(240, 320), (120, 160)]):
        path = tmp_path / f"{number}.mpg"
        content += write(path, marked(3, size), code="mpg2").read_bytes()
    (tmp_path / "both.mpg").write_bytes(content)
    with Video(tmp_path / "both.mpg") as opened:
        with pytest.raises(OSError, match="is of size 160x120, the first is of 320x"):
            list(opened)


def test_nothing_is_printed(tmp_path):
    """In a process of its own: FFmpeg asks once how much it is to print."""
    (tmp_path / "text.mp4").write_bytes(b"hello\n" * 500)
    whole = write(tmp_path / "a.mp4", marked(12)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    path = write(tmp_path / "cut.avi", marked(40), code="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    code = """
import sys, warnings
from zoo.inputs.video import Video
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
    root = pathlib.Path(video.__file__).parents[2]
    command = [sys.executable, "-c", code, *files]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout.split()[:2] == ["refused", "refused"]
    assert int(done.stdout.split()[2]) > 10
    assert done.stderr.endswith("imported\n")


def make(path, times, aspect=None):
    """A video of frames at these times, in ticks of a 1000th of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for picture, time in zip(marked(len(times)), times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_times_are_the_frames_own_and_increase(tmp_path):
    times = [500, 530, 570, 700, 710]
    seconds, _ = read(make(tmp_path / "a.mkv", times))
    np.testing.assert_allclose(seconds, [0, 0.03, 0.07, 0.2, 0.21], atol=1e-9)


def test_frames_have_the_aspect_that_players_show(tmp_path):
    _, frames = read(make(tmp_path / "a.mkv", [0, 40], aspect=Fraction(4, 3)))
    assert [frame.shape for frame in frames] == [(240, 427, 3)] * 2


TWINS = {"browser_live": "fixed30", "browser_duration": "fixed30"}
RATES = {"rate_240": 240, "rate_29_97": 29.97}


@pytest.mark.parametrize("path", sorted(CASES.iterdir()), ids=lambda path: path.name)
def test_what_people_have(path):
    """By what the file holds, not by its ending or by the rate that it names."""
    if path.stem == "sound_only":
        with pytest.raises(OSError, match="cannot be read as a video"):
            Video(path)
        return
    with Video(path) as opened:
        seconds, frames = zip(*opened, strict=True)
    assert frames[0].shape == (240, 240, 3) and not opened.note
    if path.stem == "screen_vfr":
        assert len(seconds) == 90 and seconds[-1] == pytest.approx(5.716, abs=2e-3)
    elif path.stem in TWINS:
        twin, _ = read(CASES / f"{TWINS[path.stem]}.webm")
        np.testing.assert_allclose(seconds, twin, atol=0.1)
    elif path.stem != "fixed30":
        rate = RATES.get(path.stem, 25)
        np.testing.assert_allclose(seconds, np.arange(12) / rate, atol=1e-3)


def test_a_video_is_written_with_its_times(tmp_path):
    times, pictures = [0.0, 0.03, 0.07, 0.2, 0.21], marked(5, (241, 321))
    frames = zip(times, pictures, strict=True)
    assert video.write(tmp_path / "a.mp4", frames) == 5
    seconds, received = read(tmp_path / "a.mp4")
    np.testing.assert_allclose(seconds, times, atol=1e-4)
    assert np.abs(received[3].astype(int) - pictures[3][:240, :320]).mean() < 6
    assert video.write(tmp_path / "b.mp4", iter([])) == 0


# What the fuzz tests found.


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile 'b.mp4'\n", "a face\n"])
def test_a_list_of_videos_is_none(tmp_path, text):
    """FFmpeg would decode the video that the list names."""
    write(tmp_path / "b.mp4", marked(3))
    (tmp_path / "a.mp4").write_text(text)
    with pytest.raises(OSError, match="a.mp4 holds text and cannot be read"):
        Video(tmp_path / "a.mp4")
    (tmp_path / "c.mp4").write_bytes(b"ffconcat version 1.0\n#\0\nfile 'b.mp4'\n")
    with pytest.raises(OSError, match="c.mp4 cannot be read as a video"):
        Video(tmp_path / "c.mp4")


def test_a_name_that_is_not_utf_8(tmp_path):
    path = write(tmp_path / "b.mp4", marked(3)).rename(tmp_path / "\udcff.mp4")
    assert len(read(path)[1]) == 3

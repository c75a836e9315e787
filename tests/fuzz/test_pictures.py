"""Pictures and videos: cut, corrupt, and with headers that lie."""

import io
import os
import struct
import zlib

import numpy as np
from fuzzing import anything, damage, damaged, folder
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

KINDS = {
    ".jpg": {"format": "JPEG"},
    ".png": {"format": "PNG"},
    ".bmp": {"format": "BMP"},
    ".webp": {"format": "WEBP"},
    ".tif": {"format": "TIFF", "compression": "tiff_lzw"},
}
TRAINED_ON = (".jpg", ".png", ".bmp")


def encoded(ending, mode="RGB"):
    pixels = np.random.default_rng(0).integers(0, 255, (23, 31, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, **KINDS[ending])
    return buffer.getvalue()


def check(sandbox, data, ending):
    """Both readers; what both read has the same size."""
    found = []
    with folder() as here:
        path = here / f"a{ending}"
        path.write_bytes(data)
        found.append(sandbox("pictures", "picture", path)[0])
        if ending in TRAINED_ON:
            found.append(sandbox("training pictures", "training picture", path)[0])
    return found


ENDING = st.sampled_from(sorted(KINDS))


@given(anything(), ENDING)
def test_anything(sandbox, data, ending):
    assert check(sandbox, data, ending)[0] is None
    check(sandbox, encoded(ending)[:16] + data, ending)


@given(damage(), ENDING, st.sampled_from(["RGB", "L", "P", "1"]))
def test_damaged(sandbox, changes, ending, mode):
    if ending in (".webp", ".jpg") and mode != "L":
        mode = "RGB"
    check(sandbox, damaged(encoded(ending, mode), changes), ending)


SIZES = st.sampled_from([0, 1, 31, 2**14, 60000, 65535, 2**20, 2**31 - 1, 2**32 - 1])


@given(SIZES, SIZES, st.sampled_from([1, 2, 4, 8, 16]), st.integers(0, 6))
def test_a_png_that_lies_about_its_size(sandbox, width, height, depth, colours):
    """With checksums that are right, as a program that means harm writes them."""
    assume((width, height) != (31, 23))

    def chunk(kind, data):
        summed = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", summed)

    head = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    body = zlib.compress(bytes(10**5))
    parts = chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b"")
    check(sandbox, b"\x89PNG\r\n\x1a\n" + b"".join(parts), ".png")


@given(SIZES, SIZES, st.sampled_from([".bmp", ".jpg", ".gif"]), st.booleans())
def test_other_headers_that_lie(sandbox, width, height, ending, above):
    low = struct.pack("<ii", *(s - 2**32 if s >= 2**31 else s for s in (width, height)))
    if ending == ".bmp":
        data = bytearray(encoded(".bmp"))
        data[18:26] = low
    elif ending == ".jpg":
        data = bytearray(encoded(".jpg"))
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", height & 0xFFFF, width & 0xFFFF)
    else:
        ending = ".png"
        size = struct.pack("<HH", width & 0xFFFF, height & 0xFFFF)
        data = b"GIF89a" + size + b"\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0" + size
        data += b"\0\x02\x02\x44\x01\0;"
    check(sandbox, bytes(data), ending)


def test_odd_places(sandbox):
    with folder() as here:
        (here / "folder.png").mkdir()
        os.mkfifo(here / "pipe.png")
        os.symlink(here / "loop.png", here / "loop.png")
        calls = {"pictures": "picture", "training pictures": "training picture"}
        for name in ("folder", "pipe", "loop", "absent\n'", "long" * 99, "\udcff"):
            for reader, call in calls.items():
                result, told = sandbox(reader, call, here / f"{name}.png")
                assert result is None and told


# Videos


def video(here, code, ending):
    import cv2

    path = here / f"made{ending}"
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*code), 25, (64, 48), True
    )
    random = np.random.default_rng(0)
    for _ in range(12):
        writer.write(random.integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    data = path.read_bytes()
    assert data
    return data


MADE = {}


def made(kind):
    if not MADE:
        with folder() as here:
            MADE["a.mp4"] = video(here, "mp4v", ".mp4")
            MADE["a.avi"] = video(here, "MJPG", ".avi")
    return MADE[kind]


VIDEOS = st.sampled_from(["a.mp4", "a.avi"])


@given(VIDEOS, damage(), st.booleans())
def test_videos_damaged(sandbox, name, changes, headers):
    data = made(name)
    if headers:  # where the sizes are: at the end of one, at the start of the other
        at = data.rindex(b"moov") if name == "a.mp4" else 0
        data = data[:at] + damaged(data[at : at + 900], changes) + data[at + 900 :]
    else:
        data = damaged(data, changes)
    with folder() as here:
        path = here / name
        path.write_bytes(data)
        sandbox("videos", "video", path)


LISTS = (
    "ffconcat version 1.0\nfile other.mp4\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n",
    "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n",
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "[playlist]\nFile1=other.mp4\n",
)


@given(anything() | st.sampled_from(LISTS).map(str.encode), VIDEOS)
def test_videos_of_anything(sandbox, data, name):
    """Text is no video, and not a list of others either."""
    with folder() as here:
        (here / "other.mp4").write_bytes(made("a.mp4"))
        path = here / name
        path.write_bytes(data)
        assert sandbox("videos", "video", path)[0] is None


def test_videos_in_odd_places(sandbox):
    with folder() as here:
        (here / "folder.mp4").mkdir()
        os.mkfifo(here / "pipe.mp4")
        (here / "empty.mp4").touch()
        for name in ("folder", "pipe", "empty", "absent\n'", "long" * 99):
            assert sandbox("videos", "video", here / f"{name}.mp4")[1]
        for name, read in (("%d 'a'\n", True), ("\udcff", False)):
            path = here / f"{name}.mp4"
            path.write_bytes(made("a.mp4"))
            result, _ = sandbox("videos", "video", path)
            assert result == ([12, [48, 64, 3]] if read else None)

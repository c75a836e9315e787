"""`zoo.inputs.pictures`: a file's colours are right, or it is refused."""

import os
import struct

import numpy as np
import pytest
from PIL import Image

from datasets import pictures

HEIGHT, WIDTH = 10, 13
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
BGR = RGB[..., ::-1]
GREY = RGB[..., 0]
RAMP = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1) * [1, 1, 1, 0]
NONE = np.zeros((HEIGHT, WIDTH, 1), np.uint8)


def bmp(bits, pixels, palette=b"", masks=(), compression=0, height=HEIGHT, colours=0):
    """A BMP with the usual header of 40 bytes, lines from the bottom up."""
    if isinstance(pixels, np.ndarray):
        lines = pixels[:: -np.sign(height)].reshape(HEIGHT, -1)
        pixels = np.pad(lines, ((0, 0), (0, -lines.shape[1] % 4))).tobytes()
    palette = np.asarray(palette, np.uint8).tobytes() if len(palette) else b""
    masks = struct.pack(f"<{len(masks)}I", *masks)
    start = 54 + len(masks) + len(palette)
    header = struct.pack(
        "<IiiHHIIiiII",
        *(40, WIDTH, height, 1, bits, compression, len(pixels), 0, 0, colours, 0),
    )
    file = struct.pack("<2sIII", b"BM", start + len(pixels), 0, start)
    return file + header + masks + palette + pixels


def os2(bits, pixels, palette=b""):
    """A BMP with the header of OS/2, of 12 bytes; the width needs no padding."""
    start = 26 + len(palette)
    header = struct.pack("<IHHHH", 12, WIDTH - 1, HEIGHT, 1, bits)
    file = struct.pack("<2sIII", b"BM", start + pixels.size, 0, start)
    return file + header + palette + pixels[::-1].tobytes()


RUNS = b"".join(
    b"".join(bytes((1, grey)) for grey in line) + b"\0\0" for line in GREY[::-1]
)
HIGH, LOW = (0xFF000000, 0xFF0000, 0xFF00), (0xFF, 0xFF00, 0xFF0000)
RIGHT = {
    "24": (bmp(24, BGR), RGB),
    "24 top down": (bmp(24, BGR, height=-HEIGHT), RGB),
    "32": (bmp(32, np.dstack([BGR, NONE])), RGB),
    "32 masks": (
        bmp(32, np.dstack([BGR, NONE]), masks=LOW[::-1], compression=3),
        RGB,
    ),
    "grey": (bmp(8, GREY, RAMP), np.dstack([GREY] * 3)),
    "grey of 100": (bmp(8, GREY % 100, RAMP[:100], colours=100),
                    np.dstack([GREY % 100] * 3)),
}  # fmt: skip
REFUSED = {
    "inverted grey": bmp(8, 255 - GREY, RAMP[::-1]),
    "two greys": bmp(8, GREY % 2, RAMP[[0, 255]], colours=2),
    "palette": bmp(8, GREY, np.roll(RAMP, 1, axis=1)),
    "16": bmp(16, np.dstack([GREY, GREY])),
    "runs": bmp(8, RUNS, RAMP, compression=1),
    "32 masks, other end": bmp(
        32, np.dstack([NONE, BGR]), masks=HIGH, compression=3
    ),
    "32 masks, other order": bmp(
        32, np.dstack([RGB, NONE]), masks=LOW, compression=3
    ),
    "OS/2": os2(24, BGR[:, :-1]),
    "OS/2 grey": os2(8, GREY[:, :-1], RAMP[:, :3].astype(np.uint8).tobytes()),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_bmp(tmp_path, name):
    content, expected = RIGHT[name]
    file = tmp_path / "a.bmp"
    file.write_bytes(content)
    np.testing.assert_array_equal(pictures.read(file), expected)
    with Image.open(file) as image:
        np.testing.assert_array_equal(image.convert("RGB"), expected)


@pytest.mark.parametrize("name", REFUSED)
def test_bmp_whose_colours_would_be_wrong(tmp_path, name):
    file = tmp_path / "a.bmp"
    file.write_bytes(REFUSED[name])
    with pytest.raises(ValueError, match="convert others to 24 bits") as error:
        pictures.read(file)
    assert str(file) in str(error.value)
    assert pictures.readable([str(file)]) == set()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_png_of_other_channels(tmp_path, mode):
    image = Image.fromarray(RGB).convert(mode)
    if "A" in mode:
        image.putalpha(7)  # is dropped, not blended
    image.save(tmp_path / "a.png")
    got = pictures.read(tmp_path / "a.png")
    np.testing.assert_array_equal(got, image.convert("RGB"))


def test_what_is_no_file(tmp_path):
    """A pipe would be waited for, and TensorFlow reads a name up to a zero byte."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "a.bmp").write_bytes(bmp(24, bytes(WIDTH * HEIGHT * 4)))
    for name in ("pipe.png", "a.bmp\0", "gone.png"):
        with pytest.raises(ValueError, match="Expected a BMP, JPEG or PNG"):
            pictures.read(os.path.join(tmp_path, name))

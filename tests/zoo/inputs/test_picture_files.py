"""`zoo.inputs.pictures`: which files are read, as what, and which are refused."""

import sys

import numpy as np
import PIL.Image
import pytest

from zoo.inputs import pictures

RNG = np.random.default_rng(0)
# Smooth, so that compression loses little of it.
WAVES = np.sin(np.arange(48)[:, None, None] / [9, 7, 5])
WAVES = WAVES + np.cos(np.arange(64)[None, :, None] / [8, 6, 11])
COLOURS = (127 + 60 * WAVES).astype("uint8")
ORIENTED = {  # what undoes each of EXIF's orientations
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p),
}


def written(path, array=COLOURS, mode=None, **options):
    image = PIL.Image.fromarray(array)
    image = image.convert(mode) if mode else image
    image.save(path, **options)
    return path


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif", ".tiff"])
def test_colours_as_they_are(ending, tmp_path):
    found = pictures.read(written(tmp_path / f"a{ending}"))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, COLOURS)
    assert ending in pictures.ENDINGS


@pytest.mark.parametrize("orientation", ORIENTED)
@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_the_right_way_up(orientation, ending, tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if ending == ".jpg" else {}
    path = written(tmp_path / f"a{ending}", exif=exif, **options)
    wanted = ORIENTED[orientation](COLOURS)
    found = pictures.read(path)
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF:UserWarning")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08\0\xff"]
)
def test_damaged_exif_data_do_not_hide_a_picture(exif, tmp_path):
    plain = pictures.read(written(tmp_path / "b.jpg"))
    path = written(tmp_path / "a.jpg", exif=exif)
    np.testing.assert_array_equal(pictures.read(path), plain)


def test_other_colour_models(tmp_path):
    grey = pictures.read(written(tmp_path / "grey.png", mode="L"))
    assert (grey[..., :1] == grey).all() and np.ptp(grey) > 50
    palette = pictures.read(written(tmp_path / "palette.png", mode="P"))
    assert np.abs(palette.astype(int) - COLOURS).mean() < 30
    for name in ["cmyk.jpg", "cmyk.tif"]:
        options = {"quality": 100} if "jpg" in name else {}
        cmyk = pictures.read(written(tmp_path / name, mode="CMYK", **options))
        assert np.abs(cmyk.astype(int) - COLOURS).max() < 12
    bits = pictures.read(written(tmp_path / "bits.png", mode="1"))
    assert set(np.unique(bits)) == {0, 255} and bits.shape == COLOURS.shape


def test_alpha_is_dropped_not_blended(tmp_path):
    alpha = RNG.integers(0, 256, (*COLOURS.shape[:2], 1), "uint8")
    path = written(tmp_path / "a.png", np.concatenate([COLOURS, alpha], axis=-1))
    np.testing.assert_array_equal(pictures.read(path), COLOURS)
    grey = np.concatenate([COLOURS[..., :1], alpha], axis=-1)
    path = written(tmp_path / "b.png", grey)
    np.testing.assert_array_equal(pictures.read(path), grey[..., :1].repeat(3, -1))


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_more_than_8_bits_are_refused(ending, tmp_path):
    deep = COLOURS[..., 0].astype("uint16") * 200
    path = written(tmp_path / f"a{ending}", deep)
    with pytest.raises(ValueError, match=f"a{ending}: expected.*more than 8 bits"):
        pictures.read(path)
    path = written(tmp_path / "b.tif", deep.astype("float32"))
    with pytest.raises(ValueError, match="more than 8 bits"):
        pictures.read(path)


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp", ".webp", ".tif"])
def test_half_a_picture_is_refused(ending, tmp_path):
    noise = RNG.integers(0, 256, (90, 80, 3), "uint8")
    path = written(tmp_path / f"a{ending}", noise)
    whole = path.read_bytes()
    assert pictures.read(path).shape == (90, 80, 3)
    for share in (0.9, 0.5, 0.1):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ValueError, match="expected a whole picture"):
            pictures.read(path)


@pytest.mark.parametrize("content", [b"", b"a face\n", b"\xff\xd8\xff", b"\0" * 5000])
def test_what_is_no_picture_is_refused(content, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.jpg: expected a whole picture"):
        pictures.read(path)


def test_what_is_not_there(tmp_path):
    for path in [tmp_path / "nowhere.png", tmp_path]:
        with pytest.raises(FileNotFoundError, match="there is no file"):
            pictures.read(path)


def test_a_decompression_bomb_is_refused(tmp_path):
    """A few thousand bytes that would be 300 megabytes of pixels."""
    image = PIL.Image.new("1", (10_000, 10_000))
    image.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size < 20_000
    with pytest.raises(ValueError, match="decompression bomb"):
        pictures.read(tmp_path / "a.png")


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    path = written(tmp_path / "a.png")
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"duchenne\[video\]"):
        pictures.read(path)


def test_a_file_s_bytes_may_be_anything_in_its_name(tmp_path):
    path = written(tmp_path / "é ü\n.png")
    np.testing.assert_array_equal(pictures.read(path), COLOURS)
    np.testing.assert_array_equal(pictures.read(str(path)), COLOURS)

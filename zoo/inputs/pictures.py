"""Picture files, the right way up."""

import os
import warnings

import numpy as np

from zoo._extras import optional
from zoo.inputs import plain_files

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# Of what else Pillow knows, some formats start other programs.
_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "WEBP", "TIFF", "GIF", "PPM")
_DEEP = ("I;16", "I;16B", "I;16L", "I", "F")  # Pillow would cut them off at 255


def read(path: str | os.PathLike) -> np.ndarray:
    """Read one picture, turned as its EXIF data say.

    Args:
        path: A JPEG, PNG, BMP, WebP, TIFF, GIF (its first picture) or PPM file.

    Returns:
        uint8 (height, width, 3), RGB. Grey is repeated, alpha dropped.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no whole picture, or one of more than 8 bits a channel.
        ImportError: Pillow is missing.
    """
    image = optional("PIL.Image", "video")
    ops = optional("PIL.ImageOps", "video")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {path}; expected a picture")
    try:
        with warnings.catch_warnings():
            # A picture so large that it may be an attack.
            warnings.simplefilter("error", image.DecompressionBombWarning)
            with image.open(path, formats=_FORMATS) as picture:
                if picture.mode in _DEEP:
                    raise ValueError(f"more than 8 bits a channel ({picture.mode})")
                return np.array(ops.exif_transpose(picture).convert("RGB"))
    except Exception as error:  # Pillow raises many kinds on damage
        raise ValueError(
            f"{path}: expected a whole picture of 8 bits a channel "
            f"({' '.join(ENDINGS)}): {plain_files.short(error)}"
        ) from error

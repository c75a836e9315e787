"""Random changes to training pictures: all the kinds of Christensen 2018.

Source: Christensen 2018, section 4.3.2 and figure 4.4: rotation,
scaling, translation, Gaussian blur, flip, crop, contrast, Gaussian noise and colour,
made with the library imgaug, each picture changed at random and the face left whole.
This is the only module that imports imgaug, in its maintained fork `imaug`.

The thesis gives no ranges and no probabilities. Our reading: each kind is applied to
half of the pictures, with the moderate ranges below. A centred face of up to 60 % of
the picture's width and height stays inside even where scaling, translation and crop
meet at their worst. Rotation, scaling and translation are one affine map, so that a
picture is resampled once. What enters at the edges repeats the edge, never black.

A caution about `flip`: it swaps the two sides of the face, and the side is a cue, for
a posed expression is often stronger on the left of the face. The thesis lists the
flip, so it is on by default; `kinds` without "flip" leaves it out.
"""

import threading
from collections.abc import Iterable

import numpy as np

# Each kind is applied to a picture with this probability.
PROBABILITY = 0.5
ROTATION_DEGREES = 15.0  # either way
SCALE = (0.9, 1.1)  # factor, the same for both axes
TRANSLATION = 0.08  # share of the width and of the height, either way
BLUR_SIGMA = (0.3, 1.2)  # pixels
CROP = (0.0, 0.08)  # share taken off each side, then resized back
CONTRAST = (0.75, 1.3)  # factor on the distance from mid-grey
NOISE_SIGMA = (0.0, 10.0)  # of 255
HUE = (-15, 15)  # of 255, which is once round the colour circle
SATURATION = (-30, 30)  # of 255

KINDS = (
    "rotation",
    "scaling",
    "translation",
    "blur",
    "flip",
    "crop",
    "contrast",
    "noise",
    "colour",
)

_local = threading.local()


def apply(image: np.ndarray, seed: int, kinds: Iterable[str] = KINDS) -> np.ndarray:
    """Change one picture at random.

    The result depends on the picture, the seed and the kinds only: not on the pictures
    before it, the thread or the process. Across versions of OpenCV colours may differ
    by a few levels.

    Args:
        image: uint8 array of shape (height, width, 3), RGB, 0 to 255. It is not
            changed itself.
        seed: 0 or more. Another seed draws other changes.
        kinds: names out of `KINDS`, in any order: the changes that may be drawn. Leave
            out "flip" where the sides of the face must not be swapped.

    Returns:
        A new uint8 array of the same shape.

    Raises:
        ValueError: a kind is unknown.
        ImportError: if imgaug is missing or is the unmaintained package.
    """
    kinds = frozenset(kinds)
    if not kinds <= set(KINDS):
        raise ValueError(f"Expected kinds out of {KINDS}. Received: {set(kinds)}")
    # A pipeline holds a state, so that each thread has its own.
    pipelines = _local.__dict__.setdefault("pipelines", {})
    pipeline = pipelines.get(kinds) or pipelines.setdefault(kinds, _build(kinds))
    from imgaug.random import RNG

    # All augmenters draw from one generator, made anew for each picture, so that the
    # order is irrelevant. (`seed_`, which does so too, derives one for each of them,
    # and takes longer than the changes to a small picture.)
    rng = RNG(int(seed))
    for augmenter in (pipeline, *pipeline.get_all_children(flat=True)):
        augmenter.random_state = rng
    return pipeline.augment_image(np.ascontiguousarray(image))


def _build(kinds):
    check()
    import imgaug.augmenters as iaa

    def sometimes(augmenter):
        return iaa.Sometimes(PROBABILITY, augmenter)

    augmenters = {
        "flip": iaa.Fliplr(PROBABILITY),
        "crop": sometimes(iaa.Crop(percent=CROP)),
        "contrast": sometimes(iaa.LinearContrast(CONTRAST)),
        "colour": sometimes(
            iaa.AddToHueAndSaturation(value_hue=HUE, value_saturation=SATURATION)
        ),
        "blur": sometimes(iaa.GaussianBlur(BLUR_SIGMA)),
        "noise": sometimes(iaa.AdditiveGaussianNoise(scale=NOISE_SIGMA)),
    }
    chosen = [augmenters[kind] for kind in augmenters if kind in kinds]
    if {"rotation", "scaling", "translation"} & kinds:
        chosen.insert(0, _affine(kinds))
    return iaa.Sequential(chosen)


def _affine(kinds):
    """Return one affine map in which each part is drawn for itself."""
    import imgaug.augmenters as iaa
    import imgaug.parameters as iap

    def sometimes(low, high):
        return iap.Multiply(iap.Binomial(PROBABILITY), iap.Uniform(low, high))

    parts = {}
    if "rotation" in kinds:
        parts["rotate"] = sometimes(-ROTATION_DEGREES, ROTATION_DEGREES)
    if "scaling" in kinds:
        parts["scale"] = iap.Add(1.0, sometimes(SCALE[0] - 1.0, SCALE[1] - 1.0))
    if "translation" in kinds:
        parts["translate_percent"] = {
            axis: sometimes(-TRANSLATION, TRANSLATION) for axis in "xy"
        }
    return iaa.Affine(mode="edge", **parts)


def check():
    """Find out whether pictures can be augmented here, before many are read.

    Raises:
        ImportError: if imgaug is missing or is the unmaintained package.
    """
    try:
        import imgaug.augmenters  # noqa: F401
    except (ImportError, AttributeError) as error:
        # The unmaintained imgaug fails with an AttributeError (np.sctypes).
        raise ImportError(
            "Augmentation needs imgaug in its maintained fork, and importing imgaug "
            f"failed ({type(error).__name__}: {error}). Repair: `pip uninstall "
            "imgaug`, then `pip install --force-reinstall --no-deps imaug`. Both write "
            "the same folder, so the two must not be installed together."
        ) from error

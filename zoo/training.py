"""Choose the layers that train, by the train-layer modes of Christensen's thesis.

Christensen, "Differentiating Between Spontaneous and Posed Facial Expression using
Inception V4", University of Agder, 2018, Table 4.1 and Figure 4.6. The figure that
defines the modes is missing from the text. Our reading: mode 0 trains everything, and
each mode from 1 on trains one more part of Inception V4, counted from the top ("each of
the Inception-C modules is usually locked in train layer mode 1").
"""

from zoo._builder import PREDICTIONS

INCEPTION_C = ("Mixed_7b", "Mixed_7c", "Mixed_7d")
REDUCTION_B = ("Mixed_7a",)
INCEPTION_B = tuple(f"Mixed_6{block}" for block in "bcdefgh")
REDUCTION_A = ("Mixed_6a",)

# Mode 1 is the classifier alone.
PARTS = ((), INCEPTION_C, REDUCTION_B, INCEPTION_B, REDUCTION_A)


def train_layers(model, mode):
    """Sets which layers of a model train, in place; call it before `compile`.

    The rest is frozen, the statistics of its batch normalisation included: those layers
    run in inference mode also in `fit`.

    Args:
        model: an `InceptionV4` or `ShallowCNN`, or a functional model around one.
        mode: 0 everything; 1 the classifier only; 2 also the three Inception-C blocks;
            3 also Reduction-B; 4 also the seven Inception-B; 5 also Reduction-A. Or the
            name of a block (such as `"Mixed_7b"`, `"Conv2d_2a_3x3"` or `"conv_4"`):
            that block and the classifier. Modes 2 to 5 are for Inception V4.

    Returns:
        The model.

    Raises:
        ValueError: the mode is unknown, or the model has no such block.
    """
    if isinstance(mode, str):
        blocks = (mode,)
    elif isinstance(mode, int) and 0 <= mode <= len(PARTS):
        blocks = tuple(block for part in PARTS[:mode] for block in part)
    else:
        raise ValueError(
            "mode must be 0 (everything), 1 (the classifier) to 5 (down to "
            f"Reduction-A), or the name of a block. Received: {mode!r}"
        )
    names = {layer.name for layer in model.layers}
    for block in blocks:
        own = [layer for layer in model.layers if belongs(layer, block)]
        if block not in names or not any(layer.weights for layer in own):
            raise ValueError(
                f"mode {mode!r} trains the block {block!r}, but {model.name!r} has no "
                "block with weights of that name. A block is named as the layer that "
                "ends it."
            )
    for layer in model.layers:
        layer.trainable = mode == 0 or any(
            belongs(layer, block) for block in (*blocks, PREDICTIONS)
        )
    return model


def belongs(layer, block):
    return layer.name == block or layer.name.startswith(f"{block}_")

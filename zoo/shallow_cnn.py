"""The shallow convolutional network that beats Inception V4 on posed expressions.

Christensen, "Differentiating Between Spontaneous and Posed Facial Expression using
Inception V4", University of Agder, 2018, Table 4.2.

The table gives the shapes only. Open, and read here as: kernels 3x3, SAME padding
(96 -> 96 -> 32 -> 11 pixels follow from it), ReLU after every convolution and after the
first fully connected layer, dropout before the last layer (the thesis names a rate but
no place). Inputs are scaled to -1..1, as for the thesis's other network.
"""

import keras
from keras import layers

from zoo import weights as zoo_weights
from zoo._builder import FEATURES, PREDICTIONS, check_pooling, classify, picture, pool
from zoo.registry import CHRISTENSEN, PICTURE, POSED_GENUINE, Tensor, described

MIN_SIZE = 9
TOP = (FEATURES, PREDICTIONS)


@described(
    paper=CHRISTENSEN,
    inputs=(Tensor((96, 96, 3), PICTURE),),
    output=Tensor((2,), POSED_GENUINE),
    parameters=7_947_818,
    feature_width=2048,
    features="the first fully connected layer",
)
def ShallowCNN(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=2,
    classifier_activation="softmax",
    name="shallow_cnn",
    dropout=0.4,
):
    """Instantiates the thesis's shallow network: 7,947,818 parameters with 2 classes.

    Reference: Christensen 2018, Table 4.2.

    Inputs are RGB pictures as `x / 127.5 - 1`, that is, in -1..1. The features are the
    2048 outputs of the first fully connected layer: `zoo.feature_extractor(model)`.

    Args:
        include_top: whether to put the two fully connected layers on top.
        weights: `None` (random) or the path of a `.keras` or `.weights.h5` file of this
            architecture. If its number of classes is not `classes`, the classifier
            stays random and a warning says so.
        input_tensor: a Keras tensor to use as the picture.
        input_shape: `(height, width, channels)`, either side at least 9; `(96, 96, 3)`
            by default. With one channel (grey-scale) the channel is repeated three
            times. Without the top a side may be `None`.
        pooling: without the top, `None` gives the last feature map (4-D; 11x11x32 at
            96x96), `"avg"` or `"max"` the features pooled over it (2-D, 32 wide).
        classes: number of classes, with the top.
        classifier_activation: activation of the classifier; `None` gives logits.
        name: name of the model.
        dropout: share of the features dropped before the classifier, 0..1.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: an argument is out of range, or a weight file does not fit.
        OSError: the weight file could not be read.
    """
    source = zoo_weights.check(weights)
    check_pooling(pooling)
    inputs, image = picture(input_tensor, input_shape, 96, MIN_SIZE, include_top)

    x = conv(image, 8, "conv_1")  # 96 x 96 x 8
    x = conv(x, 16, "conv_2")  # 96 x 96 x 16
    x = max_pool(x, "pool_1")  # 32 x 32 x 16
    x = conv(x, 24, "conv_3")  # 32 x 32 x 24
    x = conv(x, 32, "conv_4")  # 32 x 32 x 32
    x = max_pool(x, "pool_2")  # 11 x 11 x 32

    if include_top:
        x = layers.Flatten(name="flatten")(x)  # 3872
        x = layers.Dense(2048, activation="relu", name=FEATURES)(x)
        x = classify(x, classes, classifier_activation, dropout)
    else:
        x = pool(x, pooling)

    if source is not None:
        network = keras.Model(image, x, name=name)
        tensors = zoo_weights.read_own(source, network)
        zoo_weights.load(network, tensors, source, TOP)
    return keras.Model(inputs, x, name=name)


def conv(x, filters, name):
    return layers.Conv2D(
        filters,
        3,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        data_format="channels_last",
        name=name,
    )(x)


def max_pool(x, name):
    return layers.MaxPooling2D(
        3, strides=3, padding="same", data_format="channels_last", name=name
    )(x)

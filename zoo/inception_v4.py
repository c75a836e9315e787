"""Inception V4.

Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of
Residual Connections on Learning", 2016 (arXiv:1602.07261); used on posed and
spontaneous expressions by Christensen, "Differentiating Between Spontaneous and Posed
Facial Expression using Inception V4", University of Agder, 2018.

The figures of the paper leave the following open; the reading is that of the authors'
released model, so that its weights fit tensor by tensor:

- every convolution is without bias and followed by batch normalisation (epsilon 1e-3,
  shift but no scale) and ReLU;
- padding is VALID only in `Conv2d_1a`, `Conv2d_2a`, the last 3x3 convolutions of
  `Mixed_3a` to `Mixed_7a` and the pooling with stride 2, and SAME everywhere else;
- average pooling leaves the padding out of the mean.

One deviation: the released model moves its batch statistics with a momentum of 0.9997,
made for weeks of training on ImageNet. Training on a few thousand pictures ends before
they have moved, and through 149 layers what is left of their start grows: here it is
0.9, as in timm.
"""

import keras
from keras import layers

from zoo import weights as zoo_weights
from zoo._builder import PREDICTIONS, check_pooling, classify, picture, pool
from zoo.inception_v4_weights import IMAGENET, read_weights
from zoo.registry import CHRISTENSEN, PICTURE, SZEGEDY, Tensor, described

MIN_SIZE = 75
TOP = (PREDICTIONS,)

ENDPOINTS = (
    "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 Mixed_3a Mixed_4a Mixed_5a "
    "Mixed_5b Mixed_5c Mixed_5d Mixed_5e "
    "Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_6f Mixed_6g Mixed_6h "
    "Mixed_7a Mixed_7b Mixed_7c Mixed_7d"
).split()


@described(
    paper=CHRISTENSEN,
    architecture=SZEGEDY,
    inputs=(Tensor((299, 299, 3), PICTURE),),
    output=Tensor((1000,), "probabilities of ImageNet's classes, in 0..1"),
    parameters=42_711_400,
    feature_width=1536,
    features="the last feature map, averaged over the picture",
    weights=("imagenet",),
    weights_licence=IMAGENET.licence,
)
def InceptionV4(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name="inception_v4",
    dropout=0.2,
):
    """Instantiates the Inception V4 architecture.

    Reference: [Inception-v4, Inception-ResNet and the Impact of Residual Connections on
    Learning](https://arxiv.org/abs/1602.07261) (2016).

    Inputs are RGB pictures as `x / 127.5 - 1`, that is, in -1..1: see
    `zoo.inception_v4.preprocess_input`. The outputs of the paper's stages are reachable
    as `model.get_layer(endpoint).output` for each name in
    `zoo.inception_v4.ENDPOINTS`, the pooled features (1536 wide) as
    `zoo.feature_extractor(model)`.

    Args:
        include_top: whether to put the classifier on top.
        weights: `None` (random), `"imagenet"` (downloaded once into Keras's cache), or
            a path: a `.keras` or `.weights.h5` file of this architecture, timm's
            `inception_v4` as `.safetensors`, or the prefix of a TF-Slim checkpoint
            (`.../inception_v4.ckpt`). If the file's number of classes is not `classes`,
            the classifier stays random and a warning says so.
        input_tensor: a Keras tensor to use as the picture, for example the output of a
            preprocessing layer.
        input_shape: `(height, width, channels)`, either side at least 75 or `None`;
            `(299, 299, 3)` by default with the top, `(None, None, 3)` without. With one
            channel (grey-scale) the channel is repeated three times.
        pooling: without the top, `None` gives the last feature map (4-D; 8x8x1536 at
            299x299), `"avg"` or `"max"` the features pooled over it (2-D, 1536 wide).
        classes: number of classes, with the top.
        classifier_activation: activation of the classifier; `None` gives logits.
        name: name of the model.
        dropout: share of the features dropped before the classifier, 0..1.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: an argument is out of range, or a weight file does not fit; the
            tensors that are missing, left over or of another shape are named.
        OSError: the weights could not be read or downloaded.
    """
    source = zoo_weights.check(weights, IMAGENET)
    check_pooling(pooling)
    size = 299 if include_top else None
    inputs, image = picture(input_tensor, input_shape, size, MIN_SIZE)

    x = stem(image)  # 35 x 35 x 384
    for block in "bcde":
        x = inception_a(x, f"Mixed_5{block}")  # 35 x 35 x 384
    x = reduction_a(x, "Mixed_6a")  # 17 x 17 x 1024
    for block in "bcdefgh":
        x = inception_b(x, f"Mixed_6{block}")  # 17 x 17 x 1024
    x = reduction_b(x, "Mixed_7a")  # 8 x 8 x 1536
    for block in "bcd":
        x = inception_c(x, f"Mixed_7{block}")  # 8 x 8 x 1536

    if include_top:
        x = pool(x, "avg")  # 1536
        x = classify(x, classes, classifier_activation, dropout)
    else:
        x = pool(x, pooling)

    if source is not None:
        network = keras.Model(image, x, name=name)
        tensors = read_weights(source, network)
        zoo_weights.load(network, tensors, source, TOP)
    return keras.Model(inputs, x, name=name)


def preprocess_input(x):
    """Scales pictures from 0..255 to the -1..1 that `InceptionV4` expects.

    Args:
        x: a float array or tensor with values in 0..255.

    Returns:
        The same shape, `x / 127.5 - 1`.
    """
    return x / 127.5 - 1.0


def stem(x):
    """Figure 3 of the paper: 299 x 299 x 3 to 35 x 35 x 384."""
    x = conv(x, 32, 3, "Conv2d_1a_3x3", strides=2, padding="valid")  # 149 x 149 x 32
    x = conv(x, 32, 3, "Conv2d_2a_3x3", padding="valid")  # 147 x 147 x 32
    x = conv(x, 64, 3, "Conv2d_2b_3x3")  # 147 x 147 x 64

    b = "Mixed_3a_Branch"  # 73 x 73 x 160
    pool = max_pool(x, f"{b}_0_MaxPool_0a_3x3")
    down = conv(x, 96, 3, f"{b}_1_Conv2d_0a_3x3", strides=2, padding="valid")
    x = concat([pool, down], "Mixed_3a")

    b = "Mixed_4a_Branch"  # 71 x 71 x 192
    b0 = conv(x, 64, 1, f"{b}_0_Conv2d_0a_1x1")
    b0 = conv(b0, 96, 3, f"{b}_0_Conv2d_1a_3x3", padding="valid")
    b1 = conv(x, 64, 1, f"{b}_1_Conv2d_0a_1x1")
    b1 = conv(b1, 64, (1, 7), f"{b}_1_Conv2d_0b_1x7")
    b1 = conv(b1, 64, (7, 1), f"{b}_1_Conv2d_0c_7x1")
    b1 = conv(b1, 96, 3, f"{b}_1_Conv2d_1a_3x3", padding="valid")
    x = concat([b0, b1], "Mixed_4a")

    b = "Mixed_5a_Branch"  # 35 x 35 x 384
    down = conv(x, 192, 3, f"{b}_0_Conv2d_1a_3x3", strides=2, padding="valid")
    pool = max_pool(x, f"{b}_1_MaxPool_1a_3x3")
    return concat([down, pool], "Mixed_5a")


def inception_a(x, name):
    """Figure 4 of the paper: 35 x 35 x 384 to the same."""
    b = f"{name}_Branch"
    b0 = conv(x, 96, 1, f"{b}_0_Conv2d_0a_1x1")
    b1 = conv(x, 64, 1, f"{b}_1_Conv2d_0a_1x1")
    b1 = conv(b1, 96, 3, f"{b}_1_Conv2d_0b_3x3")
    b2 = conv(x, 64, 1, f"{b}_2_Conv2d_0a_1x1")
    b2 = conv(b2, 96, 3, f"{b}_2_Conv2d_0b_3x3")
    b2 = conv(b2, 96, 3, f"{b}_2_Conv2d_0c_3x3")
    b3 = average_pool(x, f"{b}_3_AvgPool_0a_3x3")
    b3 = conv(b3, 96, 1, f"{b}_3_Conv2d_0b_1x1")
    return concat([b0, b1, b2, b3], name)


def reduction_a(x, name):
    """Figure 7 of the paper: 35 x 35 x 384 to 17 x 17 x 1024."""
    b = f"{name}_Branch"
    b0 = conv(x, 384, 3, f"{b}_0_Conv2d_1a_3x3", strides=2, padding="valid")
    b1 = conv(x, 192, 1, f"{b}_1_Conv2d_0a_1x1")
    b1 = conv(b1, 224, 3, f"{b}_1_Conv2d_0b_3x3")
    b1 = conv(b1, 256, 3, f"{b}_1_Conv2d_1a_3x3", strides=2, padding="valid")
    b2 = max_pool(x, f"{b}_2_MaxPool_1a_3x3")
    return concat([b0, b1, b2], name)


def inception_b(x, name):
    """Figure 5 of the paper: 17 x 17 x 1024 to the same."""
    b = f"{name}_Branch"
    b0 = conv(x, 384, 1, f"{b}_0_Conv2d_0a_1x1")
    b1 = conv(x, 192, 1, f"{b}_1_Conv2d_0a_1x1")
    b1 = conv(b1, 224, (1, 7), f"{b}_1_Conv2d_0b_1x7")
    b1 = conv(b1, 256, (7, 1), f"{b}_1_Conv2d_0c_7x1")
    b2 = conv(x, 192, 1, f"{b}_2_Conv2d_0a_1x1")
    b2 = conv(b2, 192, (7, 1), f"{b}_2_Conv2d_0b_7x1")
    b2 = conv(b2, 224, (1, 7), f"{b}_2_Conv2d_0c_1x7")
    b2 = conv(b2, 224, (7, 1), f"{b}_2_Conv2d_0d_7x1")
    b2 = conv(b2, 256, (1, 7), f"{b}_2_Conv2d_0e_1x7")
    b3 = average_pool(x, f"{b}_3_AvgPool_0a_3x3")
    b3 = conv(b3, 128, 1, f"{b}_3_Conv2d_0b_1x1")
    return concat([b0, b1, b2, b3], name)


def reduction_b(x, name):
    """Figure 8 of the paper: 17 x 17 x 1024 to 8 x 8 x 1536."""
    b = f"{name}_Branch"
    b0 = conv(x, 192, 1, f"{b}_0_Conv2d_0a_1x1")
    b0 = conv(b0, 192, 3, f"{b}_0_Conv2d_1a_3x3", strides=2, padding="valid")
    b1 = conv(x, 256, 1, f"{b}_1_Conv2d_0a_1x1")
    b1 = conv(b1, 256, (1, 7), f"{b}_1_Conv2d_0b_1x7")
    b1 = conv(b1, 320, (7, 1), f"{b}_1_Conv2d_0c_7x1")
    b1 = conv(b1, 320, 3, f"{b}_1_Conv2d_1a_3x3", strides=2, padding="valid")
    b2 = max_pool(x, f"{b}_2_MaxPool_1a_3x3")
    return concat([b0, b1, b2], name)


def inception_c(x, name):
    """Figure 6 of the paper: 8 x 8 x 1536 to the same."""
    b = f"{name}_Branch"
    b0 = conv(x, 256, 1, f"{b}_0_Conv2d_0a_1x1")
    b1 = conv(x, 384, 1, f"{b}_1_Conv2d_0a_1x1")
    b1_left = conv(b1, 256, (1, 3), f"{b}_1_Conv2d_0b_1x3")
    b1_right = conv(b1, 256, (3, 1), f"{b}_1_Conv2d_0c_3x1")
    b2 = conv(x, 384, 1, f"{b}_2_Conv2d_0a_1x1")
    b2 = conv(b2, 448, (3, 1), f"{b}_2_Conv2d_0b_3x1")
    b2 = conv(b2, 512, (1, 3), f"{b}_2_Conv2d_0c_1x3")
    b2_left = conv(b2, 256, (1, 3), f"{b}_2_Conv2d_0d_1x3")
    b2_right = conv(b2, 256, (3, 1), f"{b}_2_Conv2d_0e_3x1")
    b3 = average_pool(x, f"{b}_3_AvgPool_0a_3x3")
    b3 = conv(b3, 256, 1, f"{b}_3_Conv2d_0b_1x1")
    return concat([b0, b1_left, b1_right, b2_left, b2_right, b3], name)


def conv(x, filters, kernel_size, name, strides=1, padding="same"):
    """Convolution, batch normalisation and ReLU; `name` is that of the result."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        data_format="channels_last",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(
        axis=-1, momentum=0.9, epsilon=1e-3, scale=False, name=f"{name}_BatchNorm"
    )(x)
    return layers.Activation("relu", name=name)(x)


def max_pool(x, name):
    return layers.MaxPooling2D(
        3, strides=2, padding="valid", data_format="channels_last", name=name
    )(x)


def average_pool(x, name):
    return layers.AveragePooling2D(
        3, strides=1, padding="same", data_format="channels_last", name=name
    )(x)


def concat(branches, name):
    return layers.Concatenate(axis=-1, name=name)(branches)

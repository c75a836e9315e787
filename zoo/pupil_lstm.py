"""The network that tells genuine from posed smiles by the pupils of who sees them.

Gong, "Using LSTM Neural Network to predict the real or fake smile based on Observers
Pupil Dataset, and apply Image Compression Technical to Pruning Neural Networks", The
Australian National University. All outputs of a narrow LSTM go side by side into two
layers of sigmoids, which distinctiveness pruning can measure around 0.5.

The paper does not state the share dropped behind each hidden layer: 0.5, as in its
author's code.
"""

from keras import layers

from zoo._builder import FEATURES, classify, finish, sequence
from zoo.fast_lstm import LSTM
from zoo.registry import GONG, POSED_GENUINE, Tensor, described


@described(
    paper=GONG,
    inputs=(Tensor((1168, 1), "pupil diameters at 60 Hz as measured, 0.003 to 0.011"),),
    output=Tensor((2,), POSED_GENUINE),
    parameters=2_340_742,
    feature_width=20,
    features="the second hidden layer, in 0..1",
)
def PupilLSTM(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    classes=2,
    classifier_activation="softmax",
    name="pupil_lstm",
    dropout=0.5,
):
    """Instantiates the paper's network: 2,340,742 parameters with 2 classes.

    Reference: Gong, section 2.2.

    Inputs are pupil diameters over time, `(batch, samples, width)`, such as
    `zoo.layers.FilledDiameters` (width 1) or `zoo.layers.StandardisedDiameters` (width
    2) makes of raw ones. The features (`zoo.feature_extractor`) are the outputs of the
    second hidden layer, 20 in 0..1. The LSTM is `zoo.layers.LSTM`, which trains fast on
    a CPU.

    Args:
        include_top: whether to put the classifier on top.
        weights: `None` (random) or the path of a `.keras` or `.weights.h5` file of this
            architecture and number of samples. If its number of classes is not
            `classes`, the classifier stays random and a warning says so.
        input_tensor: a Keras tensor to use as the diameters.
        input_shape: `(samples, width)`; `(1168, 1)` by default, as in the paper. The
            number of samples is fixed, as each has its own weights behind the LSTM.
        classes: number of classes, with the top.
        classifier_activation: activation of the classifier; `None` gives logits.
        name: name of the model.
        dropout: share of the outputs of each of the two hidden layers that is dropped,
            0..1.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: an argument is out of range, or a weight file does not fit.
        OSError: the weight file could not be read.
    """
    inputs, x = sequence(input_tensor, input_shape, (1168, 1))
    if x.shape[1] is None:
        raise ValueError(
            "PupilLSTM has weights for every sample and needs to know their number: "
            "expected input_shape (samples, width), such as (1168, 1). Received: "
            f"{x.shape[1:]}. zoo.layers.FilledDiameters brings series to one length."
        )
    x = LSTM(10, return_sequences=True, name="lstm")(x)  # samples x 10
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(200, activation="sigmoid", name="fc1")(x)  # 200
    x = layers.Dropout(dropout, name="fc1_dropout")(x)
    x = layers.Dense(20, activation="sigmoid", name=FEATURES)(x)  # 20
    if include_top:
        x = classify(x, classes, classifier_activation, dropout)
    return finish(inputs, x, name, weights)

"""Networks that find grammatical facial expressions of sign language in Kinect frames.

Xu, "Implement Long Short-Term Memory Recurrent Neural Network on Grammatical Facial
Expression Recognition", The Australian National University: an LSTM that
sees one frame at a time, and the multilayer perceptron of the experiment before it. The
paper's proposal for further work is windows of frames with one label and stronger
recurrent networks: `GrammaticalSequence`.

Inputs are the 118 features of `zoo.layers.FrameGeometry`, standardised. The paper's
"output size (N x 1 x 105)" is read as one time step a frame. It names no width and no
activation for the perceptron: 105 units as the LSTM has, and a sigmoid, because its
distinctiveness pruning measures angles around 0.5. The architecture of
`GrammaticalSequence` is ours.
"""

from keras import layers

from zoo._builder import FEATURES, classify, finish, sequence
from zoo.registry import XU, Tensor, described

WIDTH, HIDDEN = 118, 105
MEASURED = "distances, angles and depths of a face's points, standardised"
OCCURRING = "probabilities of not occurring and occurring, in 0..1"


@described(
    paper=XU,
    inputs=(Tensor((1, WIDTH), f"a frame: {MEASURED}"),),
    output=Tensor((2,), OCCURRING),
    parameters=94_292,
    feature_width=105,
    features="the LSTM's outputs after the last step",
)
def GrammaticalLSTM(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    classes=2,
    classifier_activation="softmax",
    name="grammatical_lstm",
    dropout=0.0,
):
    """Instantiates the paper's LSTM: 94,292 parameters with 2 classes.

    Reference: Xu, section 2.2.

    Inputs are standardised features, `(batch, steps, 118)`; the paper gives it one
    step, the frame in question. The features (`zoo.feature_extractor`) are the LSTM's
    105 outputs after the last step.

    Args:
        include_top: whether to put the classifier on top.
        weights: `None` (random) or the path of a `.keras` or `.weights.h5` file of this
            architecture. If its number of classes is not `classes`, the classifier
            stays random and a warning says so.
        input_tensor: a Keras tensor to use as the features.
        input_shape: `(steps, width)`; `(1, 118)` by default. `steps` may be `None`.
        classes: number of classes, with the top.
        classifier_activation: activation of the classifier; `None` gives logits.
        name: name of the model.
        dropout: share of the LSTM's outputs dropped before the classifier, 0..1; the
            paper has none.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: an argument is out of range, or a weight file does not fit.
        OSError: the weight file could not be read.
    """
    inputs, x = sequence(input_tensor, input_shape, (1, WIDTH))
    # One step needs no loop, and training is twice as fast without.
    x = layers.LSTM(105, unroll=x.shape[1] == 1, name=FEATURES)(x)  # 105
    if include_top:
        x = classify(x, classes, classifier_activation, dropout)
    return finish(inputs, x, name, weights)


@described(
    paper=XU,
    inputs=(Tensor((WIDTH,), f"a frame: {MEASURED}"),),
    output=Tensor((2,), OCCURRING),
    parameters=12_707,
    feature_width=105,
    features="the hidden layer, in 0..1",
)
def GrammaticalMLP(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    classes=2,
    classifier_activation="softmax",
    name="grammatical_mlp",
    dropout=0.0,
    hidden=HIDDEN,
):
    """Instantiates the perceptron with one hidden layer: 12,707 parameters.

    Reference: Xu, sections 1.2 and 3.2.

    Inputs are the standardised features of a frame, `(batch, 118)`. The features
    (`zoo.feature_extractor`) are the outputs of the hidden layer.

    Args:
        include_top: whether to put the classifier on top.
        weights: see `GrammaticalLSTM`.
        input_tensor: a Keras tensor to use as the features.
        input_shape: `(width,)`; `(118,)` by default.
        classes: number of classes, with the top.
        classifier_activation: activation of the classifier; `None` gives logits.
        name: name of the model.
        dropout: share of the hidden outputs dropped before the classifier, 0..1.
        hidden: number of hidden units, 1 or more; the paper does not state its own.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: an argument is out of range, or a weight file does not fit.
        OSError: the weight file could not be read.
    """
    inputs, x = sequence(input_tensor, input_shape, (WIDTH,))
    x = layers.Dense(hidden, activation="sigmoid", name=FEATURES)(x)  # hidden
    if include_top:
        x = classify(x, classes, classifier_activation, dropout)
    return finish(inputs, x, name, weights)


@described(
    paper=XU,
    architecture=None,
    inputs=(Tensor((None, WIDTH), f"consecutive frames: {MEASURED}"),),
    output=Tensor((None, 2), f"of each frame, {OCCURRING}"),
    parameters=62_786,
    feature_width=64,
    features="of each frame, what two LSTMs have seen before and after it",
)
def GrammaticalSequence(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    classes=2,
    classifier_activation="softmax",
    name="grammatical_sequence",
    dropout=0.5,
):
    """Instantiates a convolutional-recurrent network that labels every frame.

    Reference: Xu, sections 3.1 and 4, proposes windows of frames and
    stronger recurrent networks; the architecture is ours. 62,786 parameters with 118
    features and 2 classes.

    Inputs are standardised features of consecutive frames, `(batch, frames, 118)`, the
    outputs one answer a frame, `(batch, frames, classes)`. The features
    (`zoo.feature_extractor`), `(batch, frames, 64)`, are what two LSTMs have seen of
    the frames before and after.

    Args:
        include_top: whether to put the classifier on top.
        weights: see `GrammaticalLSTM`.
        input_tensor: a Keras tensor to use as the features.
        input_shape: `(frames, width)`; `(None, 118)` by default, for any number of
            frames.
        classes: number of classes, with the top.
        classifier_activation: activation of the classifier; `None` gives logits.
        name: name of the model.
        dropout: share of the inputs of the recurrent layer and of the classifier that
            is dropped, 0..1.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: an argument is out of range, or a weight file does not fit.
        OSError: the weight file could not be read.
    """
    inputs, x = sequence(input_tensor, input_shape, (None, WIDTH))
    x = layers.Conv1D(64, 5, padding="same", activation="relu", name="conv")(x)
    x = layers.Dropout(dropout, name="conv_dropout")(x)  # frames x 64
    both = layers.LSTM(32, return_sequences=True, name="lstm")
    x = layers.Bidirectional(both, name=FEATURES)(x)  # frames x 64
    if include_top:
        x = classify(x, classes, classifier_activation, dropout)
    return finish(inputs, x, name, weights)

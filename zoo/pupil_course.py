"""A small model for few series: the course of the pupil's diameter, span by span.

Gong (see `zoo.pupil_lstm`) finds the network of 2.3 million weights "not suitable" for
a data set of 370 series, and asks for another structure. This one, ours, has 26: the
mean of each second of a standardised series, and a softmax regression on them.
"""

import numbers

from keras import layers

from zoo._builder import FEATURES, classify, finish, sequence
from zoo.registry import GONG, POSED_GENUINE, Tensor, described

SAMPLES, SPAN = 720, 60  # 12 s, 1 s
COURSE = "pupil diameters at 60 Hz in units of the series' spread around its mean, and "
COURSE += "1 where measured, else 0"


@described(
    paper=GONG,
    architecture=None,
    inputs=(Tensor((720, 2), COURSE),),
    output=Tensor((2,), POSED_GENUINE),
    parameters=26,
    feature_width=12,
    features="the mean of each second",
)
def PupilCourse(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    classes=2,
    classifier_activation="softmax",
    name="pupil_course",
    dropout=0.0,
    span=SPAN,
):
    """Instantiates a softmax regression on the course of the pupil's diameter.

    Reference: Gong, section 4, asks for another structure; this one is
    ours. 26 parameters with 720 samples, spans of 60 and 2 classes.

    Inputs are standardised diameters, `(batch, samples, 2)`, as
    `zoo.layers.StandardisedDiameters` makes them; of its two channels the first is
    used. The features (`zoo.feature_extractor`) are the means of consecutive spans.

    Args:
        include_top: whether to put the classifier on top.
        weights: `None` (random) or the path of a `.keras` or `.weights.h5` file of this
            architecture. If its number of classes is not `classes`, the classifier
            stays random and a warning says so.
        input_tensor: a Keras tensor to use as the diameters.
        input_shape: `(samples, width)`; `(720, 2)` by default: 12 s at 60 Hz. `samples`
            is fixed, and `span` or more.
        classes: number of classes, with the top.
        classifier_activation: activation of the classifier; `None` gives logits.
        name: name of the model.
        dropout: share of the features dropped before the classifier, 0..1.
        span: samples in a span; what is left over at the end is not used.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: an argument is out of range, or a weight file does not fit.
        OSError: the weight file could not be read.
    """
    inputs, x = sequence(input_tensor, input_shape, (SAMPLES, 2))
    whole = isinstance(span, numbers.Integral) and x.shape[1] is not None
    if not (whole and 1 <= span <= x.shape[1]):
        raise ValueError(
            "PupilCourse has weights for every span: expected span as a number of "
            "samples, 1 or more, and input_shape (samples, width) with so many samples "
            f"or more. Received: span {span!r}, input_shape {x.shape[1:]}"
        )
    x = layers.AveragePooling1D(span, name="spans")(x[..., :1])  # spans x 1
    x = layers.Flatten(name=FEATURES)(x)  # spans
    if include_top:
        x = classify(x, classes, classifier_activation, dropout)
    return finish(inputs, x, name, weights)

"""A loop over time."""

import keras


def scan(step, states, given, shapes, reverse=False):
    """`keras.ops.scan`; on TensorFlow a loop of its own, which costs half as much.

    Args:
        step: function `(states, given of this time)` -> `(states, results)`.
        states: tuple of tensors, whose shapes and dtype stay.
        given: tensor or tuple of tensors, the first axis of which is time.
        shapes: of each result at one time, with `None` for what is not known before;
            results have the dtype of the first state.
        reverse: whether to begin with the last time.

    Returns:
        The last states, and a list of the results of all times, in the order of time.
    """
    if keras.backend.backend() != "tensorflow":
        last, results = keras.ops.scan(step, states, given, reverse=reverse)
        return last, list(results)
    import tensorflow as tf

    first = tf.nest.flatten(given)[0]
    # A known number stays a number: TensorFlow's compiler needs it.
    steps = first.shape[0] if first.shape[0] is not None else tf.shape(first)[0]
    arrays = tuple(
        tf.TensorArray(states[0].dtype, steps, element_shape=shape) for shape in shapes
    )

    def body(done, states, arrays):
        time = steps - 1 - done if reverse else done
        now = tf.nest.map_structure(lambda tensor: tensor[time], given)
        states, results = step(states, now)
        pairs = zip(arrays, results, strict=True)
        return done + 1, states, tuple(array.write(time, y) for array, y in pairs)

    going = (0, tuple(states), arrays)
    _, states, arrays = tf.while_loop(lambda done, *_: done < steps, body, going)
    return states, [array.stack() for array in arrays]

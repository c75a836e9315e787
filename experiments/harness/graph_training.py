"""Training in graphs of whole epochs, for networks whose steps are short.

A network and the graph that trains it are made once and serve one training part after
the other: only weights and the optimiser's state start anew.
"""

import keras
import tensorflow as tf

from experiments.harness.fit import is_random


class GraphTraining:
    """A builder's network, trained anew for each part.

    Where a step takes milliseconds, a graph of a whole epoch leaves it at that; Keras's
    `fit` with a pipeline of batches takes more than twice as long for some.

    Args:
        build: function to the network, which ends in a softmax.
        optimiser: a Keras optimizer.
    """

    def __init__(self, build, optimiser):
        self.build = build
        self.model = build()
        self.optimiser = optimiser
        self.optimiser.build(self.model.trainable_variables)
        self.start = [variable.numpy() for variable in self.optimiser.variables]
        self.graph = None
        taken = tf.TensorSpec(self.model.input.shape, self.model.input.dtype)
        self.infer = tf.function(
            lambda x: self.model(x, training=False), input_signature=[taken]
        )

    def restart(self, seed):
        """New random weights; everything that is drawn from here on is by the seed."""
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build().get_weights())
        for number, layer in enumerate(filter(is_random, self.model.layers)):
            layer.seed_generator.state.assign([seed, number])
        pairs = zip(self.optimiser.variables, self.start, strict=True)
        for variable, value in pairs:
            variable.assign(value)

    def train(self, x, labels, weights, order):
        """One epoch: a step for each row of `order`; returns the mean loss."""
        arrays = x, labels, weights, order
        if self.graph is None:
            # One graph for parts of all sizes: what comes of a part must not depend on
            # which one was the first in this process.
            sizes = 1, 1, 1, 2
            signature = [
                tf.TensorSpec([None] * n + array.shape[n:], array.dtype)
                for array, n in zip(arrays, sizes, strict=True)
            ]
            self.graph = tf.function(self.train_epoch, input_signature=signature)
        return self.graph(*arrays)

    def train_epoch(self, x, labels, weights, order):
        loss_of = keras.losses.SparseCategoricalCrossentropy()
        variables = self.model.trainable_variables
        total = 0.0
        for rows in order:
            with tf.GradientTape() as tape:
                answer = self.model(tf.gather(x, rows), training=True)
                truth, weight = tf.gather(labels, rows), tf.gather(weights, rows)
                loss = loss_of(truth, answer, weight)
            self.optimiser.apply(tape.gradient(loss, variables), variables)
            total += loss
        return total / tf.cast(tf.shape(order)[0], tf.float32)

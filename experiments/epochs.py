"""Training in graphs of whole epochs, for networks whose steps are short.

A network and the graph that trains it are made once and serve one training part after
the other: only weights and the optimiser's state start anew.
"""

import keras
import tensorflow as tf

from experiments.fitting import is_random


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
        self.train = tf.function(self.train_epoch, reduce_retracing=True)
        self.infer = tf.function(
            lambda x: self.model(x, training=False), reduce_retracing=True
        )

    def restart(self, seed):
        """New random weights; everything that is drawn from here on is by the seed."""
        keras.utils.set_random_seed(seed)
        self.model.set_weights(self.build().get_weights())
        for place, layer in enumerate(filter(is_random, self.model.layers)):
            layer.seed_generator.state.assign([seed, place])
        pairs = zip(self.optimiser.variables, self.start, strict=True)
        for variable, value in pairs:
            variable.assign(value)

    def train_epoch(self, x, labels, weights, order):
        """One epoch: a step for each row of `order`; returns the mean loss."""
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

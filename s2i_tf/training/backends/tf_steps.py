"""Some training steps in one call of a compiled function, on one device or many."""

import functools

import keras
import tensorflow as tf

from s2i_tf.training import watch
from s2i_tf.training.backends import tf_strategy
from s2i_tf.training.checkpoints import RANDOM_STATE


class Steps:
    """Some training steps, their results added up.

    Args:
      trainer: a model with `train_step(batch)` that returns scalars by name.
      batches: data set of batches of one shape.

    Attributes:
      sums: the number of steps since the last `reset`, then the sum of each result. It is part of
        the training's state, so that an average is the same over a resume.
      variables: every variable that a step uses.
    """

    def __init__(self, trainer: keras.Model, batches: tf.data.Dataset):
        strategy = tf_strategy.current()
        self._names: list[str] = []

        random_states = [state.value for state in trainer.variables if RANDOM_STATE in state.name]

        def on_one(batch) -> tf.Tensor:
            with tf_strategy.own_draws(random_states):
                results = {watch.BAD_BATCHES: _is_bad(batch), **trainer.train_step(batch)}
            self._names = list(results)
            return tf.stack([1.0, *(tf.cast(value, tf.float32) for value in results.values())])

        # Keras needs no AutoGraph, and rewriting all of a step's Python takes seconds.
        compiled = functools.partial(tf.function, autograph=False)

        @compiled
        def on_all(batch):
            results = strategy.run(on_one, args=(batch,))
            return strategy.reduce(tf.distribute.ReduceOp.MEAN, results, axis=None)

        # Traced once and for all: within another function it would be traced anew.
        step = on_all.get_concrete_function(batches.element_spec)

        @compiled
        def take_one(iterator, sums):
            return sums + step(next(iterator))

        @compiled
        def take_several(iterator, sums, num_steps):
            return tf.while_loop(
                lambda taken, sums: taken < num_steps,
                lambda taken, sums: (taken + 1, sums + step(next(iterator))),
                (0, sums),
            )[1]

        self._take_one, self._take_several = take_one, take_several
        self.variables = list(step.graph.variables)
        self._zeros = tf.zeros(step.structured_outputs.shape)
        self.sums = tf.Variable(self._zeros, trainable=False, name="sums")

    def take(self, iterator, num_steps: int) -> None:
        """Takes some steps."""
        if num_steps == 1:
            sums = self._take_one(iterator, self.sums.value())
        else:
            sums = self._take_several(iterator, self.sums.value(), tf.constant(num_steps))
        self.sums.assign(sums)

    def reset(self) -> None:
        """Starts a new average."""
        self.sums.assign(self._zeros)

    def means(self) -> dict[str, float]:
        """The averages since the last reset, `watch.NUM_STEPS` and `watch.BAD_BATCHES` included."""
        num_steps, *sums = (float(value) for value in self.sums.numpy())
        means = {name: total / num_steps for name, total in zip(self._names, sums, strict=True)}
        return {watch.NUM_STEPS: int(num_steps), **means}


def _is_bad(batch) -> tf.Tensor:
    """1 where a batch holds a number that is not finite, else 0."""
    finite = [
        tf.reduce_all(tf.math.is_finite(value))
        for value in tf.nest.flatten(batch)
        if value.dtype.is_floating
    ]
    return tf.cast(~tf.reduce_all(finite), tf.float32) if finite else tf.constant(0.0)

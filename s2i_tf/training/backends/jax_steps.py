"""Some training steps in one compiled call on JAX; otherwise as `tf_steps`.

One abstract trace finds the variables that a step reads and those it changes. The step is then a
function of their values: those that change are handed from step to step on the device, and come
back into the variables when averages are asked for, which is before anything else looks at them.
"""

from collections.abc import Iterable, Iterator

import jax
import keras
from jax import numpy as jnp

from s2i_tf.training import watch
from s2i_tf.training.backends.jax_updates import Scope


class Steps:
    """Some training steps, their results added up.

    Args:
      trainer: a model with `train_step(batch)` that returns scalars by name.
      batches: the batches, all of one shape.

    Attributes:
      sums: the number of steps since the last `reset`, then the sum of each result. It is part of
        the training's state, so that an average is the same over a resume.
      variables: every variable that a step uses.
    """

    def __init__(self, trainer: keras.Model, batches: Iterable):
        self._names: list[str] = []

        def results_of(batch):
            results = {watch.BAD_BATCHES: _is_bad(batch), **trainer.train_step(batch)}
            self._names = list(results)
            return jnp.stack([1.0, *(jnp.asarray(value, "float32") for value in results.values())])

        recorder = _Recorder()

        def record(batch):
            with recorder:
                return results_of(batch)

        shape = jax.eval_shape(record, next(iter(batches))).shape
        self.variables = recorder.used
        self._changed = recorder.changed
        known = {id(variable) for variable in self._changed}
        self._constant = [variable for variable in self.variables if id(variable) not in known]
        self.sums = keras.Variable(jnp.zeros(shape), trainable=False, name="sums")

        def step(state, sums, constants, batch):
            with Scope([*self._changed, *self._constant], [*state, *constants]) as scope:
                results = results_of(batch)
            return [scope.get_current_value(variable) for variable in self._changed], sums + results

        self._step = jax.jit(step, donate_argnums=(0, 1))
        self._state = None

    def take(self, iterator: Iterator, num_steps: int) -> None:
        """Takes some steps."""
        if self._state is None:
            self._state = [variable.value for variable in (*self._changed, self.sums)]
        constants = [variable.value for variable in self._constant]
        *state, sums = self._state
        for _ in range(num_steps):
            state, sums = self._step(state, sums, constants, next(iterator))
        self._state = [*state, sums]

    def reset(self) -> None:
        """Starts a new average."""
        self._to_variables()
        self.sums.assign(jnp.zeros(self.sums.shape))

    def means(self) -> dict[str, float]:
        """The averages since the last reset, `watch.NUM_STEPS` and `watch.BAD_BATCHES` included."""
        self._to_variables()
        num_steps, *sums = (float(value) for value in self.sums.numpy())
        means = {name: total / num_steps for name, total in zip(self._names, sums, strict=True)}
        return {watch.NUM_STEPS: int(num_steps), **means}

    def _to_variables(self) -> None:
        if self._state is not None:
            for variable, value in zip((*self._changed, self.sums), self._state, strict=True):
                variable.assign(value)
            self._state = None


class _Recorder(Scope):
    """Also remembers which variables are asked for."""

    def __init__(self):
        super().__init__()
        self._used: dict[int, keras.Variable] = {}

    @property
    def used(self) -> list[keras.Variable]:
        """The variables that were read or assigned, in that order."""
        return list(self._used.values())

    def get_current_value(self, variable: keras.Variable):
        """Keras asks for a value."""
        self._used.setdefault(id(variable), variable)
        return super().get_current_value(variable)

    def add_update(self, update) -> None:
        """Keras tells of an assignment."""
        self._used.setdefault(id(update[0]), update[0])
        super().add_update(update)


def _is_bad(batch):
    """1 where a batch holds a number that is not finite, else 0."""
    finite = [
        jnp.isfinite(value).all()
        for value in jax.tree.leaves(batch)
        if jnp.issubdtype(value.dtype, jnp.floating)
    ]
    return 1.0 - jnp.stack(finite).all().astype("float32") if finite else jnp.zeros(())

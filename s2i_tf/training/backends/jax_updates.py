"""Gradients and one update of a player's weights on JAX; otherwise as `tf_updates`.

JAX differentiates functions of their arguments, Keras' layers read and assign variables. Between
the two stands a `Scope`: within it some variables have other values, and what is assigned stays in
it. The same code runs at once or traced, whatever scopes it is in.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras


class Scope(keras.StatelessScope):
    """Other values for some variables; all others have those of the scope around it.

    Args:
      variables: the variables with other values.
      values: the other values.

    Attributes:
      changed: the variables that were assigned within, in that order.
    """

    def __init__(self, variables: Sequence[keras.Variable] = (), values: Sequence[Any] = ()):
        super().__init__(list(zip(variables, values, strict=True)))
        self._changed: dict[int, keras.Variable] = {}

    @property
    def changed(self) -> list[keras.Variable]:
        """See the class."""
        return list(self._changed.values())

    def changes(self) -> list[Any]:
        """The values that the changed variables were left with."""
        return [self.get_current_value(variable) for variable in self.changed]

    def get_current_value(self, variable: keras.Variable) -> Any:
        """Keras asks for a value; None means the variable's own."""
        value = super().get_current_value(variable)
        if value is None and self.original_scope is not None:
            return self.original_scope.get_current_value(variable)
        return value

    def add_update(self, update: tuple[keras.Variable, Any]) -> None:
        """Keras tells of an assignment."""
        super().add_update(update)
        self._changed[id(update[0])] = update[0]


class Forward:
    """What a player made, kept so that a loss of it can be told later.

    Args:
      function: the player's whole part in its loss, run once.
      variables: the variables that it is to learn.

    Attributes:
      outputs: what the function gave, in any structure.
    """

    def __init__(self, function: Callable[[], Any], variables: Sequence[keras.Variable]):
        self.variables = variables
        scopes = []

        def traced(values):
            with Scope(variables, values) as scope:
                outputs = function()
            scopes.append(scope)
            return outputs, scope.changes()

        values = [variable.value for variable in variables]
        self.outputs, self.back, changes = jax.vjp(traced, values, has_aux=True)
        _assign(scopes[-1].changed, changes)


def minimize(
    optimizer: keras.optimizers.Optimizer,
    forward: Forward,
    losses: Callable[[Any], tuple[Any, Any]] = lambda outputs: outputs,
) -> tuple[Any, Any]:
    """Updates a player's variables by the gradients of a loss of what it made.

    Args:
      optimizer: an optimizer that was built with the variables of `forward`.
      forward: what the player made.
      losses: from the outputs of `forward` to the loss, a float32 scalar, and what to log, in any
        structure; by default these are the outputs.

    Returns:
      The logs, and the Euclidean norm of the gradient before clipping. It is 0 where loss scaling
      skipped the update, as it does now and then.
    """
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    scale = optimizer.dynamic_scale.value if scaled else 1.0

    def scaled_loss(outputs):
        loss, logs = losses(outputs)
        return loss * scale, logs

    of_outputs, logs = _gradient(scaled_loss, forward.outputs)
    (gradients,) = forward.back(of_outputs)
    norm = gradient_norm(gradients) / scale
    if scaled:
        # Overflows are part of loss scaling, but not with a loss that is hardly scaled any more.
        norm = jax.numpy.where(jax.numpy.isfinite(norm) | (scale < 1.0), norm, 0.0)
    state = [variable.value for variable in optimizer.variables]
    values = [variable.value for variable in forward.variables]
    values, state = optimizer.stateless_apply(state, gradients, values)
    _assign([*forward.variables, *optimizer.variables], [*values, *state])
    return logs, norm


def whole_batch(*rows: Any) -> tuple[Any, ...]:
    """The rows as they are: one device has the whole batch."""
    return rows


def gradient_at(function: Callable[[Any], Any], point: Any) -> Any:
    """The gradient of a function's scalar at a point, itself differentiable."""
    return _gradient(lambda point: (function(point), {}), point)[0]


def gradient_norm(gradients: Sequence[Any]) -> Any:
    """Euclidean norm of some gradients taken together, a float32 scalar."""
    # Compiled, a sum of squares is one pass.
    squares = [jax.numpy.sum(jax.numpy.square(one.astype("float32"))) for one in gradients]
    return jax.numpy.sqrt(sum(squares))


def _gradient(function: Callable, at: Any) -> tuple[Any, Any]:
    """Gradient and logs of a function to a scalar and to logs; what it assigns stays assigned."""
    scopes = []

    def traced(at):
        with Scope() as scope:
            value, logs = function(at)
        scopes.append(scope)
        return value, (logs, scope.changes())

    gradient, (logs, changes) = jax.grad(traced, has_aux=True)(at)
    _assign(scopes[-1].changed, changes)
    return gradient, logs


def _assign(variables: Sequence[keras.Variable], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)

"""One update of a player's weights, the same on one device and on many.

The replicas' gradients are summed up first, so that every replica sees the gradient of the global
batch, as one device would: it clips by its norm, and its overflow decides about a skipped update.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf


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
        self.tape = tf.GradientTape()
        with self.tape:
            self.outputs = function()


def minimize(
    optimizer: keras.optimizers.Optimizer,
    forward: Forward,
    losses: Callable[[Any], tuple[tf.Tensor, Any]] = lambda outputs: outputs,
) -> tuple[Any, tf.Tensor]:
    """Updates a player's variables by the gradients of a loss of what it made.

    Call it within `strategy.run`.

    Args:
      optimizer: one of `s2i_tf.training.optimizers.build_adam`, or with one replica any other,
        built with the variables of `forward` in their order.
      forward: what the player made.
      losses: from the outputs of `forward` to the loss, the mean over the replica's batch and a
        float32 scalar, which is scaled here, and what to log, in any structure; by default these
        are the outputs.

    Returns:
      The logs, and the Euclidean norm of the global batch's gradient before clipping, a scalar. It
      is 0 where loss scaling skipped the update, as it does now and then.
    """
    with forward.tape as tape:
        loss, logs = losses(forward.outputs)
    replicas = tf.distribute.get_replica_context()
    scale = 1.0
    if scaled := isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        scale = tf.convert_to_tensor(optimizer.dynamic_scale)
    seed = tf.cast(scale / replicas.num_replicas_in_sync, loss.dtype)
    gradients = tape.gradient(loss, forward.variables, output_gradients=seed)
    if replicas.num_replicas_in_sync > 1:
        gradients = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    norm = gradient_norm(gradients) / scale
    if scaled:
        # Overflows are part of loss scaling, but not with a loss that is hardly scaled any more.
        norm = tf.where(tf.math.is_finite(norm) | (scale < 1.0), norm, 0.0)
    optimizer.apply(gradients, forward.variables)
    return logs, norm


def whole_batch(*rows: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """The rows of all replicas, for a loss that compares examples with one another.

    Call it within `strategy.run`; gradients flow back to every replica's own rows.
    """
    replicas = tf.distribute.get_replica_context()
    if replicas is None or replicas.num_replicas_in_sync == 1:
        return rows
    num, num_own = replicas.num_replicas_in_sync * rows[0].shape[0], rows[0].shape[0]
    start = replicas.replica_id_in_sync_group * num_own

    # A sum of rows among zeros: of a gathering, not every strategy knows where to.
    def gathered(one: tf.Tensor) -> tf.Tensor:
        around = [(start, num - num_own - start), *[(0, 0)] * (one.shape.rank - 1)]
        whole = replicas.all_reduce(tf.distribute.ReduceOp.SUM, tf.pad(one, around))
        return tf.ensure_shape(whole, (num, *one.shape[1:]))

    return tuple(map(gathered, rows))


def gradient_at(function: Callable[[tf.Tensor], tf.Tensor], point: tf.Tensor) -> tf.Tensor:
    """The gradient of a function's scalar at a point, itself differentiable."""
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = function(point)
    return tape.gradient(value, point)


def gradient_norm(gradients: Sequence[tf.Tensor]) -> tf.Tensor:
    """Euclidean norm of some gradients taken together, a float32 scalar."""
    # One pass over each, where a sum of squares takes two and memory for the squares.
    halves = [tf.nn.l2_loss(tf.cast(gradient, tf.float32)) for gradient in gradients]
    return tf.sqrt(2.0 * tf.add_n(halves))

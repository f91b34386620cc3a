"""One update of a player's weights, the same on one device and on many.

Keras sums the replicas' gradients up last. Before that each replica would clip its own share,
its own overflow would decide about its own skipped update, and an accumulation fails within
`tf.distribute`. Here they are summed first, so that every replica sees the gradient of the global
batch, as one device would. Adam itself is TensorFlow's one pass over the weights instead of Keras'
ten.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf


def update(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[keras.Variable],
) -> tf.Tensor:
    """Updates `variables` by the gradients of `loss`; call it within `strategy.run`.

    Args:
      optimizer: of `s2i_tf.training.optimizers.build_adam`, built; with one replica any other.
      tape: that recorded the loss.
      loss: scalar, float32, the mean over the replica's batch; it is scaled here.
      variables: those that the optimizer was built with, in that order.

    Returns:
      The Euclidean norm of the global batch's gradient before clipping, a scalar. It is 0 where
      loss scaling skipped the update, as it does now and then.
    """
    replicas = tf.distribute.get_replica_context()
    scale = 1.0
    if scaled := isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        scale = tf.convert_to_tensor(optimizer.dynamic_scale)
    seed = tf.cast(scale / replicas.num_replicas_in_sync, loss.dtype)
    gradients = tape.gradient(loss, variables, output_gradients=seed)
    if replicas.num_replicas_in_sync > 1:
        gradients = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    norm = gradient_norm(gradients) / scale
    if scaled:
        # Overflows are part of loss scaling, but not with a loss that is hardly scaled any more.
        norm = tf.where(tf.math.is_finite(norm) | (scale < 1.0), norm, 0.0)
    optimizer.apply(gradients, variables)
    return norm


def minimize(
    optimizer: keras.optimizers.Optimizer,
    losses: Callable[..., tuple[tf.Tensor, Any]],
    variables: Sequence[keras.Variable],
) -> tuple[Any, tf.Tensor]:
    """Updates `variables` by the gradients of a loss.

    Args:
      optimizer: as of `update`, as the variables are.
      losses: gives the loss and what to log, in any structure. It is given a context manager for
        what has no part in the loss: the updates of another player.
      variables: those to update.

    Returns:
      The logs, and the norm as of `update`.
    """
    with tf.GradientTape() as tape:
        loss, logs = losses(tape.stop_recording)
    return logs, update(optimizer, tape, loss, variables)


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


@keras.saving.register_keras_serializable("s2i_tf")
class ReplicaAdam(keras.optimizers.Adam):
    """Adam for gradients that the replicas have summed up already, as `update` does.

    The formula and the state are Keras', the arithmetic is one fused operation a variable.
    """

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Updates one variable and its moments; Keras calls it on every replica."""
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        position = self._get_variable_index(variable)
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[position].value.handle,
            v=self._velocities[position].value.handle,
            beta1_power=tf.cast(self.beta_1, dtype) ** step,
            beta2_power=tf.cast(self.beta_2, dtype) ** step,
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars

    def _backend_apply_gradients(self, grads, trainable_variables):
        if not self.gradient_accumulation_steps:
            super()._backend_apply_gradients(grads, trainable_variables)
            return
        # A branch that updates variables is allowed outside of the replicas only.
        tf.distribute.get_replica_context().merge_call(
            self._accumulate, args=(grads, trainable_variables)
        )

    def _accumulate(self, strategy, grads, trainable_variables) -> None:
        def on_each_replica(function):
            strategy.extended.call_for_each_replica(function, args=(grads, trainable_variables))

        last = (self._iterations + 1) % self.gradient_accumulation_steps == 0
        keras.ops.cond(
            last,
            lambda: on_each_replica(self._apply_mean),
            lambda: on_each_replica(self._add_up),
        )

    def _accumulators(self, trainable_variables):
        return [
            self._accumulated_gradients[self._get_variable_index(variable)]
            for variable in trainable_variables
        ]

    def _add_up(self, grads, trainable_variables) -> None:
        self._backend_increment_gradient_accumulators(
            grads, self._accumulators(trainable_variables)
        )

    def _apply_mean(self, grads, trainable_variables) -> None:
        sums = self._accumulators(trainable_variables)
        means = [
            (gradient + total) / self.gradient_accumulation_steps
            for gradient, total in zip(grads, sums, strict=True)
        ]
        self._backend_update_step(
            self._clip_gradients(means), trainable_variables, self.learning_rate
        )
        self._backend_increment_gradient_accumulators([-total for total in sums], sums)

"""Adam on TensorFlow, one operation a variable, for gradients that the replicas have summed up.

Keras' own sums the replicas' gradients up last, so that each replica would clip its own share, and
an accumulation fails within `tf.distribute`. Here every replica is given the gradient of the global
batch and keeps the same state. The formula is Keras', and of Keras' optimizers only what is public
is called or overridden.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("s2i_tf")
class ReplicaAdam(keras.optimizers.Optimizer):
    """Adam, see above; `iterations` counts batches.

    Args:
      learning_rate: a number or a schedule, which is given the number of updates.
      beta_1: decay of the first moment.
      beta_2: decay of the second moment.
      epsilon: number added to the root of the second moment.
      clip_norm: largest Euclidean norm of all gradients together; 0 clips nothing.
      accumulation_steps: batches whose mean gradient makes one update.
    """

    def __init__(
        self,
        learning_rate,
        *,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        clip_norm: float = 0.0,
        accumulation_steps: int = 1,
    ):
        super().__init__(learning_rate=learning_rate, name="adam")
        self.schedule = learning_rate if callable(learning_rate) else None
        self.betas = beta_1, beta_2
        self.epsilon = epsilon
        self.clip_norm = clip_norm
        self.accumulation_steps = accumulation_steps

    def get_config(self):
        """The constructor's arguments, for Keras' files."""
        return {
            "learning_rate": super().get_config()["learning_rate"],
            "beta_1": self.betas[0],
            "beta_2": self.betas[1],
            "epsilon": self.epsilon,
            "clip_norm": self.clip_norm,
            "accumulation_steps": self.accumulation_steps,
        }

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the moments of the variables, and the sums of gradients if there are any."""
        if self.built:
            return
        super().build(variables)
        kinds = ["momentum", "velocity"] + ["sum"] * (self.accumulation_steps > 1)
        self.slots = [
            [self.add_variable_from_reference(variable, name=kind) for kind in kinds]
            for variable in variables
        ]

    def apply(self, grads, trainable_variables: Sequence[keras.Variable]) -> None:
        """Takes the gradients of a batch, on every replica the same.

        Args:
          grads: a gradient for each variable.
          trainable_variables: the variables that it was built with, in that order.
        """
        self.build(trainable_variables)
        if self.accumulation_steps == 1:
            self._update(grads, trainable_variables)
        else:
            sums = [sum_.value.handle for _, _, sum_ in self.slots]
            totals = [
                tf.raw_ops.ReadVariableOp(resource=sum_, dtype=gradient.dtype) + gradient
                for sum_, gradient in zip(sums, grads, strict=True)
            ]

            def finish():
                means = [total / self.accumulation_steps for total in totals]
                self._update(means, trainable_variables)
                keep([tf.zeros_like(total) for total in totals])

            # By these operations, as `assign` is not allowed in a branch within a replica.
            def keep(values=totals):
                for sum_, value in zip(sums, values, strict=True):
                    tf.raw_ops.AssignVariableOp(resource=sum_, value=value)

            last = (self.iterations + 1) % self.accumulation_steps == 0
            tf.cond(last, finish, keep)
        self.iterations.assign_add(1)

    def _update(self, gradients, variables: Sequence[keras.Variable]) -> None:
        if self.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip_norm)
        updates = self.iterations // self.accumulation_steps
        rate = self.schedule(updates) if self.schedule else tf.convert_to_tensor(self.learning_rate)
        for gradient, variable, slots in zip(gradients, variables, self.slots, strict=True):
            dtype = variable.dtype
            beta_1, beta_2 = (tf.cast(beta, dtype) for beta in self.betas)
            power = tf.cast(updates + 1, dtype)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=slots[0].value.handle,
                v=slots[1].value.handle,
                beta1_power=beta_1**power,
                beta2_power=beta_2**power,
                lr=tf.cast(rate, dtype),
                beta1=beta_1,
                beta2=beta_2,
                epsilon=tf.cast(self.epsilon, dtype),
                grad=tf.cast(gradient, dtype),
            )

"""Adam as pix2pix uses it, and its learning rate: constant, then linearly down to zero.

Keras alone; how an update goes on several replicas stands in `s2i_tf.kernels.adam`.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("s2i_tf")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that stays for a share of the steps and then falls to zero.

    Args:
      learning_rate: learning rate at the start.
      num_steps: step at which it reaches zero.
      constant_share: share of the steps before it falls.
    """

    def __init__(self, learning_rate: float, num_steps: int, constant_share: float):
        self.learning_rate = learning_rate
        self.num_steps = num_steps
        self.constant_share = constant_share

    def __call__(self, step):
        """The learning rate at a step."""
        start = self.constant_share * self.num_steps
        left = (self.num_steps - ops.cast(step, "float32")) / max(self.num_steps - start, 1)
        return self.learning_rate * ops.clip(left, 0.0, 1.0)

    def get_config(self):
        """The constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "num_steps": self.num_steps,
            "constant_share": self.constant_share,
        }


def build_adam(
    *,
    learning_rate: float,
    num_steps: int,
    constant_share: float = 1.0,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    clip_norm: float = 0.0,
    accumulation_steps: int = 1,
    loss_scaling: bool = False,
) -> keras.optimizers.Optimizer:
    """Adam with its schedule, whose gradients are those of the global batch.

    Args:
      learning_rate: learning rate at the start.
      num_steps: number of batches of the training; the rate falls to zero there.
      constant_share: share of the steps before it falls; 1 keeps it constant.
      beta_1: decay of the first moment.
      beta_2: decay of the second moment.
      epsilon: number added to the root of the second moment.
      clip_norm: largest Euclidean norm of all gradients together; 0 clips nothing.
      accumulation_steps: number of batches whose mean gradient makes one update.
      loss_scaling: whether to scale the loss against underflow, as float16 needs it.
    """
    on_tensorflow = keras.backend.backend() == "tensorflow"
    rate = learning_rate
    if constant_share < 1:
        # Ours counts updates, Keras' Adam the batches that it accumulates.
        num_counted = -(-num_steps // accumulation_steps) if on_tensorflow else num_steps
        rate = ConstantThenLinear(learning_rate, num_counted, constant_share)
    settings = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
    if on_tensorflow:
        from s2i_tf.kernels.adam import ReplicaAdam

        optimizer = ReplicaAdam(
            rate, clip_norm=clip_norm, accumulation_steps=accumulation_steps, **settings
        )
    else:
        optimizer = keras.optimizers.Adam(
            rate,
            global_clipnorm=clip_norm or None,
            gradient_accumulation_steps=accumulation_steps if accumulation_steps > 1 else None,
            **settings,
        )
    return keras.optimizers.LossScaleOptimizer(optimizer) if loss_scaling else optimizer

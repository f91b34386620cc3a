"""Adam as pix2pix uses it, and its learning rate: constant, then linearly down to zero."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("s2i_tf")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that stays for a share of the steps and then falls to zero.

    Args:
      learning_rate: at the start.
      num_steps: when it reaches zero.
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


def gradient_norm(gradients):
    """Euclidean norm of a list of gradients taken together, a scalar."""
    squares = [ops.sum(ops.square(ops.cast(gradient, "float32"))) for gradient in gradients]
    return ops.sqrt(sum(squares))

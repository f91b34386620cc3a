"""One training step of a pix2pix GAN (paper sections 5.1, 5.2 and 5.4).

The generator runs once a step. The discriminator is updated first, on that output; then the
generator, through the updated discriminator, as in the published PyTorch code.
"""

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf
from keras import ops

from s2i_tf.losses import AdversarialLoss
from s2i_tf.training.optimizers import gradient_norm

Prepare = Callable[[Mapping[str, tf.Tensor]], tuple[tf.Tensor, tf.Tensor]]


class Pix2Pix(keras.Model):
    """Trains a generator against a discriminator.

    Args:
      generator: from a condition to a target.
      discriminator: from a condition and a target to scores.
      adversarial: the two players' losses.
      l1_weight: of the mean absolute difference to the target.
      discriminator_weight: factor on the discriminator's loss (0.001 for features, section 5.4).
      prepare: makes a condition and a target, both [batch, side, side, channels], of a batch.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        adversarial: AdversarialLoss,
        l1_weight: float,
        discriminator_weight: float,
        prepare: Prepare,
    ):
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial = adversarial
        self.l1_weight = l1_weight
        self.discriminator_weight = discriminator_weight
        self.prepare = prepare

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer,
    ) -> None:
        """Gives each player its optimizer."""
        super().compile()
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One update of each player; returns their losses and gradient norms by name."""
        condition, target = self.prepare(data)
        num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            fake = self.generator(condition, training=True)
            with tape.stop_recording():
                discriminator_logs = self._update_discriminator(condition, target, fake)
            scores = self.discriminator([condition, fake], training=True)
            adversarial = self.adversarial.generator(scores)
            l1 = ops.mean(ops.abs(target - fake))
            total = adversarial + self.l1_weight * l1
            share = total / num_replicas
        variables = self.generator.trainable_variables
        gradients = tape.gradient(share, variables)
        self.generator_optimizer.apply(gradients, variables)
        return {
            "generator_adversarial": adversarial,
            "generator_l1": l1,
            "generator_total": total,
            "generator_gradient_norm": gradient_norm(gradients),
            **discriminator_logs,
        }

    def _update_discriminator(self, condition, target, fake) -> dict[str, tf.Tensor]:
        num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        variables = self.discriminator.trainable_variables
        with tf.GradientTape() as tape:
            real_scores = self.discriminator([condition, target], training=True)
            fake_scores = self.discriminator([condition, fake], training=True)
            loss = self.adversarial.discriminator(real_scores, fake_scores)
            share = self.discriminator_weight * loss / num_replicas
        gradients = tape.gradient(share, variables)
        self.discriminator_optimizer.apply(gradients, variables)
        return {
            "discriminator": loss,
            "discriminator_real_score": ops.mean(real_scores),
            "discriminator_fake_score": ops.mean(fake_scores),
            "discriminator_gradient_norm": gradient_norm(gradients),
        }

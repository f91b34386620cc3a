"""The TensorFlow sides of `benchmarks.speed.step`: the package's step and a straightforward one."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from benchmarks.speed import flops, image_gan
from benchmarks.speed.workers import Step, serve
from s2i_tf.kernels.convolutions import DoublingConv2D, HalvingConv2D, PaddedConv2D
from s2i_tf.models.norms import BatchNorm
from s2i_tf.training.trainers.gan_trainer import GanTrainer


class _PlainPaddedConv2D(PaddedConv2D):
    """Padding, then Keras' own convolution."""

    def call(self, inputs, training=False):
        return super().call(inputs, training=False)


_PLAIN = {
    PaddedConv2D: _PlainPaddedConv2D,
    HalvingConv2D: keras.layers.Conv2D,
    DoublingConv2D: keras.layers.Conv2DTranspose,
    BatchNorm: keras.layers.BatchNormalization,
}


def build_trainer(*, filters: int, side: int, **settings: Any) -> GanTrainer:
    """The image GAN as `configs/paper` has it, the same in every process.

    Args:
      filters: of both players' first layers.
      side: of the maps.
      **settings: as of `image_gan.build_trainer`.
    """
    keras.utils.set_random_seed(0)
    return image_gan.build_trainer(side, filters, **settings)


class Straightforward:
    """The same step as it is written down at first, with Keras' own layers and Adam.

    Args:
      trainer: whose players' weights it starts with.
    """

    def __init__(self, trainer: GanTrainer):
        self.generator, self.discriminator = (
            _with_keras_layers(player) for player in (trainer.generator, trainer.discriminator)
        )
        self._objective = trainer.objective
        self._optimizers = []
        for player, ours in (
            (self.generator, trainer.generator_optimizer),
            (self.discriminator, trainer.discriminator_optimizer),
        ):
            names = ("learning_rate", "beta_1", "beta_2", "epsilon")
            config = ours.get_config()
            optimizer = keras.optimizers.Adam.from_config({name: config[name] for name in names})
            optimizer.build(player.trainable_variables)
            self._optimizers.append(optimizer)

    def train_step(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """One update of each player; logs as of the package's step."""
        condition, target = batch["condition"], batch["target"]
        of_generator, of_discriminator = self._optimizers
        objective = self._objective
        real = objective.look(condition, target, None)
        with tf.GradientTape() as tape:
            made = self.generator(condition, training=True)
            fake = objective.look(condition, made, None)
            with tape.stop_recording():
                detached = fake._replace(scored=tf.stop_gradient(made))
                with tf.GradientTape() as inner:
                    loss, discriminator_logs = objective.discriminator_loss(
                        self.discriminator, real, detached
                    )
                discriminator_norm = _update(of_discriminator, inner, loss, self.discriminator)
            total, logs = objective.generator_loss(self.discriminator, target, made, real, fake)
        norm = _update(of_generator, tape, total, self.generator)
        return {
            **logs,
            "generator_gradient_norm": norm,
            **discriminator_logs,
            "discriminator_gradient_norm": discriminator_norm,
        }


def _with_keras_layers(player: keras.Model) -> keras.Model:
    def plain(layer):
        kind = _PLAIN.get(type(layer), type(layer))
        return kind.from_config(layer.get_config())

    cloned = keras.models.clone_model(player, clone_function=plain)
    cloned.set_weights(player.get_weights())
    return cloned


def _update(optimizer, tape: tf.GradientTape, loss, player: keras.Model):
    gradients = tape.gradient(loss, player.trainable_variables)
    optimizer.apply(gradients, player.trainable_variables)
    return tf.sqrt(sum(tf.reduce_sum(tf.square(gradient)) for gradient in gradients))


def compiled_step(take: Callable, batch_size: int, side: int) -> tuple[Step, dict[str, Any]]:
    """A step as a compiled function of one batch, waited for, and how much it computes."""
    batch = {name: tf.constant(x) for name, x in image_gan.make_batch(side, batch_size).items()}
    compiled = tf.function(take, autograph=False)
    info = {"flops": flops.count(compiled.get_concrete_function(batch).graph)}
    return lambda: {name: float(value) for name, value in compiled(batch).items()}, info


def build(
    batch_size: int, precision: str, filters: int, side: int, straightforward: bool = False
) -> tuple[Step, dict[str, Any]]:
    """A training step on one batch, and its FLOPs."""
    trainer = build_trainer(filters=filters, side=side, precision=precision)
    if straightforward:
        trainer = Straightforward(trainer)
    return compiled_step(trainer.train_step, batch_size, side)


if __name__ == "__main__":
    serve(build)

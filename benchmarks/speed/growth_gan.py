"""The image GAN of `benchmarks.speed.growth` and `two_workers`, of any size, and batches for it."""

import numpy as np

from s2i_tf import spec
from s2i_tf.config import GanConfig
from s2i_tf.losses import adversarial_loss
from s2i_tf.losses.objective import GanBatch, GanObjective
from s2i_tf.models import build_discriminator, build_generator
from s2i_tf.training.optimizers import build_adam
from s2i_tf.training.pix2pix import Pix2Pix

_CONDITION_CHANNELS = 1


def build_trainer(side: int, filters: int) -> Pix2Pix:
    """pix2pix as a run has it by default.

    Args:
      side: of the pictures, and of the maps that they are made of.
      filters: of both networks.
    """
    settings = GanConfig()
    condition = (side, side, _CONDITION_CHANNELS)
    picture = (side, side, spec.IMAGE_CHANNELS)
    trainer = Pix2Pix(
        build_generator(settings.generator.name, condition, picture, filters=filters, seed=0),
        build_discriminator(settings.discriminator.name, condition, picture, filters=filters),
        objective=GanObjective(adversarial_loss(settings.loss), l1_weight=settings.l1_weight),
        prepare=lambda batch: GanBatch(batch["condition"], batch["target"], batch["condition"]),
        seed=0,
    )
    optimizers = (
        build_adam(
            learning_rate=settings.learning_rate,
            num_steps=settings.num_steps,
            constant_share=settings.constant_share,
            beta_1=settings.beta_1,
            epsilon=settings.adam_epsilon,
        )
        for _ in range(2)
    )
    trainer.compile(*optimizers)
    return trainer


def make_batch(side: int, batch_size: int) -> dict[str, np.ndarray]:
    """Random conditions and targets."""
    rng = np.random.default_rng(0)
    channels = {"condition": _CONDITION_CHANNELS, "target": spec.IMAGE_CHANNELS}
    return {
        name: rng.uniform(-1, 1, (batch_size, side, side, num)).astype(np.float32)
        for name, num in channels.items()
    }

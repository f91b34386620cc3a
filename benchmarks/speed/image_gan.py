"""The image GAN of `benchmarks.speed.step`, `growth` and `two_workers`, of any size."""

import numpy as np

from benchmarks.speed import step
from s2i_tf import spec
from s2i_tf.config import GanConfig
from s2i_tf.losses import adversarial_loss
from s2i_tf.losses.objective import GanBatch, GanObjective
from s2i_tf.models import build_discriminator, build_generator
from s2i_tf.training.optimizers import build_adam
from s2i_tf.training.stages.gan_stage import dtype_policy
from s2i_tf.training.trainers.gan_trainer import GanTrainer


def build_trainer(
    side: int,
    filters: int,
    *,
    precision: str = "float32",
    dropout: float = step.DROPOUT,
    epsilon: float = step.EPSILON,
) -> GanTrainer:
    """pix2pix as a run has it by default, of maps that are laid out already.

    Args:
      side: of the pictures, and of the maps that they are made of.
      filters: of both networks' first layers.
      precision: a Keras dtype policy.
      dropout: of the generator.
      epsilon: of Adam.
    """
    settings = GanConfig()
    condition = (side, side, step.CONDITION_CHANNELS)
    picture = (side, side, spec.IMAGE_CHANNELS)
    with dtype_policy(precision):
        trainer = GanTrainer(
            build_generator(
                settings.generator.name,
                condition,
                picture,
                filters=filters,
                dropout=dropout,
                seed=0,
            ),
            build_discriminator(settings.discriminator.name, condition, picture, filters=filters),
            objective=GanObjective(adversarial_loss(settings.loss.adversarial), settings.loss),
            prepare=lambda batch: GanBatch(batch["condition"], batch["target"], batch["condition"]),
            seed=0,
        )
    optimizers = (
        build_adam(
            learning_rate=settings.optimizer.learning_rate,
            num_steps=settings.num_steps,
            constant_share=settings.optimizer.constant_share,
            beta_1=settings.optimizer.beta_1,
            beta_2=settings.optimizer.beta_2,
            epsilon=epsilon,
        )
        for _ in ("generator", "discriminator")
    )
    trainer.compile(*optimizers)
    return trainer


def num_weights(trainer: GanTrainer) -> int:
    """How many numbers both players learn."""
    weights = trainer.generator.trainable_variables + trainer.discriminator.trainable_variables
    return sum(int(np.prod(weight.shape)) for weight in weights)


def make_batch(side: int, batch_size: int) -> dict[str, np.ndarray]:
    """Random conditions and targets."""
    condition, target = step.made_up(batch_size, side)
    return {"condition": condition, "target": target}

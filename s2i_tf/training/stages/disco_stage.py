"""The feature GAN from features that are not paired, both directions at once (DiscoGAN).

The two domains are the scaled features of sounds and of photos. Each generator is given the
multimodal vector of the one and makes the other, exactly as in the stages that train from pairs, so
that what it leaves takes the place of theirs.
"""

from collections.abc import Iterable

import keras

from s2i_tf.data import schema
from s2i_tf.errors import UserError
from s2i_tf.losses.adversarial import ADVERSARIAL_LOSSES
from s2i_tf.training.backends import pipeline
from s2i_tf.training.stages.feature_gan_stage import FeatureGanStage
from s2i_tf.training.stages.gan_stage import build_optimizers, dtype_policy, precision_of
from s2i_tf.training.stages.multimodal_stage import MultimodalStage
from s2i_tf.training.stages.reverse_stage import ReverseGanStage
from s2i_tf.training.trainers.disco_trainer import DiscoGan, Way

# Added to the seed of the order of sounds.
_OTHER_ORDER = 1_000_003


class DiscoStage(FeatureGanStage):
    """Trains sounds into image features and back, without pairs."""

    @property
    def reverse(self) -> ReverseGanStage:
        """The stage whose networks the other direction has."""
        return ReverseGanStage(self.config, self.info, self.folder.parent)

    @property
    def done(self) -> bool:
        """Whether each direction that is wanted has left its part."""
        return super().done and (self.reverse.result.exists() or not self.config.image_to_sound)

    def check(self) -> None:
        """Also refuses what is wrong with the other direction, or cannot be had any more."""
        super().check()
        self.reverse.check()
        if super().done and not self.done and not self.has_checkpoint:
            raise UserError(
                "config.image_to_sound is on, but the saved state of feature_gan, which has the "
                "other direction, is gone; choose another --workdir"
            )

    def check_closely(self) -> None:
        """Also refuses networks of the other direction."""
        super().check_closely()
        self.reverse.check_closely()

    def check_discriminator(self) -> None:
        """Also refuses losses that are of the other method alone."""
        name = self.settings.loss.adversarial
        adversarial = ADVERSARIAL_LOSSES[name]
        if adversarial.gradient_penalty_weight or adversarial.equilibrium:
            raise UserError(
                f"config.feature_gan.loss.adversarial is {name!r}; allowed with 'disco': one "
                "without gradient penalty and equilibrium, such as 'vanilla' or 'hinge'"
            )
        super().check_discriminator()

    def dataset(self, step: int) -> Iterable:
        """Batches whose sounds and photos were drawn apart from each other."""
        sounds = super().dataset(step)
        photos = super().dataset(step, add_to_seed=_OTHER_ORDER)
        return pipeline.take_apart(sounds, photos)

    def domains(self, batch) -> tuple:
        """Scaled features of sounds and of photos, each [batch, 4096]."""
        return (
            self.multimodal.sound_scaler(batch[schema.KEY_SOUND_FEATURES]),
            self.multimodal.image_scaler(batch[schema.KEY_IMAGE_FEATURES]),
        )

    def build(self) -> DiscoGan:
        """Two generators, two discriminators and their optimizers."""
        config, settings, reverse = self.config, self.settings, self.reverse
        self.multimodal = reverse.multimodal = self.trained(MultimodalStage.part)
        conditions = (
            self.multimodal.condition_of_scaled_sound,
            self.multimodal.condition_of_scaled_image,
        )
        with dtype_policy(precision_of(config, settings)):
            ways = []
            for stage, condition in zip((self, reverse), conditions, strict=True):
                generator = stage.build_generator()
                stage.tell_classes(generator)
                ways.append(Way(generator, stage.build_discriminator(), condition))
            trainer = DiscoGan(
                *ways,
                prepare=self.domains,
                adversarial=ADVERSARIAL_LOSSES[settings.loss.adversarial],
                loss=settings.loss,
                discriminator_weight=settings.discriminator.loss_weight,
            )
        trainer.compile(*build_optimizers(config, settings))
        return trainer

    def save(self, trainer: keras.Model) -> None:
        """Leaves the generator, and that of the other direction if it is wanted."""
        if self.config.image_to_sound:
            reverse = self.reverse
            reverse.multimodal = self.multimodal
            reverse.save_part(trainer.generators[1])
        super().save(trainer)

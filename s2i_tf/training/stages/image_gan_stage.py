"""The image GAN: image features into pictures (paper section 5.2)."""

import keras
import numpy as np
from keras import ops

from s2i_tf import spec
from s2i_tf.data import schema
from s2i_tf.errors import UserError
from s2i_tf.losses.objective import GanBatch
from s2i_tf.models import feature_map
from s2i_tf.models.layers import drawn_masks
from s2i_tf.training.backends import strategy
from s2i_tf.training.stages.feature_gan_stage import FeatureGanStage
from s2i_tf.training.stages.gan_stage import GanStage
from s2i_tf.training.trainers.gan_trainer import GanTrainer


class ImageGanStage(GanStage):
    """Trains image features into pictures.

    With `config.image_gan.generated_share` it also sees features that the trained feature GAN
    makes of sounds. They have no photo, so that only the discriminator judges their pictures. With
    `heard_share` such features stand in the place of some photos' own, and have their photo.
    """

    name = "image_gan"
    part = "image_generator"
    with_image = True
    output_activation = "tanh"

    feature_generator: keras.Model | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The multimodal layers, and the feature GAN if its features are wanted."""
        wanted = (FeatureGanStage.name,) if self._wants_sounds else ()
        return (*super().needs, *wanted)

    @property
    def _wants_sounds(self) -> bool:
        return bool(self.settings.generated_share or self.settings.heard_share)

    @property
    def map_side(self) -> int:
        """That of the pictures, as a generator of maps has one side."""
        return self.info.image_side

    def build(self) -> GanTrainer:
        """As every GAN, with the trained feature generator if it has a part in it."""
        if self._wants_sounds:
            self._check_shares()
            self.feature_generator = self.trained(FeatureGanStage.part)
            self.draws = keras.random.SeedGenerator(self.seed)
        return super().build()

    def prepare(self, batch) -> GanBatch:
        """Features and photos, and features that were made of the batch's sounds."""
        condition, target = self.vectors(batch)
        labels = batch[schema.KEY_LABEL]
        heard = self._drawn_of_sounds(batch, self.settings.heard_share)
        if heard is not None:
            condition = ops.concatenate([heard, condition[heard.shape[0] :]])
        prepared = self.laid_out(condition, target, labels)
        made = self._drawn_of_sounds(batch, self.settings.generated_share)
        if made is None:
            return prepared
        return prepared._replace(
            unpaired=self.lay_out(made),
            unpaired_context=self.context(made, labels[: made.shape[0]]),
        )

    def vectors(self, batch) -> tuple:
        """The photo's features, and the photo in [-1, 1]."""
        condition = self.multimodal.image_scaler(batch[schema.KEY_IMAGE_FEATURES])
        return condition, ops.cast(batch[schema.KEY_IMAGE], "float32") / 127.5 - 1.0

    def condition_size(self) -> int:
        """Length of the image features."""
        return spec.FEATURE_SIZE

    def target_shape(self) -> tuple[int, ...]:
        """A picture."""
        return (self.info.image_side, self.info.image_side, spec.IMAGE_CHANNELS)

    def sample_rows(self, trainer: GanTrainer, batch) -> list:
        """Photos, pictures of their features and, with a feature generator, of their sounds."""
        rows = super().sample_rows(trainer, batch)
        if self.feature_generator is not None:
            condition = self.lay_out(self._features_of(batch[schema.KEY_SOUND_FEATURES]))
            rows.append(trainer.kept_generator(condition, training=False))
        return rows

    def as_pictures(self, targets: np.ndarray) -> np.ndarray:
        """From [-1, 1] to [0, 1]."""
        return (targets + 1) / 2

    def _check_shares(self) -> None:
        """Refuses shares of the batch that the replicas cannot have equal parts of."""
        size, num_replicas = self.settings.batch_size, strategy.current().num_replicas_in_sync
        for name in ("generated_share", "heard_share"):
            share = getattr(self.settings, name)
            num = _num_of(share, size)
            if num != num_replicas * _num_of(share, size // num_replicas):
                raise UserError(
                    f"config.{self.name}.{name} is {share}: {num} of {size} pictures; allowed: a "
                    f"multiple of the {num_replicas} replicas"
                )

    def _drawn_of_sounds(self, batch, share: float):
        """Features made of the first sounds of a batch, such a share of it; None of none."""
        size = batch[schema.KEY_LABEL].shape[0]
        if not size or not share:
            return None
        num = _num_of(share, size)
        draws = strategy.of_replica(
            lambda num: keras.random.randint((num, 2), 0, 2**31 - 1, seed=self.draws), num
        )
        with drawn_masks(draws, self.feature_generator):
            return self._features_of(batch[schema.KEY_SOUND_FEATURES][:num])

    def _features_of(self, sounds):
        """Scaled image features [batch, 4096] of sound features."""
        condition = self.multimodal.condition_of_sound(sounds)
        return feature_map.run(self.feature_generator, condition)


def _num_of(share: float, size: int) -> int:
    """How many pictures of a batch, one at least of any share."""
    return max(1, round(share * size)) if share else 0

"""The feature GAN: multimodal vectors of sounds into image features (paper section 5.4)."""

import keras
import numpy as np

from s2i_tf import spec
from s2i_tf.data import schema
from s2i_tf.errors import UserError
from s2i_tf.models import OF_VECTORS, feature_map
from s2i_tf.training import class_scores
from s2i_tf.training.backends import pipeline
from s2i_tf.training.stages.gan_stage import GanStage


class FeatureGanStage(GanStage):
    """Trains multimodal vectors of sounds into image features."""

    name = "feature_gan"
    part = "feature_generator"
    output_activation = "linear"

    def vectors(self, batch) -> tuple:
        """The hidden vector of the sound, and the photo's features as the networks take them."""
        condition = self.multimodal.condition_of_sound(batch[schema.KEY_SOUND_FEATURES])
        target = self.multimodal.image_scaler(batch[schema.KEY_IMAGE_FEATURES])
        return condition, self.lay_out(target)

    def tell_classes(self, generator: keras.Model) -> None:
        """Tells it where the classes' photos are if it moves conditions there."""
        if self.settings.generator.typicality:
            split = pipeline.load_split(self.config.data, spec.TRAIN_SPLIT, with_image=False)
            conditions, labels = self.centred_on(split)
            directions, middle = class_scores.directions(
                np.asarray(conditions), labels, self.info.num_classes
            )
            generator.get_layer("typical").centres.assign(directions + middle)

    def centred_on(self, split) -> tuple:
        """The conditions of a split's photos, whose class means are typical, and their labels."""
        photos, labels = schema.once(split, "image")
        return self.multimodal.condition_of_image(photos), labels

    def condition_size(self) -> int:
        """Length of the hidden vectors."""
        # Trained layers may come from another run; before they are there, the configuration says.
        return (self.multimodal or self.config.multimodal).hidden_units

    def target_shape(self) -> tuple[int, ...]:
        """A vector of features or their map."""
        if self.settings.generator.name in OF_VECTORS:
            return (spec.FEATURE_SIZE,)
        return self._map_shape()

    def check(self) -> None:
        """Also refuses players and losses of which one takes vectors and the other maps."""
        super().check()
        settings = self.settings
        of_vectors = settings.generator.name in OF_VECTORS
        judges_vectors = settings.discriminator.name in OF_VECTORS
        if settings.has_discriminator and of_vectors != judges_vectors:
            raise UserError(
                f"config.{self.name} has generator {settings.generator.name!r} and discriminator "
                f"{settings.discriminator.name!r}; allowed: both of maps or both of vectors"
            )
        for term in ("energy_weight", "pooled_energy_weight"):
            if getattr(settings.loss, term) and not of_vectors:
                raise UserError(
                    f"config.{self.name}.loss.{term} is of vectors; take a generator of them, "
                    "such as 'feature_decoder'"
                )
        if settings.loss.augment and of_vectors:
            raise UserError(
                f"config.{self.name}.loss.augment is {settings.loss.augment!r}, but vectors cannot "
                "be augmented; leave it empty"
            )

    def as_pictures(self, targets: np.ndarray) -> np.ndarray:
        """Grey pictures in which ±2 standard deviations are black and white."""
        if targets.ndim == 2:
            targets = np.asarray(feature_map.to_map(targets))
        return np.repeat(targets / 4 + 0.5, spec.IMAGE_CHANNELS, axis=-1)

"""The two GAN stages: feature GAN (paper section 5.4) and image GAN (section 5.2).

An architecture is given either the paper's square map of the features or the vector as it is
(`s2i_tf.models`). A discriminator of maps is told the generator's condition, one of vectors the
class.
"""

import abc
import contextlib
import pathlib
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from s2i_tf import files, spec
from s2i_tf.config import Config, GanConfig
from s2i_tf.data import schema
from s2i_tf.errors import UserError
from s2i_tf.features.backbones import load_backbone
from s2i_tf.kernels import fused
from s2i_tf.losses import adversarial_loss
from s2i_tf.losses.objective import GanBatch, GanObjective
from s2i_tf.media import image
from s2i_tf.media.sheet import contact_sheet, to_uint8
from s2i_tf.models import (
    build_discriminator,
    build_generator,
    feature_map,
    part_file,
    takes_layout,
    takes_noise,
    takes_vector,
)
from s2i_tf.models.layers import drawn_masks
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.projected import build_class_head
from s2i_tf.training.backends import pipeline
from s2i_tf.training.optimizers import build_adam
from s2i_tf.training.stages.multimodal_stage import MultimodalStage
from s2i_tf.training.stages.stage import Stage
from s2i_tf.training.trainers.gan_trainer import Pix2Pix

_MAP_SHAPE = (spec.MAP_SIDE, spec.MAP_SIDE, 1)
_PICTURE_SHAPE = (spec.IMAGE_SIDE, spec.IMAGE_SIDE, spec.IMAGE_CHANNELS)


class GanStage(Stage):
    """What the two GANs share; they differ in what they are given and what they make."""

    output_activation: str
    target_layout = "tiles"  # of features, for a discriminator that must be told

    multimodal: MultimodalLayers  # the trained ones, which stay as they are

    @property
    def needs(self) -> tuple[str, ...]:
        """The multimodal layers."""
        return (MultimodalStage.name,)

    @abc.abstractmethod
    def vectors(self, batch) -> tuple:
        """Condition [batch, size] and target of a batch, neither laid out yet."""

    @abc.abstractmethod
    def as_pictures(self, targets: np.ndarray) -> np.ndarray:
        """Targets or outputs [num, …] as pictures [num, side, side, 3] in [0, 1]."""

    @abc.abstractmethod
    def condition_size(self) -> int:
        """Of the condition's vector."""

    @abc.abstractmethod
    def target_shape(self) -> tuple[int, ...]:
        """Of one target, as the generator makes it."""

    def prepare(self, batch) -> GanBatch:
        """Condition, target and context of a batch, laid out as the networks take them."""
        condition, target = self.vectors(batch)
        return GanBatch(
            self._lay_out(condition, self.settings.generator.name),
            target,
            self._context(condition, batch[schema.KEY_LABEL]),
        )

    def build(self) -> Pix2Pix:
        """Generator, discriminator and their two optimizers."""
        config, settings = self.config, self.settings
        # Not when `prepare` first needs them: it is traced, and weights that are read from a file
        # while a function is traced keep their initial values in its graph.
        self.multimodal = frozen(self._load(MultimodalStage.part))
        backbone = None
        with dtype_policy(precision_of(config, settings)):
            if settings.backbone:
                backbone = load_backbone(settings.backbone, spec.IMAGE_SIDE)
            trainer = Pix2Pix(
                self._build_generator(),
                self._build_discriminator(backbone),
                objective=_objective(settings, backbone, self.info.num_classes),
                prepare=self.prepare,
                num_discriminator_steps=settings.num_discriminator_steps,
                ema_decay=settings.ema_decay,
                seed=self.seed,
            )
        trainer.compile(*build_optimizers(config, settings))
        return trainer

    def trained_part(self, trainer: Pix2Pix) -> keras.Model:
        """The generator alone, its moving average if there is one."""
        return trainer.kept_generator

    def draw_samples(self, trainer: Pix2Pix, step: int) -> pathlib.Path:
        """Writes `samples/step_NNNNNN.png`: a row of targets above rows of outputs."""
        batch = pipeline.load_split(self.config.data, spec.EVAL_SPLIT, with_image=self.with_image)
        num = min(self.config.num_samples, len(batch[schema.KEY_LABEL]))
        chosen = np.linspace(0, len(batch[schema.KEY_LABEL]) - 1, num).astype(int)
        batch = {key: values[chosen] for key, values in batch.items() if values.dtype != object}
        pictures = []
        for row in self.sample_rows(trainer, batch):
            pictures += [*self.as_pictures(np.asarray(row))]
        path = self.folder / "samples" / f"step_{step:06}.png"
        path.parent.mkdir(exist_ok=True)
        sheet = contact_sheet([to_uint8(picture) for picture in pictures], num_columns=num)
        return files.write(path, image.encode_png(sheet))

    def sample_rows(self, trainer: Pix2Pix, batch) -> list:
        """The targets of a batch, and what the generator makes of its conditions."""
        condition, target = self.vectors(batch)
        condition = self._lay_out(condition, self.settings.generator.name)
        return [target, trainer.kept_generator(condition, training=False)]

    def _build_generator(self) -> keras.Model:
        settings = self.settings.generator
        size = self.condition_size()
        noise = {"noise_scale": settings.noise_scale} if takes_noise(settings.name) else {}
        generator = build_generator(
            settings.name,
            (size,) if takes_vector(settings.name) else _MAP_SHAPE,
            self.target_shape(),
            filters=settings.filters,
            norm=settings.norm,
            dropout=settings.dropout,
            output_activation=self.output_activation,
            seed=self.seed,
            **noise,
        )
        if settings.start:
            start = part_file.load(pathlib.Path(settings.start), self.part)
            part_file.copy_weights(start, generator)
        return generator

    def _build_discriminator(self, backbone: keras.Model | None) -> keras.Model:
        settings = self.settings.discriminator
        target_shape = self.target_shape()
        if _through_backbone(self.settings):
            target_shape = [tuple(maps.shape[1:]) for maps in backbone.outputs]
        layout = {"layout": self.target_layout} if takes_layout(settings.name) else {}
        return build_discriminator(
            settings.name,
            (self.info.num_classes,) if takes_vector(settings.name) else _MAP_SHAPE,
            target_shape,
            filters=settings.filters,
            num_layers=settings.num_layers,
            norm=settings.norm,
            **layout,
        )

    def _lay_out(self, vector, name: str):
        return vector if takes_vector(name) else feature_map.to_map(vector)

    def _context(self, condition, labels):
        if takes_vector(self.settings.discriminator.name):
            return ops.one_hot(labels, self.info.num_classes)
        return feature_map.to_map(condition)

    def _load(self, part: str) -> keras.Model:
        return part_file.load(self.model_folder, part)


class FeatureGanStage(GanStage):
    """Trains multimodal vectors of sounds into image features (section 5.4)."""

    name = "feature_gan"
    part = "feature_generator"
    position = 1
    output_activation = "linear"

    def vectors(self, batch) -> tuple:
        """The hidden vector of the sound, and the photo's features as the networks take them."""
        condition = self.multimodal.condition_of_sound(batch[schema.KEY_SOUND_FEATURES])
        target = self.multimodal.image_scaler(batch[schema.KEY_IMAGE_FEATURES])
        return condition, self._lay_out(target, self.settings.generator.name)

    def condition_size(self) -> int:
        """Of the hidden layer."""
        return self.multimodal.hidden_units

    def target_shape(self) -> tuple[int, ...]:
        """A vector of features or their map."""
        return (spec.FEATURE_SIZE,) if takes_vector(self.settings.generator.name) else _MAP_SHAPE

    def build(self) -> Pix2Pix:
        """As every GAN.

        Raises:
          UserError: if one player takes vectors and the other maps.
        """
        self.check_players()
        return super().build()

    def build_players(self) -> tuple[keras.Model, keras.Model]:
        """Generator and discriminator alone."""
        self.check_players()
        return self._build_generator(), self._build_discriminator(None)

    def check_players(self) -> None:
        """Refuses players of which one takes vectors and the other maps."""
        players = self.settings.generator.name, self.settings.discriminator.name
        if takes_vector(players[0]) != takes_vector(players[1]):
            raise UserError(
                f"config.{self.name} has generator {players[0]!r} and discriminator "
                f"{players[1]!r}; allowed: both of maps or both of vectors"
            )

    def as_pictures(self, targets: np.ndarray) -> np.ndarray:
        """Grey pictures in which ±2 standard deviations are black and white."""
        if targets.ndim == 2:
            targets = np.asarray(feature_map.to_map(targets))
        return np.repeat(targets / 4 + 0.5, spec.IMAGE_CHANNELS, axis=-1)


class ImageGanStage(GanStage):
    """Trains image features into pictures (section 5.2).

    With `config.image_gan.generated_share` it also sees features that the trained feature GAN
    makes of sounds. They have no photo, so that only the discriminator judges their pictures.
    """

    name = "image_gan"
    part = "image_generator"
    position = 2
    with_image = True
    output_activation = "tanh"

    feature_generator: keras.Model | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The multimodal layers, and the feature GAN if its features are wanted."""
        if self.settings.generated_share:
            return (*super().needs, FeatureGanStage.name)
        return super().needs

    def build(self) -> Pix2Pix:
        """As every GAN, with the trained feature generator if it has a part in it."""
        if self.settings.generated_share:
            self.feature_generator = frozen(self._load(FeatureGanStage.part))
            self.draws = keras.random.SeedGenerator(self.seed)
        return super().build()

    def prepare(self, batch) -> GanBatch:
        """Features and photos, and features that were made of the batch's sounds."""
        prepared = super().prepare(batch)
        size = batch[schema.KEY_LABEL].shape[0]
        num = round(self.settings.generated_share * size) if size else 0
        if not num:
            return prepared
        sounds = batch[schema.KEY_SOUND_FEATURES][:num]
        draws = keras.random.randint((num, 2), 0, 2**31 - 1, seed=self.draws)
        with drawn_masks(draws, self.feature_generator):
            features = self._features_of(sounds)
        return prepared._replace(
            unpaired=self._lay_out(features, self.settings.generator.name),
            unpaired_context=self._context(features, batch[schema.KEY_LABEL][:num]),
        )

    def vectors(self, batch) -> tuple:
        """The photo's features, and the photo in [-1, 1]."""
        condition = self.multimodal.image_scaler(batch[schema.KEY_IMAGE_FEATURES])
        return condition, ops.cast(batch[schema.KEY_IMAGE], "float32") / 127.5 - 1.0

    def condition_size(self) -> int:
        """Of the image features."""
        return spec.FEATURE_SIZE

    def target_shape(self) -> tuple[int, ...]:
        """A picture."""
        return _PICTURE_SHAPE

    def sample_rows(self, trainer: Pix2Pix, batch) -> list:
        """Photos, pictures of their features and, with a feature generator, of their sounds."""
        rows = super().sample_rows(trainer, batch)
        if self.feature_generator is not None:
            features = self._features_of(batch[schema.KEY_SOUND_FEATURES])
            condition = self._lay_out(features, self.settings.generator.name)
            rows.append(trainer.kept_generator(condition, training=False))
        return rows

    def as_pictures(self, targets: np.ndarray) -> np.ndarray:
        """From [-1, 1] to [0, 1]."""
        return (targets + 1) / 2

    def _features_of(self, sounds):
        """Scaled image features [batch, 4096] of sound features."""
        condition = self.multimodal.condition_of_sound(sounds)
        return feature_map.run(self.feature_generator, condition)


def _objective(settings: GanConfig, backbone: keras.Model | None, num_classes: int) -> GanObjective:
    adversarial = adversarial_loss(settings.loss)
    if adversarial.gradient_penalty_weight and _through_backbone(settings):
        raise UserError(
            f"loss {settings.loss!r} penalises gradients at pictures, which discriminator "
            f"{settings.discriminator.name!r} does not see; take another of either"
        )
    classifier = None
    if settings.class_weight:
        if not _through_backbone(settings):
            raise UserError(
                f"class_weight is {settings.class_weight} with discriminator "
                f"{settings.discriminator.name!r}; take 'projected' or a weight of 0"
            )
        classifier = build_class_head(tuple(backbone.outputs[-1].shape[1:]), num_classes)
    return GanObjective(
        adversarial=adversarial,
        adversarial_weight=settings.adversarial_weight,
        l1_weight=settings.l1_weight,
        l2_weight=settings.l2_weight,
        perceptual_weight=settings.perceptual_weight,
        feature_matching_weight=settings.feature_matching_weight,
        class_weight=settings.class_weight,
        classifier=classifier,
        energy_weight=settings.energy_weight,
        discriminator_weight=settings.discriminator_weight,
        augment=settings.augment,
        backbone=backbone,
        through_backbone=_through_backbone(settings),
    )


def _through_backbone(settings: GanConfig) -> bool:
    return settings.discriminator.name == "projected"


def build_optimizers(
    config: Config, settings: GanConfig
) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
    """The generator's and the discriminator's."""
    return (
        _adam(config, settings, settings.learning_rate),
        _adam(config, settings, settings.discriminator_learning_rate or settings.learning_rate),
    )


def _adam(config: Config, settings: GanConfig, learning_rate: float) -> keras.optimizers.Optimizer:
    return build_adam(
        learning_rate=learning_rate,
        num_steps=settings.num_steps,
        constant_share=settings.constant_share,
        beta_1=settings.beta_1,
        beta_2=settings.beta_2,
        epsilon=settings.adam_epsilon,
        clip_norm=config.clip_norm,
        accumulation_steps=config.accumulation_steps,
        loss_scaling=precision_of(config, settings) == "mixed_float16",
    )


def precision_of(config: Config, settings: GanConfig) -> str:
    """The dtype policy of a GAN on this device."""
    name = settings.precision or config.precision
    if name == "auto":
        return "mixed_bfloat16" if fused.multiplies_bfloat16() else "float32"
    return name


def frozen(model: keras.Model) -> keras.Model:
    """The same model, which no training changes."""
    model.trainable = False
    return model


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Within it Keras builds layers of that precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

"""The three stages of training, each a trainer, its batches and what it leaves in `RUN/model`.

multimodal layers (section 5.3) → feature GAN (5.4) → image GAN (5.2). A stage reads what the
stages before it left there and is done when its own part is there.
"""

import abc
import contextlib
import pathlib
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from s2i_tf import files, spec
from s2i_tf.config import Config, GanConfig
from s2i_tf.data import pipeline, schema
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.losses import adversarial_loss
from s2i_tf.media import image
from s2i_tf.media.sheet import contact_sheet, to_uint8
from s2i_tf.models import build_discriminator, build_generator, feature_map
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.sound_to_image import FOLDER_IN_RUN
from s2i_tf.training.multimodal import MultimodalTrainer
from s2i_tf.training.optimizers import ConstantThenLinear
from s2i_tf.training.pix2pix import Pix2Pix

_STATISTICS_RECORDS = 10_000
_STATISTICS_BATCH = 256


class Stage(abc.ABC):
    """One stage of a run.

    Args:
      config: of the run.
      info: of its data.
      workdir: the run's folder.
    """

    name: str
    part: str  # the file in RUN/model, without its ending
    with_image = False
    needs: tuple[str, ...] = ()  # stages that come before

    def __init__(self, config: Config, info: DatasetInfo, workdir: pathlib.Path):
        self.config = config
        self.info = info
        self.folder = workdir / self.name
        self.model_folder = workdir / FOLDER_IN_RUN
        self.seed = config.seed * len(STAGES) + list(STAGES).index(self.name)

    @property
    def settings(self):
        """The part of the configuration that has the stage's name."""
        return getattr(self.config, self.name)

    @property
    def result(self) -> pathlib.Path:
        """Where the trained part goes."""
        return self.model_folder / f"{self.part}.keras"

    @property
    def done(self) -> bool:
        """Whether the stage has left its part."""
        return self.result.exists()

    def dataset(self, step: int) -> tf.data.Dataset:
        """The stage's batches from a step on."""
        return pipeline.build_dataset(
            self.config.data,
            spec.TRAIN_SPLIT,
            self.settings.batch_size,
            seed=self.seed,
            with_image=self.with_image,
            skip_batches=step,
        )

    @abc.abstractmethod
    def build(self) -> keras.Model:
        """The trainer, its weights freshly drawn from the stage's seed."""

    @abc.abstractmethod
    def trained_part(self, trainer: keras.Model) -> keras.Model:
        """What of a trainer is kept."""

    def draw_samples(self, trainer: keras.Model, step: int) -> None:
        """Writes pictures of the training's state; by default none."""
        return

    def save(self, trainer: keras.Model) -> None:
        """Leaves the trained part under its final name in one step."""
        self.model_folder.mkdir(parents=True, exist_ok=True)
        temporary = files.temporary_name(self.result)
        self.trained_part(trainer).save(temporary)
        temporary.replace(self.result)


class MultimodalStage(Stage):
    """Trains the multimodal layers."""

    name = "multimodal"
    part = "multimodal"

    def build(self) -> MultimodalTrainer:
        """The layers with their scalers adapted to the training features, and Adam."""
        settings = self.settings
        layers = MultimodalLayers(
            self.info.num_classes, activation=settings.activation, scaling=settings.scaling
        )
        layers.build()
        layers.adapt(*_training_features(self.config.data, self.info))
        trainer = MultimodalTrainer(
            layers,
            hidden_l1_weight=settings.hidden_l1_weight,
            before_weight=settings.before_weight,
            after_weight=settings.after_weight,
            label_weight=settings.label_weight,
        )
        trainer.compile(optimizer=keras.optimizers.Adam(settings.learning_rate))
        trainer.optimizer.build(layers.trainable_variables)
        return trainer

    def trained_part(self, trainer: MultimodalTrainer) -> MultimodalLayers:
        """The layers, with the scaler of their hidden vectors adapted."""
        sound_features, _ = _training_features(self.config.data, self.info)
        trainer.multimodal.adapt_condition(sound_features)
        return trainer.multimodal


class GanStage(Stage):
    """What the two GANs share; they differ in what they are given and what they make."""

    needs = (MultimodalStage.name,)
    target_channels: int
    output_activation: str

    multimodal: MultimodalLayers  # the trained ones, which stay as they are

    @abc.abstractmethod
    def prepare(self, batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Condition and target [batch, 128, 128, channels] of a batch."""

    @abc.abstractmethod
    def as_pictures(self, maps: np.ndarray) -> np.ndarray:
        """Targets or outputs [num, 128, 128, channels] as pictures in [0, 1]."""

    def build(self) -> Pix2Pix:
        """Generator, discriminator and their two optimizers."""
        config, settings = self.config, self.settings
        # Not when `prepare` first needs them: it is traced, and weights that are read from a file
        # while a function is traced keep their initial values in its graph.
        self.multimodal = self._load_multimodal()
        with _dtype_policy(config.precision):
            generator = build_generator(
                config.generator.name,
                spec.MAP_SIDE,
                1,
                self.target_channels,
                filters=config.generator.filters,
                norm=config.generator.norm,
                dropout=config.generator.dropout,
                output_activation=self.output_activation,
                seed=self.seed,
            )
            discriminator = build_discriminator(
                config.discriminator.name,
                spec.MAP_SIDE,
                1,
                self.target_channels,
                filters=config.discriminator.filters,
                num_layers=config.discriminator.num_layers,
                norm=config.discriminator.norm,
            )
        trainer = Pix2Pix(
            generator,
            discriminator,
            adversarial=adversarial_loss(settings.loss),
            l1_weight=settings.l1_weight,
            discriminator_weight=settings.discriminator_weight,
            prepare=self.prepare,
        )
        trainer.compile(_adam(settings), _adam(settings))
        return trainer

    def trained_part(self, trainer: Pix2Pix) -> keras.Model:
        """The generator alone."""
        return trainer.generator

    def _load_multimodal(self) -> MultimodalLayers:
        path = self.model_folder / f"{MultimodalStage.part}.keras"
        multimodal = keras.saving.load_model(path, compile=False)
        multimodal.trainable = False
        return multimodal

    def draw_samples(self, trainer: Pix2Pix, step: int) -> None:
        """Writes `samples/step_NNNNNN.png`: a row of targets above a row of outputs."""
        batch = pipeline.load_split(self.config.data, spec.EVAL_SPLIT, with_image=self.with_image)
        num = min(self.config.num_samples, len(batch[schema.KEY_LABEL]))
        chosen = np.linspace(0, len(batch[schema.KEY_LABEL]) - 1, num).astype(int)
        batch = {key: values[chosen] for key, values in batch.items() if values.dtype != object}
        condition, target = self.prepare(batch)
        output = trainer.generator(condition, training=False)
        pictures = [*self.as_pictures(np.asarray(target)), *self.as_pictures(np.asarray(output))]
        path = self.folder / "samples" / f"step_{step:06}.png"
        path.parent.mkdir(exist_ok=True)
        sheet = contact_sheet([to_uint8(picture) for picture in pictures], num_columns=num)
        files.write(path, image.encode_png(sheet))


class FeatureGanStage(GanStage):
    """Trains multimodal vectors of sounds into image features (section 5.4)."""

    name = "feature_gan"
    part = "feature_generator"
    target_channels = 1
    output_activation = "linear"

    def prepare(self, batch) -> tuple[tf.Tensor, tf.Tensor]:
        """The hidden vector of the sound, and the photo's features, both as maps."""
        condition = self.multimodal.condition_of_sound(batch[schema.KEY_SOUND_FEATURES])
        target = self.multimodal.image_scaler(batch[schema.KEY_IMAGE_FEATURES])
        return feature_map.to_map(condition), feature_map.to_map(target)

    def as_pictures(self, maps: np.ndarray) -> np.ndarray:
        """Grey pictures in which ±2 standard deviations are black and white."""
        return np.repeat(maps / 4 + 0.5, spec.IMAGE_CHANNELS, axis=-1)


class ImageGanStage(GanStage):
    """Trains image features into pictures (section 5.2)."""

    name = "image_gan"
    part = "image_generator"
    with_image = True
    target_channels = spec.IMAGE_CHANNELS
    output_activation = "tanh"

    def prepare(self, batch) -> tuple[tf.Tensor, tf.Tensor]:
        """The photo's features as a map, and the photo in [-1, 1]."""
        condition = self.multimodal.image_scaler(batch[schema.KEY_IMAGE_FEATURES])
        target = tf.cast(batch[schema.KEY_IMAGE], tf.float32) / 127.5 - 1.0
        return feature_map.to_map(condition), target

    def as_pictures(self, maps: np.ndarray) -> np.ndarray:
        """From [-1, 1] to [0, 1]."""
        return (maps + 1) / 2


STAGES: dict[str, type[Stage]] = {
    stage.name: stage for stage in (MultimodalStage, FeatureGanStage, ImageGanStage)
}


def _training_features(data_dir: str, info: DatasetInfo) -> tuple[np.ndarray, np.ndarray]:
    """Sound and image features of up to 10,000 training pairs, each [num, 4096]."""
    num = min(info.num_records(spec.TRAIN_SPLIT), _STATISTICS_RECORDS)
    batch_size = min(num, _STATISTICS_BATCH)
    batches = pipeline.build_dataset(data_dir, spec.TRAIN_SPLIT, batch_size, with_image=False)
    columns = [
        (batch[schema.KEY_SOUND_FEATURES].numpy(), batch[schema.KEY_IMAGE_FEATURES].numpy())
        for batch in batches.take(-(-num // batch_size))
    ]
    sounds, images = zip(*columns, strict=True)
    return np.concatenate(sounds), np.concatenate(images)


def _adam(settings: GanConfig) -> keras.optimizers.Adam:
    schedule = ConstantThenLinear(
        settings.learning_rate, settings.num_steps, settings.constant_share
    )
    return keras.optimizers.Adam(schedule, beta_1=settings.beta_1, epsilon=settings.adam_epsilon)


@contextlib.contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)

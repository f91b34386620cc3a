"""The first stage: the multimodal layers (paper section 5.3)."""

import functools
import itertools
import logging
from collections.abc import Mapping

import numpy as np

from s2i_tf import features, spec
from s2i_tf.config import Config
from s2i_tf.data import schema
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.training import class_scores, fit_hearing
from s2i_tf.training.backends import pipeline
from s2i_tf.training.optimizers import build_adam
from s2i_tf.training.stages.stage import Stage
from s2i_tf.training.trainers.multimodal_trainer import MultimodalTrainer

_STATISTICS_RECORDS = 10_000
_STATISTICS_BATCH = 256

logger = logging.getLogger(__name__)


class MultimodalStage(Stage):
    """Trains the multimodal layers."""

    name = "multimodal"
    part = "multimodal"

    def check_closely(self) -> None:
        """Refuses to learn to hear of too few recordings; warns of what the features can't give."""
        net = self.info.extractors["sound"]
        scores = features.label_columns(net)
        if self.settings.label_names and scores.start == scores.stop:
            logger.warning(
                "features of %s hold no scores of labels, so multimodal.label_names does nothing; "
                "s2i prepare --sound_extractor=yamnet_bands makes features that do",
                net,
            )
        if self.config.hearing:
            rows = schema.each_once(self._split, schema.KEY_SOUND_ID)
            fit_hearing.check_enough(self._split[schema.KEY_GROUP][rows])

    def build(self) -> MultimodalTrainer:
        """The layers with their scalers adapted to the training features, and Adam."""
        features = _training_features(self.config.data, self.info)
        return build_trainer(self.config, self.info.num_classes, *features)

    def trained_part(self, trainer: MultimodalTrainer) -> MultimodalLayers:
        """The layers, their sound layer fitted anew if that is wanted, and their scaler adapted."""
        layers = trainer.multimodal
        if self.settings.refit_strength:
            self._refit_sounds(layers)
            sound_features = self._split[schema.KEY_SOUND_FEATURES][:_STATISTICS_RECORDS]
        else:
            sound_features, _ = _training_features(self.config.data, self.info)
        layers.adapt_condition(sound_features)
        return layers

    def save_part(self, part: MultimodalLayers) -> None:
        """Leaves the layers, and before them, if it is wanted, what the model hears with."""
        if self.config.hearing:
            photos, _ = self._directions(part)
            fit_hearing.save(
                self.info,
                self._split,
                photos,
                self.model_folder,
                self.config.unknown_sounds,
                by_names=self.settings.label_names,
            )
        super().save_part(part)

    @functools.cached_property
    def _split(self) -> Mapping[str, np.ndarray]:
        return pipeline.load_split(self.config.data, spec.TRAIN_SPLIT, with_image=False)

    def _directions(self, layers: MultimodalLayers) -> tuple[np.ndarray, np.ndarray]:
        """Where the layers put the classes' photos, see `class_scores.directions`."""
        photos, labels = schema.once(self._split, "image")
        vectors = np.asarray(layers.hidden_of_image(photos).before)
        return class_scores.directions(vectors, labels, self.info.num_classes)

    def _refit_sounds(self, layers: MultimodalLayers) -> None:
        """Fits the sound layer anew, in closed form, see `class_scores`.

        Gradient descent follows what is peculiar to the few sources of a class's sounds; the closed
        form, with a penalty, names more sounds of other sources.
        """
        sounds, labels = schema.once(self._split, "sound")
        photos, middle = self._directions(layers)
        net = self.info.extractors["sound"]
        scores = class_scores.fit(
            np.asarray(layers.sound_scaler(sounds)),
            labels,
            self.info.num_classes,
            self.settings.refit_strength,
            features.label_columns(net),
            features.named_columns(net, self.info.class_names) if self.settings.label_names else (),
            photos,
        )
        to_photos = class_scores.to_photos(scores, photos, middle)
        layers.sound_layer.kernel.assign(to_photos.kernel)
        layers.sound_layer.bias.assign(to_photos.bias)


def build_trainer(
    config: Config, num_classes: int, sound_features: np.ndarray, image_features: np.ndarray
) -> MultimodalTrainer:
    """The layers of a configuration with their scalers adapted to features, and Adam.

    Args:
      config: configuration of the run.
      num_classes: size of the output layer.
      sound_features: features of sounds [num, 4096].
      image_features: features of photos [num, 4096].
    """
    settings = config.multimodal
    layers = MultimodalLayers(
        num_classes,
        hidden_units=settings.hidden_units,
        activation=settings.activation,
        scaling=settings.scaling,
        normalize=settings.normalize,
        input_dropout=settings.input_dropout,
        hidden_dropout=settings.hidden_dropout,
    )
    layers.build()
    layers.adapt(sound_features, image_features)
    trainer = MultimodalTrainer(layers, settings)
    adam = build_adam(
        learning_rate=settings.learning_rate,
        num_steps=settings.num_steps,
        clip_norm=config.clip_norm,
        accumulation_steps=config.accumulation_steps,
    )
    trainer.compile(optimizer=adam)
    trainer.optimizer.build(layers.trainable_variables)
    return trainer


def _training_features(data_dir: str, info: DatasetInfo) -> tuple[np.ndarray, np.ndarray]:
    """Sound and image features of up to 10,000 training pairs, each [num, 4096]."""
    num = min(info.num_records(spec.TRAIN_SPLIT), _STATISTICS_RECORDS)
    batch_size = min(num, _STATISTICS_BATCH)
    batches = pipeline.build_dataset(data_dir, spec.TRAIN_SPLIT, batch_size, with_image=False)
    columns = [
        [np.asarray(batch[key]) for key in (schema.KEY_SOUND_FEATURES, schema.KEY_IMAGE_FEATURES)]
        for batch in itertools.islice(batches, -(-num // batch_size))
    ]
    sounds, images = zip(*columns, strict=True)
    return np.concatenate(sounds)[:num], np.concatenate(images)[:num]

"""What an evaluation works from: what the model and the judge make of each sound and photo.

Everything that runs a net is here, so that each runs once; the figures follow from it.
"""

import dataclasses
import logging

import numpy as np

from s2i_tf import spec
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.evaluation import drawn, figures, linear_probe, unseen
from s2i_tf.evaluation.drawn import Drawn
from s2i_tf.evaluation.judging import Judge, Looks
from s2i_tf.evaluation.linear_probe import LinearProbe
from s2i_tf.evaluation.tables import Items
from s2i_tf.media.sheet import to_uint8
from s2i_tf.models.multimodal import Hidden
from s2i_tf.models.sound_to_image import SoundToImage

# Beside the deterministic picture, for the distance between samples of one sound.
_NUM_COMPARED_SAMPLES = 2

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Training:
    """What the model was trained on, as far as it is at hand."""

    sounds: Items
    images: Items
    looks: Looks
    sound_vectors: Hidden
    image_vectors: Hidden
    heard: LinearProbe  # names the class of a sound
    seen: LinearProbe  # names the class of a picture, from the judge's features


@dataclasses.dataclass(frozen=True)
class Found:
    """Everything that the figures are worked out from, of the eval split and the training split."""

    judge: Judge
    info: DatasetInfo
    sounds: Items
    images: Items
    sound_vectors: Hidden
    image_vectors: Hidden
    original: Looks
    rebuilt: Drawn  # of each photo, from its own features
    drawn: dict[str, Drawn]  # of each sound: `generated`, and the baselines if there is training
    samples: np.ndarray | None  # features of samples of each sound [samples, sounds, size]
    training: Training | None
    no_training: str

    @property
    def generated(self) -> Drawn:
        """The pictures of the sounds."""
        return self.drawn["generated"]

    @property
    def photo_of_sound(self) -> np.ndarray:
        """The photo of each sound's first pair, int [sounds]."""
        _, first = np.unique(self.sounds.of_pair, return_index=True)
        return self.images.of_pair[first]

    @property
    def names(self) -> list[str]:
        """The class of each sound."""
        return [self.info.class_names[label] for label in self.sounds.labels]

    @property
    def matches(self) -> np.ndarray:
        """The smallest k at which the labels of picture and photo meet, int [sounds]; 0: none."""
        photos = self.original.labels[self.photo_of_sound]
        return figures.first_matches(photos, self.generated.looks.labels)

    @property
    def qualities(self) -> dict[str, np.ndarray] | None:
        """Which pictures are good, middling and bad, bool [sounds] each; see `figures`."""
        if self.training is None:
            return None
        named = self.training.seen.predict(self.generated.looks.features)
        return figures.qualities(self.matches, named == self.sounds.labels)

    def without_photos(self) -> "Found":
        """The same with white where the photos were, for figures that may be passed on."""
        training = self.training
        if training is not None:
            training = dataclasses.replace(training, images=_blank(training.images))
        return dataclasses.replace(self, images=_blank(self.images), training=training)

    @classmethod
    def of(
        cls, model: SoundToImage, judge: Judge, parts: unseen.Parts, info: DatasetInfo, seed: int
    ) -> "Found":
        """Runs the model and the judge."""
        sounds, images = _sides(parts.splits[spec.EVAL_SPLIT])
        logger.info("drawing %d sounds and %d photos", len(sounds), len(images))
        generated = draw(model, sounds.features)
        rebuilt = _finite(model.images_from_features(images.features))
        looks = {
            name: judge.look(pictures, name)
            for name, pictures in (
                ("generated pictures", generated),
                ("photos rebuilt", rebuilt),
                ("photos", images.pictures),
            )
        }
        generated_looks, rebuilt_looks, original = looks.values()
        samples = None
        if model.stochastic:
            further = [
                judge.look(draw(model, sounds.features, sample, seed)).features
                for sample in range(1, 1 + _NUM_COMPARED_SAMPLES)
            ]
            samples = np.stack([generated_looks.features, *further])
        sound_vectors = model.embed_sound(sounds.features)
        training = None
        by_name = {"generated": Drawn(generated, generated_looks)}
        if not parts.no_training:
            training = _train(model, judge, parts.splits[spec.TRAIN_SPLIT], seed)
            by_name |= drawn.of_baselines(
                judge,
                training.images,
                training.looks,
                training.image_vectors.after,
                sounds,
                sound_vectors.after,
                training.heard,
            )
        return cls(
            judge=judge,
            info=info,
            sounds=sounds,
            images=images,
            sound_vectors=sound_vectors,
            image_vectors=model.embed_image(images.features),
            original=original,
            rebuilt=Drawn(rebuilt, rebuilt_looks),
            drawn=by_name,
            samples=samples,
            training=training,
            no_training=parts.no_training,
        )


def _sides(columns: unseen.Columns) -> tuple[Items, Items]:
    return Items.of_split(columns, "sound"), Items.of_split(columns, "image")


def _train(model: SoundToImage, judge: Judge, columns: unseen.Columns, seed: int) -> Training:
    sounds, images = _sides(columns)
    looks = judge.look(images.pictures, "training photos")
    logger.info("linear probes on %d training sounds and %d photos", len(sounds), len(images))
    return Training(
        sounds=sounds,
        images=images,
        looks=looks,
        sound_vectors=model.embed_sound(sounds.features),
        image_vectors=model.embed_image(images.features),
        heard=linear_probe.fit(sounds.features, sounds.labels, sounds.groups, seed=seed),
        seen=linear_probe.fit(looks.features, images.labels, images.ids, seed=seed),
    )


def draw(
    model: SoundToImage, sound_features: np.ndarray, sample: int = 0, seed: int = 0
) -> np.ndarray:
    """Pictures of sounds, uint8 [sounds, 128, 128, 3]; see `SoundToImage.generate`.

    Raises:
      UserError: if they are not finite.
    """
    return _finite(model.generate(sound_features, sample=sample, seed=seed))


def _finite(pictures: np.ndarray) -> np.ndarray:
    """As uint8.

    Raises:
      UserError: if a picture holds NaN or infinity, which would turn into some colour unseen.
    """
    if not np.isfinite(pictures).all():
        raise UserError("the model's pictures are not finite; it was not trained to an end")
    return to_uint8(pictures)


def _blank(images: Items) -> Items:
    return dataclasses.replace(images, pictures=np.full_like(images.pictures, figures.HIDDEN))

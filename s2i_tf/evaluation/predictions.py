"""What the model and the judges make of each sound and photo: every net runs here, and once.

The metrics follow from the `Predictions` that `predict` gives.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from s2i_tf import spec
from s2i_tf.data import class_folder, source_sounds
from s2i_tf.errors import UserError
from s2i_tf.evaluation import baselines, judge, neighbors, on_disk, probes, source_folds
from s2i_tf.evaluation.heldout import HeldOut
from s2i_tf.evaluation.inputs import (
    FoundSounds,
    Heard,
    Items,
    PhotoToSound,
    Predictions,
    Training,
)
from s2i_tf.evaluation.judge import Judge
from s2i_tf.evaluation.on_disk import Scratch
from s2i_tf.features.base import Classifier
from s2i_tf.media.sheet import to_uint8
from s2i_tf.models.multimodal import Hidden
from s2i_tf.models.sound_to_image import SoundToImage

NO_TRAINING = "what the model was trained on is not at hand"
NO_SOUND_JUDGE = "no judge of sounds was given"
NO_SOUNDS = "the data do not say where their sounds lie"

# Beside the deterministic picture, for the distance between samples of one sound.
_NUM_COMPARED_SAMPLES = 2
_NUM_SHOWN_SAMPLES = 3
# Sounds of a class that are drawn a second time, without their source.
_NUM_LEFT_OUT = 10

logger = logging.getLogger(__name__)


def predict(
    model: SoundToImage,
    image_judge: Judge,
    held_out: HeldOut,
    scratch: Scratch,
    *,
    sound_judge: Classifier | None = None,
    unknown: np.ndarray | None = None,
    num_shown: int = 0,
    seed: int = 0,
) -> Predictions:
    """Runs the model and the judges on the eval split, and on what the model was trained on.

    Args:
      model: the model to measure.
      image_judge: looks at the pictures.
      held_out: the pairs to measure.
      scratch: holds pictures and vectors.
      sound_judge: a classifier of sounds, which hears those that are found for photos.
      unknown: features [sounds, 4096] of sounds of no class, if there are any.
      num_shown: how many sounds the report shows.
      seed: random seed of samples, folds, intervals and draws.

    Raises:
      UserError: if the pictures are not finite.
    """
    sounds, images = held_out.sides[spec.EVAL_SPLIT]
    info = held_out.info
    logger.info("drawing %d sounds and %d photos", len(sounds), len(images))
    generated = _drawn(model.generate, sounds.features, scratch)
    rebuilt = _drawn(model.images_from_features, images.features, scratch)
    generated = image_judge.look(generated, "generated pictures")
    shown = sounds.of_each_class(num_shown, seed)
    samples = further = None
    if model.stochastic:

        def sampled(features: np.ndarray, num_samples: int) -> Iterator[np.ndarray]:
            for sample in range(1, 1 + num_samples):
                draw = functools.partial(model.generate, sample=sample, seed=seed)
                yield _drawn(draw, features, scratch)

        drawn = sampled(sounds.features, _NUM_COMPARED_SAMPLES)
        judged = [image_judge.look(pictures).features for pictures in drawn]
        samples = np.stack([generated.features, *judged])
        if shown:
            further = np.stack([*sampled(sounds.features[shown], _NUM_SHOWN_SAMPLES)])
    sound_vectors = _embedded(model.embed_sound, sounds, scratch)
    image_vectors = _embedded(model.embed_image, images, scratch)
    training, pictures = None, {"generated": generated}
    if not held_out.no_training:
        sides = held_out.sides[spec.TRAIN_SPLIT]
        training = _train(model, image_judge, sides, scratch, seed)
        pictures |= baselines.of_sounds(image_judge, training, sounds, sound_vectors.after)
    own_labels = _labels_of(model, info.class_names)
    found = Predictions(
        class_names=info.class_names,
        load_sound=functools.partial(source_sounds.load_sound, info) if info.source else None,
        index=held_out.index,
        judge_labels=tuple(image_judge.classifier.labels),
        sounds=sounds,
        images=images,
        judged=image_judge.look(images.pictures, "photos"),
        pictures=pictures,
        seed=seed,
        rebuilt=image_judge.look(rebuilt, "photos rebuilt"),
        sound_vectors=sound_vectors,
        image_vectors=image_vectors,
        samples=samples,
        further=further,
        shown=tuple(shown),
        training=training,
        heard=_heard(model, sounds.features, own_labels),
        own_labels=own_labels,
        unknown_scores=_unknown_scores(model, unknown),
        no_training=held_out.no_training,
    )
    found = dataclasses.replace(found, **_left_out(model, image_judge, found, scratch))
    return dataclasses.replace(found, photo_to_sound=photo_to_sound(model, found, sound_judge))


def photo_to_sound(
    model: SoundToImage, predictions: Predictions, sound_judge: Classifier | None = None
) -> PhotoToSound | None:
    """The training sound that each photo is given, and what a judge hears in it.

    Args:
      model: the model; one with an index of sounds has this direction.
      predictions: of its sounds and photos, without this.
      sound_judge: a classifier of sounds, such as `yamnet`.

    Returns:
      None for a model without this direction.
    """
    index, training = model.sound_index, predictions.training
    if index is None:
        return None
    labels = _labels_of(model, predictions.class_names)[index.labels]
    batches = on_disk.batches(predictions.images.features)
    nearest = np.concatenate([model.nearest_sounds(some)[0][:, 0] for some in batches])
    found = {"generated": FoundSounds(np.asarray(index.ids)[nearest], labels[nearest])}
    missing = {}
    if training is None:
        missing["nearest_sound"] = NO_TRAINING
    else:
        chosen, _ = neighbors.nearest(predictions.image_vectors.after, training.sound_vectors.after)
        of_training = training.sounds
        found["nearest_sound"] = FoundSounds(of_training.ids[chosen], of_training.labels[chosen])
    heard: dict[str, np.ndarray] = {}
    if sound_judge is None:
        missing["label_match"] = NO_SOUND_JUDGE
    elif predictions.load_sound is None:
        missing["label_match"] = NO_SOUNDS
    else:
        own = predictions.sounds.ids
        wanted = np.unique(np.concatenate([own, *(one.ids for one in found.values())]))
        try:
            of_wanted = judge.listen(sound_judge, predictions.load_sound, wanted)
            heard = dict(zip(wanted.tolist(), of_wanted, strict=True))
        except UserError as error:
            missing["label_match"] = f"a sound is not at hand: {error}"
    return PhotoToSound(found, labels, sound_judge, heard, missing)


def _train(
    model: SoundToImage,
    image_judge: Judge,
    sides: tuple[Items, Items],
    scratch: Scratch,
    seed: int,
) -> Training:
    sounds, images = sides
    judged = image_judge.look(images.pictures, "training photos")
    logger.info("linear probes on %d training sounds and %d photos", len(sounds), len(images))
    return Training(
        sounds=sounds,
        images=images,
        judged=judged,
        sound_vectors=_embedded(model.embed_sound, sounds, scratch),
        image_vectors=_embedded(model.embed_image, images, scratch),
        class_heard=probes.fit(sounds.features, sounds.labels, sounds.groups, seed=seed),
        class_seen=probes.fit(judged.features, images.labels, images.groups, seed=seed),
    )


def _left_out(
    model: SoundToImage, image_judge: Judge, predictions: Predictions, scratch: Scratch
) -> dict[str, Any]:
    """The fields of `Predictions` on sounds of sources that the model was fitted without."""
    training, seed = predictions.training, predictions.seed
    if training is None or not source_folds.refit_strength(model):
        return {"no_left_out": source_folds.NO_REFIT if training else NO_TRAINING}
    logger.info("leaving out each source of sounds")
    found = source_folds.listen(model, training, predictions.sounds, predictions.class_names, seed)
    if found is None:
        return {"no_left_out": source_folds.NO_SOURCES}
    labels = found.sounds.labels
    drawn = np.concatenate(
        [
            found.sounds.drawn(np.flatnonzero(labels == label), _NUM_LEFT_OUT, f"{seed}/left out")
            for label in np.unique(labels)
        ]
    )
    pictures = _drawn(model.draw, found.vectors.before[drawn], scratch)
    seen = image_judge.look(pictures, "pictures without the source")
    return {"left_out": dataclasses.replace(found, drawn=drawn, pictures=seen)}


def _heard(model: SoundToImage, features: np.ndarray, own_labels: np.ndarray) -> Heard | None:
    if model.hearing is None:
        return None
    said = [model.listen(batch) for batch in on_disk.batches(features)]
    shares, scores = (
        np.concatenate([one[key] for one in said]) for key in ("heard", "known_score")
    )
    labels = own_labels[shares.argmax(axis=1)]
    return Heard(labels, shares.max(axis=1).astype(np.float64), scores.astype(np.float64))


def _unknown_scores(model: SoundToImage, unknown: np.ndarray | None) -> np.ndarray | None:
    if model.hearing is None or unknown is None:
        return None
    return model.listen(unknown)["known_score"].astype(np.float64)


def _labels_of(model: SoundToImage, class_names: Iterable[str]) -> np.ndarray:
    """The data's label of each of the model's classes, int; -1 of one that the data do not have."""
    label_of = {class_folder.class_key(name): label for label, name in enumerate(class_names)}
    return np.array([label_of.get(class_folder.class_key(name), -1) for name in model.class_names])


def _drawn(
    draw: Callable[[np.ndarray], np.ndarray], features: np.ndarray, scratch: Scratch
) -> np.ndarray:
    """Pictures uint8 [items, height, width, 3] that a function makes of features.

    Raises:
      UserError: if one holds NaN or infinity, which would turn into some colour unseen.
    """

    def drawn(batch: np.ndarray) -> list[np.ndarray]:
        pictures = draw(batch)
        if not np.isfinite(pictures).all():
            raise UserError("the model's pictures are not finite; it was not trained to an end")
        return [to_uint8(pictures)]

    (pictures,) = scratch.filled(drawn, features)
    return pictures


def _embedded(embed: Callable[[np.ndarray], Hidden], items: Items, scratch: Scratch) -> Hidden:
    """Multimodal vectors float32 [items, hidden units], on the disk."""

    def layers(batch: np.ndarray) -> list[np.ndarray]:
        return [np.asarray(layer, np.float32) for layer in embed(batch)]

    return Hidden(*scratch.filled(layers, items.features))

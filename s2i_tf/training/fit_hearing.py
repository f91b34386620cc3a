"""Fits what a model says of a sound: class probabilities and whether it knows such sounds.

Nothing here looks at the eval split. The temperature and the curve of `known_score` are chosen on
folds of the training sounds: each recording is held out once, with all that was cut from it.
Sounds of no class, if there are any, say where the unknown begins; without them it begins below 19
of 20 held-out sounds.
"""

import dataclasses
import logging
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from s2i_tf import features as features_lib
from s2i_tf.data import schema, splits, walking
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.features.base import Extractor
from s2i_tf.models import part_file
from s2i_tf.models.hearing import NUM_NEIGHBOURS, Hearing
from s2i_tf.training import class_scores

logger = logging.getLogger(__name__)

PART = "hearing"
_NUM_FOLDS = 5
_SALT = "hearing"
# Of the ridge regression. On RealPairs 0.1 names 1 % more of other recordings, 1.0 1 % more of
# other sources.
STRENGTH = 0.3
_TEMPERATURES = np.geomspace(0.02, 1.0, 60)
_NUM_DIRECTIONS = 128
_MISSED_SHARE = 0.05
NUM_BINS = 15  # of the calibration error


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A fitted `Hearing` and what was found on the held-out folds.

    Attributes:
      hearing: the model's part.
      accuracy: share of sounds whose likeliest class is right.
      calibration_error: expected calibration error of the likeliest class's probability.
      known_auc: area under the curve of `known_score`, held-out sounds against those of no class;
        NaN without any.
    """

    hearing: Hearing
    accuracy: float
    calibration_error: float
    known_auc: float


def files_of(
    unknown_sounds: str | os.PathLike, setting: str = "config.unknown_sounds"
) -> list[pathlib.Path]:
    """The files of a folder of sounds of no class; tables and what is hidden are passed over.

    Args:
      unknown_sounds: the folder.
      setting: what it was given as, for messages.

    Raises:
      UserError: if there is no such folder, or none in it.
    """
    folder = pathlib.Path(unknown_sounds)
    if not folder.is_dir():
        raise UserError(
            f"{setting} is {str(unknown_sounds)!r}, which is no folder; give one of "
            "sounds of no class, or leave it empty"
        )
    found = [path for path in walking.files_in(folder) if path.suffix != ".csv"]
    if not found:
        raise UserError(f"{setting} is {str(unknown_sounds)!r}, which holds no sounds")
    return found


def features_of(unknown_sounds: str | os.PathLike, extractor: Extractor) -> np.ndarray:
    """Features float32 [sounds, features] of a folder's sounds of no class.

    Raises:
      UserError: as `files_of`, or if a sound cannot be used.
    """
    from s2i_tf.media import audio  # PyAV, which a training on JAX does without

    prepared = [extractor.prepare(audio.load_waveform(path)) for path in files_of(unknown_sounds)]
    return np.concatenate([extractor(one[None]) for one in prepared])


def check_enough(groups: np.ndarray) -> None:
    """Refuses training sounds that are too few to hold some out, or all of one recording.

    Args:
      groups: the recording of each sound, each sound once.

    Raises:
      UserError: if they are.
    """
    folds = splits.folds(groups, _NUM_FOLDS, _SALT)
    fewest = min(int(np.sum(folds != fold)) for fold in range(_NUM_FOLDS))
    if fewest < NUM_NEIGHBOURS:
        raise UserError(
            f"config.hearing needs {NUM_NEIGHBOURS} training sounds beside those that it holds "
            f"out, got {fewest} ({len(groups)} sounds of {len(set(groups))} recordings in all); "
            "turn it off, or prepare more recordings"
        )


def save(
    info: DatasetInfo,
    split: Mapping[str, np.ndarray],
    photos: np.ndarray,
    folder: pathlib.Path,
    unknown_sounds: str | os.PathLike = "",
    *,
    by_names: bool = False,
) -> None:
    """Fits to a data set's training sounds and writes the part into a model's folder.

    Args:
      info: description of the data set.
      split: columns of its training split.
      photos: directions of the classes' photos [classes, vector], see `class_scores.directions`.
      folder: the model's folder.
      unknown_sounds: folder of sounds of none of its classes; empty for none.
      by_names: whether classes are also heard by the net's labels of their name.

    Raises:
      UserError: if a sound of that folder cannot be read, or the data set's net not be loaded.
    """
    extractor = features_lib.load_same_extractor(info, "sound")
    unknown = features_of(unknown_sounds, extractor) if unknown_sounds else None
    rows = schema.each_once(split, schema.KEY_SOUND_ID)
    fitted = fit(
        split[schema.KEY_SOUND_FEATURES][rows],
        split[schema.KEY_LABEL][rows],
        split[schema.KEY_GROUP][rows],
        photos,
        extractor.num_embedding,
        unknown,
        features_lib.label_columns(extractor.name),
        features_lib.named_columns(extractor.name, info.class_names) if by_names else (),
    )
    folder.mkdir(parents=True, exist_ok=True)
    part_file.save(fitted.hearing, folder, PART)
    logger.info(
        "hearing: %.1f %% of held-out sounds named, calibration error %.3f, known or not %.3f",
        100 * fitted.accuracy,
        fitted.calibration_error,
        fitted.known_auc,
    )


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    photos: np.ndarray,
    num_embedding: int,
    unknown: np.ndarray | None = None,
    columns: slice = slice(0),
    named: Sequence[Sequence[int]] = (),
) -> Fitted:
    """Fits to training sounds, each once.

    Args:
      features: float32 [sounds, features].
      labels: int [sounds], their classes.
      groups: the recordings that they were cut from [sounds].
      photos: directions of the classes' photos [classes, vector], see `class_scores.directions`.
      num_embedding: how many of the features, from the first on, tell what a sound is like.
      unknown: features of sounds of no class, if there are any.
      columns: of the features, the scores of the net's own labels.
      named: for each class the columns of the labels that it is named after, if they count.
    """
    features = np.asarray(features, np.float32)
    folds = splits.folds(groups, _NUM_FOLDS, _SALT)

    def scorer_of(rows: np.ndarray) -> class_scores.Linear:
        return class_scores.fit(
            features[rows], labels[rows], len(photos), STRENGTH, columns, named, photos
        )

    basis = _basis(features[:, :num_embedding])
    vectors = _unit(features[:, :num_embedding] @ basis)
    evidence = np.empty((len(features), len(photos)), np.float32)
    nearness = np.empty(len(features), np.float32)
    for fold in range(_NUM_FOLDS):
        held_out = folds == fold
        evidence[held_out] = scorer_of(~held_out)(features[held_out])
        nearness[held_out] = _nearness(vectors[held_out], vectors[~held_out])
    alike = class_scores.alike(photos)
    scores = evidence @ alike
    temperature = min(_TEMPERATURES, key=lambda degree: _surprise(scores / degree, labels))
    probabilities = class_scores.softmax(scores / temperature)

    scorer = scorer_of(np.full(len(features), True))
    known = np.stack([nearness, evidence.max(axis=1)], axis=1)
    others = np.zeros((0, 2), np.float32)
    if unknown is not None:
        nearness = _nearness(_unit(unknown[:, :num_embedding] @ basis), vectors)
        others = np.stack([nearness, scorer(unknown).max(axis=1)], axis=1)
    curve, area = _curve(known, others)

    hearing = Hearing(features.shape[1], len(photos), len(features), num_embedding, basis.shape[1])
    values = {
        "kernel": scorer.kernel,
        "bias": scorer.bias,
        "alike": alike / temperature,
        "basis": basis,
        "references": vectors.T,
        "curve": curve,
    }
    for name, array in values.items():
        getattr(hearing, name).assign(array)
    right = probabilities.argmax(axis=1) == labels
    (error,) = calibration_errors(probabilities.max(axis=1), right, np.ones((1, len(right))))
    return Fitted(hearing, float(right.mean()), float(error), area)


def calibration_errors(
    confidence: np.ndarray, right: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Expected calibration errors (Guo et al. 2017), in bins of equal width, float [draws].

    Args:
      confidence: probability of each answer, [answers].
      right: whether it was right, [answers].
      weights: float [draws, answers], how often each answer was drawn.
    """
    bins = np.minimum((confidence * NUM_BINS).astype(int), NUM_BINS - 1)
    of_bin = np.eye(NUM_BINS)[bins] * (confidence - right)[:, None]
    return np.abs(weights @ of_bin).sum(axis=1) / weights.sum(axis=1)


def areas_under_curve(
    positive: np.ndarray,
    negative: np.ndarray,
    of_positive: np.ndarray,
    of_negative: np.ndarray,
) -> np.ndarray:
    """The chance that a positive's score is above a negative's, ties counting half; float [draws].

    Args:
      positive: scores [positives].
      negative: scores [negatives].
      of_positive: float [draws, positives], how often each was drawn.
      of_negative: float [draws, negatives].
    """
    above = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    sums = ((of_positive @ above) * of_negative).sum(axis=1)
    return sums / (of_positive.sum(axis=1) * of_negative.sum(axis=1))


def _basis(embedding: np.ndarray) -> np.ndarray:
    """The directions [embedding, directions] in which embeddings are largest."""
    num = min(_NUM_DIRECTIONS, *embedding.shape)
    _, directions = np.linalg.eigh(embedding.T @ embedding)
    return directions[:, ::-1][:, :num]


def _nearness(vectors: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The cosine of each unit vector to its fifth nearest reference."""
    return np.sort(vectors @ references.T, axis=1)[:, -NUM_NEIGHBOURS]


def _curve(known: np.ndarray, unknown: np.ndarray) -> tuple[np.ndarray, float]:
    """The weights of both measures and the offset of the curve; and the area under the curve.

    Args:
      known: both measures of held-out sounds, [sounds, 2].
      unknown: the same of sounds of no class, or of none.
    """
    slopes = 1 / (known.std(axis=0) + 1e-6)
    known, unknown = known @ slopes, unknown @ slopes
    if not len(unknown):
        return np.append(slopes, -np.quantile(known, _MISSED_SHARE)), float("nan")
    # The middle errs as often on either side.
    candidates = np.unique(np.concatenate([known, unknown]))
    errors = [np.mean(known < at) + np.mean(unknown >= at) for at in candidates]
    middle = candidates[int(np.argmin(errors))]
    (area,) = areas_under_curve(known, unknown, *(np.ones((1, len(of))) for of in (known, unknown)))
    return np.append(slopes, -middle), float(area)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _surprise(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log probability of the labels."""
    right = class_scores.softmax(scores)[np.arange(len(labels)), labels]
    return float(-np.mean(np.log(np.maximum(right, 1e-12))))

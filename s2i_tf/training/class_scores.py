"""Linear class scores of sounds, in closed form: what a model hears by, and maps to pictures by.

A ridge regression follows all that tells the training sounds of two classes apart, also what is
peculiar to the few places that they are from. So there is a second opinion beside it, where the
features hold the scores of the net's own labels (AudioSet's 521): a class is heard by the labels
that its sounds are given more than others, each label by itself. Alone it names fewer sounds, but
it makes other mistakes on those of unknown sources. Where a class is called as labels are, a third
opinion hears it by these, whatever the training sounds were like.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from s2i_tf.training import ridge

# Of the second opinion, chosen on RealPairs by sources left out.
_LABELS_WEIGHT = 2.0
_LEAST_SPREAD = 0.1
# Of the third, beside the spread of the former two together, chosen in the same way.
_NAMES_WEIGHT = 0.25
_LEAST_NAMED_SPREAD = 0.3
_SINGULAR = 1e-3


@dataclasses.dataclass(frozen=True)
class Linear:
    """A linear map.

    Attributes:
      kernel: float32 [inputs, outputs].
      bias: float32 [outputs].
    """

    kernel: np.ndarray
    bias: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Of [items, inputs]."""
        return inputs @ self.kernel + self.bias


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
    strength: float,
    columns: slice,
    named: Sequence[Sequence[int]] = (),
    photos: np.ndarray | None = None,
) -> Linear:
    """Fits the scores.

    Args:
      features: float32 [sounds, features].
      labels: int [sounds], their classes.
      num_classes: number of classes.
      strength: penalty of the ridge regression, see `ridge.fit`.
      columns: of the features, the scores of the net's own labels, see `features.label_columns`.
      named: for each class the columns of the labels that it is named after, see
        `features.named_columns`; empty to do without.
      photos: the directions of the classes' photos, needed where names count.

    Returns:
      The map from features to class scores, which are then spread by `alike`; that of a class
      without sounds is 0 but for its name.
    """
    heard, places = np.unique(labels, return_inverse=True)
    mean, spread = features.mean(axis=0), _spread(features)
    targets = np.eye(len(heard))[places] - 1 / len(heard)
    kernel = ridge.fit((features - mean) / spread, targets, places, strength) / spread[:, None]
    bias = -(mean @ kernel)
    if features[:, columns].size:
        by_labels = _by_labels(features[:, columns], places)
        kernel[columns] += _LABELS_WEIGHT * by_labels.kernel
        bias += _LABELS_WEIGHT * by_labels.bias
    to_all = np.eye(num_classes, dtype=np.float32)[heard]
    scores = Linear(kernel @ to_all, bias @ to_all)
    if not named:
        return scores
    # What a class is called says nothing of those whose photos are alike.
    spread_by = alike(photos)
    by_names, apart = _by_names(features, named), np.linalg.pinv(spread_by, rcond=_SINGULAR)
    apart *= _NAMES_WEIGHT * np.std(scores(features) @ spread_by)
    return Linear(scores.kernel + by_names.kernel @ apart, scores.bias + by_names.bias @ apart)


def directions(
    vectors: np.ndarray, labels: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where each class's photos are.

    Args:
      vectors: of photos [photos, vector].
      labels: int [photos], their classes.
      num_classes: number of classes.

    Returns:
      Float32 [classes, vector], from the middle of the classes to the mean of each, 0 for one
      without photos; and the middle [vector].
    """
    classes, places = np.unique(labels, return_inverse=True)
    means = np.stack([vectors[places == place].mean(axis=0) for place in range(len(classes))])
    middle = means.mean(axis=0)
    found = np.zeros((num_classes, vectors.shape[1]), np.float32)
    found[classes] = means - middle
    return found, middle


def to_photos(scores: Linear, photos: np.ndarray, middle: np.ndarray) -> Linear:
    """Maps sounds to where the photos of their class are, as far as the scores know it.

    Args:
      scores: the map from features to class scores.
      photos: the directions of the classes' photos [classes, vector].
      middle: from where they go.

    Returns:
      The map from features to vectors [items, vector].
    """
    return Linear(scores.kernel @ photos, scores.bias @ photos + middle)


def alike(photos: np.ndarray) -> np.ndarray:
    """How much classes speak for each other, as a guitar and a mandolin do, whose photos are alike.

    Scores times this are how far a sound is mapped towards the photos of each class. They name 3 %
    more sounds of sources left out than the scores alone.

    Args:
      photos: the directions of the classes' photos [classes, vector].

    Returns:
      Float32 [classes, classes], with a mean of 1 on the diagonal.
    """
    products = photos @ photos.T
    return products / max(np.trace(products) / len(products), 1e-12)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of scores, both [items, classes]."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _spread(features: np.ndarray) -> np.ndarray:
    """What each of the features [items, features] is divided by, never close to nothing."""
    spread = features.std(axis=0)
    return np.maximum(spread, max(_LEAST_SPREAD * np.sqrt(np.mean(spread**2)), 1e-6))


def _by_labels(label_scores: np.ndarray, places: np.ndarray) -> Linear:
    """Scores each class by how much more its labels are given than to sounds of any class.

    Args:
      label_scores: of the net's own labels [sounds, labels].
      places: int [sounds], their classes, each of which some sound has.
    """
    weights = 1 / np.bincount(places)[places]
    weights /= weights.sum()
    targets = np.eye(places.max() + 1)[places]
    means = ((weights[:, None] * targets).T @ label_scores) / (weights @ targets)[:, None]
    centred = label_scores - weights @ label_scores
    variance = weights @ centred**2
    spread = np.sqrt(variance) + _LEAST_SPREAD * np.sqrt(variance.mean()) + 1e-12
    kernel = np.maximum(means - weights @ label_scores, 0).T / spread[:, None] ** 2
    # As large as a least-squares fit of it alone makes it.
    scores = centred @ kernel
    slopes = weights @ (scores * targets) / np.maximum(weights @ scores**2, 1e-12)
    kernel *= np.maximum(slopes, 0)
    return Linear(kernel, -(weights @ label_scores) @ kernel)


def _by_names(features: np.ndarray, named: Sequence[Sequence[int]]) -> Linear:
    """Scores each class by the mean of the labels that it is named after, 0 where there are none.

    Args:
      features: float32 [sounds, features].
      named: for each class the columns of its labels.
    """
    kernel = np.zeros((features.shape[1], len(named)), np.float32)
    for place, columns in enumerate(named):
        kernel[columns, place] = 1 / max(len(columns), 1)
    scores = features @ kernel
    spread = scores.std(axis=0)
    usual = np.sqrt(np.mean(spread[spread > 0] ** 2)) if spread.any() else 1.0
    kernel /= np.maximum(spread, _LEAST_NAMED_SPREAD * usual)
    return Linear(kernel, -(features.mean(axis=0) @ kernel))

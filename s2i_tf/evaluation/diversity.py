"""Do two sounds of a class get different pictures, and one sound different samples?

What tells a generator from a table of one picture a class. The distance is Euclidean in the
judge's features, between pictures of two recordings of a class; real photos give the scale.
"""

import numpy as np

from s2i_tf.evaluation import bootstrap, distances
from s2i_tf.evaluation.bootstrap import Estimate


def within_classes(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> dict[int, float]:
    """The mean distance between two items of one class and different groups, by label.

    Args:
      features: float [items, size].
      labels: int [items].
      groups: str [items].

    Returns:
      Labels with no such pair are left out.
    """
    apart, allowed = _pairs(features, labels, groups)
    found = {}
    for label in np.unique(labels):
        own = labels == label
        if allowed[own].any():
            found[int(label)] = float(apart[own][allowed[own]].mean())
    return found


def ratio(
    pictures: tuple[np.ndarray, np.ndarray, np.ndarray],
    real: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    seed: int = 0,
) -> Estimate:
    """The mean distance within a class of pictures over that of real photos, with its interval.

    Every class that has pairs on both sides counts the same.

    Args:
      pictures: features, labels and groups, as of `within_classes`.
      real: the same of real photos.
      seed: of the interval.
    """
    classes = np.intersect1d(pictures[1], real[1])
    sides = []
    for features, labels, groups in (pictures, real):
        apart, allowed = _pairs(features, labels, groups)
        sides.append((np.where(allowed, apart, 0), allowed.astype(np.float64), labels))

    def value(*weights: np.ndarray) -> np.ndarray:
        means = [
            _class_means(*side, classes, drawn) for side, drawn in zip(sides, weights, strict=True)
        ]
        defined = np.isfinite(means[0]) & np.isfinite(means[1])
        sums = [np.where(defined, mean, 0).sum(axis=1) for mean in means]
        with np.errstate(invalid="ignore", divide="ignore"):
            return sums[0] / sums[1]

    return bootstrap.statistic(value, (pictures[2], real[2]), seed=seed)


def between_samples(samples: np.ndarray) -> np.ndarray:
    """The mean distance between the samples of each sound.

    Args:
      samples: features float [samples, sounds, size], at least two samples.

    Returns:
      Float [sounds].
    """
    num_samples = len(samples)
    apart = [
        np.linalg.norm(samples[i] - samples[j], axis=1)
        for i in range(num_samples)
        for j in range(i)
    ]
    return np.mean(apart, axis=0)


def _pairs(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distances, and which pairs are of one class and of different groups, [items, items]."""
    groups = np.asarray(groups).astype(str)
    allowed = (labels[:, None] == labels[None]) & (groups[:, None] != groups[None])
    return distances.euclidean(features, features), allowed


def _class_means(
    apart: np.ndarray,
    allowed: np.ndarray,
    labels: np.ndarray,
    classes: np.ndarray,
    weights: np.ndarray,
) -> np.ndarray:
    """Weighted mean distances [draws, classes]; NaN for a class that has no pair in a draw."""
    members = (labels[:, None] == classes[None]).astype(np.float64)
    sums = ((weights @ apart) * weights) @ members
    counts = ((weights @ allowed) * weights) @ members
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums / counts

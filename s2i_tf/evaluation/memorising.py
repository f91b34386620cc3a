"""Does the model give back photos that it was trained on?

For each picture the nearest training photo, in pixels and in the judge's features; photos that the
model has never seen tell how near is usual. A ratio of the medians far below 1 means copies.
Pixels are in [0, 1] and their distance is the root mean square, which a blurred picture makes small
to any photo; features see that it is no copy.
"""

import dataclasses

import numpy as np

from s2i_tf.evaluation import bootstrap, distances
from s2i_tf.evaluation.bootstrap import Estimate

NUM_CLOSEST = 20


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The nearest training photo of each picture.

    Attributes:
      photos: int [pictures].
      distances: float64 [pictures].
    """

    photos: np.ndarray
    distances: np.ndarray


def in_pixels(pictures: np.ndarray, training: np.ndarray) -> Nearest:
    """By root mean square difference of pixels; both uint8 [items, height, width, 3]."""
    photos, apart = distances.nearest(pictures, training)
    return Nearest(photos, apart / 255 / np.sqrt(np.prod(pictures.shape[1:])))


def in_features(pictures: np.ndarray, training: np.ndarray) -> Nearest:
    """By Euclidean distance of the judge's features; both float [items, size]."""
    return Nearest(*distances.nearest(pictures, training))


def median(apart: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> Estimate:
    """The median distance with its interval."""
    return bootstrap.statistic(lambda weights: _medians(apart, weights), [groups], seed=seed)


def median_ratio(
    pictures: tuple[np.ndarray, np.ndarray],
    real: tuple[np.ndarray, np.ndarray],
    *,
    seed: int = 0,
) -> Estimate:
    """The median distance of pictures over that of held-out photos, with its interval.

    Args:
      pictures: distances float [pictures] and groups str [pictures].
      real: the same of photos.
      seed: of the interval.
    """

    def value(picture_weights: np.ndarray, real_weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return _medians(pictures[0], picture_weights) / _medians(real[0], real_weights)

    return bootstrap.statistic(value, (pictures[1], real[1]), seed=seed)


def closest(apart: np.ndarray, num: int = NUM_CLOSEST) -> np.ndarray:
    """The positions of the smallest distances, the smallest first."""
    return np.argsort(apart, kind="stable")[:num]


def _medians(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted medians [draws]; the mean of the two middle ones where they differ."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    reached = np.cumsum(weights[:, order], axis=1)
    half = reached[:, -1:] / 2
    low = np.argmax(reached >= half, axis=1)
    high = np.argmax(reached > half, axis=1)
    found = (ordered[low] + ordered[high]) / 2
    return np.where(reached[:, -1] > 0, found, np.nan)

"""How much like real photos are the pictures, as a set, in the judge's features?

Kernel distance (KID, Bińkowski et al. 2018): the unbiased estimate of the squared maximum mean
discrepancy with the kernel (x·y / size + 1)³, which may fall below 0. Fréchet distance (FID, Heusel
et al. 2017): between two Gaussians; biased upwards by far while there are fewer pictures than
features, so it is only to be read beside that of as many real photos. Improved precision and
recall (Kynkäänniemi et al. 2019): the share of pictures that lie among the real ones, and of real
ones that lie among the pictures, each set's extent being balls that reach to the k-th neighbour.

All of it is NumPy in float64. The features are the judge's, not Inception's, so no figure compares
with one that is published for another net.
"""

import dataclasses

import numpy as np

from s2i_tf.evaluation import bootstrap, distances
from s2i_tf.evaluation.bootstrap import Estimate

NUM_NEIGHBOURS = 3
NUM_SUBSETS = 100
MAX_SUBSET_SIZE = 100


@dataclasses.dataclass(frozen=True)
class KernelDistance:
    """A kernel distance.

    Attributes:
      estimate: of all pictures, its interval by drawing recordings anew.
      subset_mean: of subsets, as it is usually reported.
      subset_std: its standard deviation.
      subset_size: pictures of either side in a subset.
    """

    estimate: Estimate
    subset_mean: float
    subset_std: float
    subset_size: int


def kernel_distance(
    real: np.ndarray,
    pictures: np.ndarray,
    real_groups: np.ndarray,
    picture_groups: np.ndarray,
    *,
    seed: int = 0,
) -> KernelDistance:
    """The kernel distance between two sets, each of at least two.

    Args:
      real: features float64 [photos, size].
      pictures: features [pictures, size].
      real_groups: str [photos], what is drawn anew.
      picture_groups: str [pictures].
      seed: of the draws and subsets.
    """
    within = [_kernel(side, side) for side in (real, pictures)]
    for kernel in within:
        np.fill_diagonal(kernel, 0)
    across = _kernel(real, pictures)

    def distance(real_weights: np.ndarray, picture_weights: np.ndarray) -> np.ndarray:
        weights = (real_weights, picture_weights)
        parts = [_mean_apart(*side) for side in zip(within, weights, strict=True)]
        between = ((real_weights @ across) * picture_weights).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            between /= real_weights.sum(axis=1) * picture_weights.sum(axis=1)
        return parts[0] + parts[1] - 2 * between

    generator = np.random.default_rng(seed)
    size = min(MAX_SUBSET_SIZE, len(real), len(pictures))
    subsets = [
        np.zeros((NUM_SUBSETS, len(real))),
        np.zeros((NUM_SUBSETS, len(pictures))),
    ]
    for side in subsets:
        for row in side:
            row[generator.choice(len(row), size, replace=False)] = 1
    found = distance(*subsets)
    return KernelDistance(
        bootstrap.statistic(distance, (real_groups, picture_groups), seed=seed),
        float(found.mean()),
        float(found.std()),
        size,
    )


def frechet_distance(real: np.ndarray, pictures: np.ndarray) -> float:
    """The squared Fréchet distance between the Gaussians of two sets, each of at least two.

    The trace of the root of the product of the covariances is the sum of the singular values of
    the product of the centred sets, which needs no root of a matrix of the features' size.

    Args:
      real: features float64 [photos, size].
      pictures: features [pictures, size].
    """
    centred = []
    for side in (real, pictures):
        side = np.asarray(side, np.float64)
        centred.append((side - side.mean(axis=0)) / np.sqrt(len(side) - 1))
    means = np.mean(real, axis=0, dtype=np.float64) - np.mean(pictures, axis=0, dtype=np.float64)
    spread = sum(float((side**2).sum()) for side in centred)
    shared = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    return max(float(means @ means + spread - 2 * shared), 0.0)


def precision_and_recall(
    real: np.ndarray, pictures: np.ndarray, k: int = NUM_NEIGHBOURS
) -> tuple[np.ndarray, np.ndarray]:
    """Which pictures lie among the real photos, and which photos among the pictures.

    Args:
      real: features [photos, size].
      pictures: features [pictures, size].
      k: a ball reaches to the k-th nearest other of its own set.

    Returns:
      Bool [pictures], whose mean is the precision, and bool [photos], whose mean is the recall;
      NaN floats where a set has no k others.
    """
    across = distances.euclidean(real, pictures)
    return (
        _covered(across.T, _radii(real, k)),
        _covered(across, _radii(pictures, k)),
    )


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return (one @ other.T / one.shape[1] + 1) ** 3


def _mean_apart(kernel: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean over pairs of different items; the kernel's diagonal is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        num_pairs = weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)
        return ((weights @ kernel) * weights).sum(axis=1) / num_pairs


def _radii(features: np.ndarray, k: int) -> np.ndarray | None:
    if len(features) <= k:
        return None
    apart = distances.euclidean(features, features)
    np.fill_diagonal(apart, 0)
    return np.partition(apart, k, axis=1)[:, k]  # place 0 is the item itself


def _covered(apart: np.ndarray, radii: np.ndarray | None) -> np.ndarray:
    if radii is None:
        return np.full(len(apart), np.nan)
    return (apart <= radii).any(axis=1)

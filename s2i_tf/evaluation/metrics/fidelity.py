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

from typing import Any

import numpy as np

from s2i_tf.evaluation import neighbors, stats
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.class_seen import SYSTEMS
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, Part
from s2i_tf.evaluation.metrics.tabular import Cell, Table, decimal, number, share

NUM_NEIGHBOURS = 3
NUM_SUBSETS = 100
MAX_SUBSET_SIZE = 100
# Of very large sets a part is compared, because all pairs are looked at.
MAX_COMPARED = 2000

ROWS = {**SYSTEMS, "real": "as many training photos"}

# Features, classes and recordings of some pictures.
PictureSet = tuple[np.ndarray, np.ndarray, np.ndarray]


class Fidelity(Metric):
    """Each set of pictures against the real photos of the eval split."""

    heading = "How real are the pictures?"
    short = "Fidelity"

    def measure(self, predictions: Predictions) -> Part:
        sounds, images, seed = predictions.sounds, predictions.images, predictions.seed
        sets: dict[str, PictureSet] = {
            name: (pictures.features, sounds.labels, sounds.groups)
            for name, pictures in predictions.pictures.items()
        }
        if (training := predictions.training) is not None:
            # As many as there are generated pictures, as a Fréchet distance depends on the number.
            part = stats.sample_of(len(training.images), len(sounds), seed)
            photos = training.images
            sets["real"] = training.judged.features[part], photos.labels[part], photos.groups[part]
        part = stats.sample_of(len(images), MAX_COMPARED, seed)
        real = predictions.judged.features[part], images.labels[part], images.groups[part]
        return {
            "num_real": len(part),
            "num_neighbours": NUM_NEIGHBOURS,
            "rows": [
                {"name": name, "title": title, **_compared(sets.get(name), real, predictions)}
                for name, title in ROWS.items()
            ],
        }

    def intro(self, metrics: Metrics) -> str:
        return (
            "All in the judge's features, against the "
            f"{metrics['fidelity']['num_real']} photos of the eval split. KID: squared kernel "
            "distance, less is better, 0 for photos of the same kind; with its spread over "
            "subsets. FID grows as the number of pictures falls, so read it only beside the last "
            "row, which has as many. Precision: share of the pictures that lie among the photos; "
            "recall: share of the photos that lie among the pictures."
        )

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        def cells(row: Part) -> list[Cell]:
            shares = [share((row[name] or {}).get("micro")) for name in ("precision", "recall")]
            return [_kid_cell(row["kid"]), Cell(decimal(row["fid"], 0)), *shares]

        rows = tabular.rows(part["rows"], cells, "n = {num_pictures}")
        return [Table("Fidelity", ["KID", "FID", "precision", "recall"], rows)]


def kernel_distance(
    real: np.ndarray,
    pictures: np.ndarray,
    real_groups: np.ndarray,
    picture_groups: np.ndarray,
    *,
    seed: int = 0,
) -> Part:
    """The kernel distance between two sets, each of at least two.

    Args:
      real: features of the photos, float [photos, size].
      pictures: features of the pictures, float [pictures, size].
      real_groups: str [photos], what is drawn anew.
      picture_groups: str [pictures].
      seed: random seed of the draws and subsets.

    Returns:
      The estimate of all pictures, and beside it what is usually reported: `subset_mean`,
      `subset_std` and `subset_size`, the pictures of either side in a subset.
    """
    within = [_kernel(side, side) for side in (real, pictures)]
    for kernel in within:
        np.fill_diagonal(kernel, 0)
    across = _kernel(real, pictures)

    def distance(real_weights: np.ndarray, picture_weights: np.ndarray) -> np.ndarray:
        weights = (real_weights, picture_weights)
        parts = [_mean_apart(*side) for side in zip(within, weights, strict=True)]
        between = stats.over_pairs(across, *weights)
        between /= real_weights.sum(axis=1) * picture_weights.sum(axis=1)
        return parts[0] + parts[1] - 2 * between

    generator = np.random.default_rng(seed)
    size = min(MAX_SUBSET_SIZE, len(real), len(pictures))
    subsets = [np.zeros((NUM_SUBSETS, len(side))) for side in (real, pictures)]
    for side in subsets:
        for row in side:
            row[generator.choice(len(row), size, replace=False)] = 1
    found = distance(*subsets)
    return {
        **stats.statistic(distance, (real_groups, picture_groups), seed=seed),
        "subset_mean": float(found.mean()),
        "subset_std": float(found.std()),
        "subset_size": size,
    }


def frechet_distance(real: np.ndarray, pictures: np.ndarray) -> float:
    """The squared Fréchet distance between the Gaussians of two sets, each of at least two.

    The trace of the root of the product of the covariances is the sum of the singular values of
    the product of the centred sets, which needs no root of a matrix of the features' size.

    Args:
      real: features of the photos, float [photos, size].
      pictures: features of the pictures, float [pictures, size].
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
      real: features of the photos, float [photos, size].
      pictures: features of the pictures, float [pictures, size].
      k: a ball reaches to the k-th nearest other of its own set.

    Returns:
      Bool [pictures], whose mean is the precision, and bool [photos], whose mean is the recall;
      NaN floats where a set has no k others. Photos of the same features count as one: a ball
      that reaches to a copy would hold nothing. Of pictures it does, as they cover no more.
    """
    across = neighbors.euclidean(real, pictures)
    kept = np.sort(np.unique(real, axis=0, return_index=True)[1])
    return _covered(across[kept].T, real[kept], k), _covered(across, pictures, k)


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return (one @ other.T / one.shape[1] + 1) ** 3


def _mean_apart(kernel: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean over pairs of different items; the kernel's diagonal is 0."""
    num_pairs = weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)
    return stats.over_pairs(kernel, weights, weights) / num_pairs


def _covered(apart: np.ndarray, features: np.ndarray, k: int) -> np.ndarray:
    """Which items are within the balls of a set, of their distances [items, set] to it."""
    if len(features) <= k:
        return np.full(len(apart), np.nan)
    within = neighbors.euclidean(features, features)
    np.fill_diagonal(within, 0)
    radii = np.partition(within, k, axis=1)[:, k]  # place 0 is the item itself
    return (apart <= radii).any(axis=1)


def _compared(
    pictures: PictureSet | None, real: PictureSet, predictions: Predictions
) -> dict[str, Any]:
    found = {"num_pictures": 0, "kid": None, "fid": None, "precision": None, "recall": None}
    if pictures is None:
        return found
    seed, class_names = predictions.seed, predictions.class_names
    part = stats.sample_of(len(pictures[0]), MAX_COMPARED, seed)
    features, labels, groups = (column[part] for column in pictures)
    found["num_pictures"] = len(features)
    if min(len(features), len(real[0])) < 2:
        return found
    within, covered = precision_and_recall(real[0], features)

    def share_of(inside: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> stats.Rate:
        return stats.rates({"": inside}, labels, groups, class_names=class_names, seed=seed)[""]

    return found | {
        "kid": kernel_distance(real[0], features, real[2], groups, seed=seed),
        "fid": frechet_distance(real[0], features),
        "precision": share_of(within, labels, groups),
        "recall": share_of(covered, real[1], real[2]),
    }


def _kid_cell(kid: Part | None) -> Cell:
    if kid is None:
        return number(None)
    spread = f"{kid['subset_mean']:.4f} ± {kid['subset_std']:.4f} of {kid['subset_size']}"
    return number(kid, 4, spread)

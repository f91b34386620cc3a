"""Does the picture follow what is heard, beyond the class? On the embedded data set alone.

There every sound has known latent causes (how near, how high, how many), and a measure of each can
be taken from a picture (`s2i_tf.data.foley.measures`). What counts is the rank correlation between
a cause of the sound and its measure in the generated picture, among sounds of one class; the
measure in the real picture shows what can be reached, and the one in the sound what can be heard.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from s2i_tf.data import foley
from s2i_tf.evaluation import bootstrap
from s2i_tf.evaluation.bootstrap import Estimate

CAUSE_COLUMN = "cause_"


@dataclasses.dataclass(frozen=True)
class Cause:
    """One cause of one class, for the items that have it.

    Attributes:
      class_name: the class.
      name: of the cause.
      items: int [items], positions of the sounds.
      values: float [items], the cause itself, in [0, 1].
    """

    class_name: str
    name: str
    items: np.ndarray
    values: np.ndarray


def causes_of(rows: Sequence[Mapping[str, str]], class_names: Sequence[str]) -> list[Cause]:
    """The causes of sounds.

    Args:
      rows: of each sound, its row of the data set's `index.csv`; empty where it has none.
      class_names: of each sound.

    Returns:
      None for what is not of the embedded data set.
    """
    found = []
    for class_name in sorted(set(class_names) & set(foley.CLASSES)):
        for cause in foley.CAUSES[class_name]:
            column = f"{CAUSE_COLUMN}{cause.name}"
            items = [
                index
                for index, (row, name) in enumerate(zip(rows, class_names, strict=True))
                if name == class_name and row.get(column) and row.get("source") == foley.SOURCE
            ]
            if items:
                values = np.array([float(rows[index][column]) for index in items])
                found.append(Cause(class_name, cause.name, np.array(items), values))
    return found


def measured_in_pictures(causes: Sequence[Cause], pictures: np.ndarray) -> list[np.ndarray]:
    """The measure of each cause in the pictures of its sounds, float [items] each.

    Args:
      causes: as of `causes_of`.
      pictures: uint8 [sounds, height, width, 3].
    """
    found: dict[int, Mapping[str, float]] = {}
    for cause in causes:
        for item in cause.items:
            if item not in found:
                found[item] = foley.measure_picture(cause.class_name, pictures[item])
    return [np.array([found[item][cause.name] for item in cause.items]) for cause in causes]


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's, equal values sharing their ranks; NaN where one side is constant."""
    if len(one) < 2:
        return float("nan")
    ranks = [_centred_ranks(values) for values in (one, other)]
    scale = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float((ranks[0] * ranks[1]).sum() / scale) if scale else float("nan")


def pooled(
    causes: Sequence[Cause],
    measured: Sequence[np.ndarray],
    groups: np.ndarray,
    *,
    seed: int = 0,
) -> Estimate:
    """The rank correlation of all causes together, with its interval.

    The ranks are those within a cause of a class, so that no class and no cause can make it.

    Args:
      causes: as of `causes_of`.
      measured: of each cause, float [items].
      groups: str [sounds].
      seed: of the interval.
    """
    ranks, items = [], []
    for cause, values in zip(causes, measured, strict=True):
        if len(cause.items) > 1:
            both = [_centred_ranks(side) / len(cause.items) for side in (cause.values, values)]
            ranks.append(np.stack(both))
            items.append(cause.items)
    if not ranks:
        return Estimate(float("nan"), float("nan"), float("nan"))
    one, other = np.concatenate(ranks, axis=1)
    chosen = np.concatenate(items)

    def value(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return (weights @ (one * other)) / np.sqrt((weights @ one**2) * (weights @ other**2))

    return bootstrap.statistic(value, [np.asarray(groups)[chosen]], seed=seed)


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks less their mean; equal values have the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts + 1) / 2
    ranks = mean_ranks[place.reshape(-1)]
    return ranks - ranks.mean()

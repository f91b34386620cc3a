"""Do two sounds of a class get different pictures, and one sound different samples?

What tells a generator from a table of one picture a class. The distance is Euclidean in the
judge's features, between pictures of two recordings of a class; real photos give the scale.
"""

import itertools
from typing import Any

import numpy as np

from s2i_tf.evaluation import neighbors, stats
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.class_seen import SYSTEMS
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, Part
from s2i_tf.evaluation.metrics.tabular import Table, number

# Of one class: the distances between items, and which pairs are of different groups.
ClassPairs = tuple[np.ndarray, np.ndarray, np.ndarray]


class Diversity(Metric):
    """Distance between two pictures of one class, over that between two photos of it.

    In the judge's features, the pictures of different recordings. Two samples of one sound are of
    the same two draws of noise for all sounds.
    """

    heading = "How various are the pictures?"
    short = "Diversity"

    def measure(self, predictions: Predictions) -> Part:
        sounds, images = predictions.sounds, predictions.images
        real = pairs_by_class(predictions.judged.features, images.labels, images.groups)
        real_means = means_by_class(real)
        groups, rows = (sounds.groups, images.groups), []
        for name, title in SYSTEMS.items():
            row: dict[str, Any] = {"name": name, "title": title, "ratio": None, "per_class": {}}
            if name in predictions.pictures:
                features = predictions.pictures[name].features
                pairs = pairs_by_class(features, sounds.labels, sounds.groups)
                row["ratio"] = ratio(pairs, real, groups, seed=predictions.seed)
                row["per_class"] = {
                    predictions.class_names[label]: mean / real_means[label]
                    for label, mean in means_by_class(pairs).items()
                    if real_means.get(label)
                }
            rows.append(row)
        scale = float(np.mean(list(real_means.values()))) if real_means else None
        return {"real_distance": scale, "rows": rows, "samples": _samples(predictions, scale)}

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        rows = tabular.rows(part["rows"], lambda row: [number(row["ratio"])])
        samples = part["samples"]
        if samples is None:
            reason = metrics["missing"].get("samples", "there are none")
            between = f"Between samples of one sound: {reason}."
        else:
            ratio = number(samples["ratio"])
            between = (
                f"Between {samples['num_samples']} samples of one sound the distance is "
                f"{ratio.text} ({''.join(ratio.notes)}) of that between real photos of a class."
            )
        return [Table("Diversity", ["of the photos' distance"], rows, after=between)]


def pairs_by_class(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> dict[int, ClassPairs]:
    """The pairs of items of one class and of different groups, by label.

    Args:
      features: float [items, size].
      labels: int [items], the classes.
      groups: str [items], the recordings.

    Returns:
      For each class its items int [own], their distances float64 [own, own], 0 where a pair does
      not count, and which pairs count, float64 [own, own].
    """
    groups = np.asarray(groups).astype(str)
    found = {}
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        allowed = groups[own, None] != groups[None, own]
        apart = neighbors.euclidean(features[own], features[own])
        found[int(label)] = own, np.where(allowed, apart, 0), allowed.astype(np.float64)
    return found


def means_by_class(pairs: dict[int, ClassPairs]) -> dict[int, float]:
    """The mean distance of the pairs that count, by label; classes without any are left out."""
    return {
        label: float(apart.sum() / allowed.sum())
        for label, (_, apart, allowed) in pairs.items()
        if allowed.any()
    }


def ratio(
    pictures: dict[int, ClassPairs],
    real: dict[int, ClassPairs],
    groups: tuple[np.ndarray, np.ndarray],
    *,
    seed: int = 0,
) -> stats.Estimate:
    """The mean distance within a class of pictures over that of real photos, with its interval.

    Every class that has pairs on both sides counts the same.

    Args:
      pictures: pairs of the pictures by label, as `pairs_by_class` gives them.
      real: pairs of the real photos by label.
      groups: the recordings of the pictures and of the photos, str [items] each.
      seed: random seed of the interval.
    """
    classes = sorted(set(pictures) & set(real))

    def means(pairs: dict[int, ClassPairs], weights: np.ndarray) -> np.ndarray:
        found = []
        for label in classes:
            own, apart, allowed = pairs[label]
            drawn = weights[:, own]
            sums, counts = (stats.over_pairs(side, drawn, drawn) for side in (apart, allowed))
            found.append(sums / counts)
        return np.stack(found, axis=1) if found else np.full((len(weights), 1), np.nan)

    def value(*weights: np.ndarray) -> np.ndarray:
        both = [means(side, drawn) for side, drawn in zip((pictures, real), weights, strict=True)]
        defined = np.isfinite(both[0]) & np.isfinite(both[1])
        sums = [np.where(defined, side, 0).sum(axis=1) for side in both]
        return sums[0] / sums[1]

    return stats.statistic(value, groups, seed=seed)


def between_samples(samples: np.ndarray) -> np.ndarray:
    """The mean distance between the samples of each sound.

    Args:
      samples: features float [samples, sounds, size], at least two samples.

    Returns:
      Float [sounds].
    """
    samples = np.asarray(samples, np.float64)
    pairs = itertools.combinations(samples, 2)
    return np.mean([np.linalg.norm(one - other, axis=1) for one, other in pairs], axis=0)


def _samples(predictions: Predictions, scale: float | None) -> dict[str, Any] | None:
    """The mean distance between samples of one sound, over the real distance within a class."""
    if predictions.samples is None:
        return None
    apart = between_samples(predictions.samples)
    apart = apart / (np.nan if scale is None else scale)
    return {
        "num_samples": len(predictions.samples),
        "ratio": stats.mean(apart, predictions.sounds.groups, seed=predictions.seed),
    }

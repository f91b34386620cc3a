"""Similarity in the space of a net that embeds sounds and pictures alike, as the field measures it.

Of paired vectors: the mean cosine; the z-score, (own cosine − mean) / standard deviation over the
cosines of the same sound with the pictures of all other recordings; and the rank, the share of
these pictures that score below the own one, ties counting half (chance 0.5, published times 100).
The audio-image similarity compares sounds with pictures, the image-image similarity photos with the
pictures made for them. Recall at k: whether the class is among the k class names nearest to the
picture.

Cosines that differ by no more than the rounding of float32 vectors are tied. Where those with all
other pictures are, as of a model that draws but one picture, there is no z.
"""

import numpy as np

from s2i_tf.evaluation import neighbors, stats
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.metric import ONE_CLASS, Metric, Metrics, NotMeasured, Part
from s2i_tf.evaluation.metrics.tabular import Cell, Table, number, share

RECALL_KS = (1, 5, 10)


class AudioImageSimilarity(Metric):
    """Mean cosine of the vectors of sound and picture, beside those of all other pictures.

    z: how many standard deviations it lies above them; rank: share of the other pictures that score
    below the own one, chance 50 %.
    """

    heading = "Is the picture near to its sound?"
    short = "Audio-image similarity"
    sides = ("sounds", "pictures")
    titles = {
        "generated": "picture of the sound",
        "shuffled": "shuffled: picture of any other sound",
        "real": "photo of the pair",
    }

    def measure(self, predictions: Predictions) -> Part:
        vectors = [_embedded(predictions, side) for side in self.sides]
        groups, seed = predictions.sounds.groups, predictions.seed
        if len(set(groups)) < 2:
            raise NotMeasured("one recording has no others to compare with")
        rows = {"generated": compared(*vectors, groups, seed=seed)}
        cosines = _others(cosine(*vectors), groups)
        others = stats.of_all_pairs(np.nanmean(cosines, axis=1), np.nanmean(cosines, axis=0))
        rows["shuffled"] = {
            "cosine": stats.mean(others, groups, seed=seed),
            "z": {**stats.NOTHING, "value": 0.0},
            "rank": {**stats.NOTHING, "value": 0.5},
        }
        if "photos" in predictions.embeddings and "photos" not in self.sides:
            photos = predictions.embeddings["photos"]
            rows["real"] = compared(vectors[0], photos, groups, seed=seed)
        return {
            "num_pairs": len(groups),
            "rows": [
                {"name": name, "title": self.titles[name], **row} for name, row in rows.items()
            ],
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        def cells(row: Part) -> list[Cell]:
            return [number(row["cosine"], 3), number(row["z"]), share(row["rank"], 0.5)]

        rows = tabular.rows(part["rows"], cells)
        return [Table(self.short, ["cosine", "z", "rank"], rows, legend="chance")]

    def warnings(self, part: Part) -> list[str]:
        return [
            f"{self.short} has no z of the {row['title']}: the others are all alike, or but one."
            for row in part["rows"]
            if row["z"]["value"] is None
        ]


class ImageImageSimilarity(AudioImageSimilarity):
    """IIS: the same between the photo of a pair and the picture made for it."""

    heading = "Is the picture near to its photo?"
    short = "Image-image similarity"
    sides = ("photos", "pictures")
    titles = {
        "generated": "picture of the sound, and the photo of its pair",
        "shuffled": "shuffled: picture of any other sound",
    }


class ClassNameRecall(Metric):
    """R@k: is the class among the k class names nearest to the picture?"""

    heading = "Do the class names find the picture?"
    short = "Recall of class names"

    def measure(self, predictions: Predictions) -> Part:
        names = _embedded(predictions, "classes")
        ks = [k for k in RECALL_KS if k < len(names)]
        if not ks:
            raise NotMeasured(ONE_CLASS)
        hits = {
            (name, k): found
            for name, side in (("generated", "pictures"), ("real", "photos"))
            if side in predictions.embeddings
            for k, found in _hits(predictions, side, names, ks).items()
        }
        rates = predictions.rates(hits, predictions.sounds)
        titles = {"generated": "picture of the sound", "real": "photo of the pair"}
        return {
            "num_classes": len(names),
            "chance": {str(k): k / len(names) for k in ks},
            "rows": [
                {"name": name, "title": title, "recall": {str(k): rates[name, k] for k in ks}}
                for name, title in titles.items()
                if (name, ks[0]) in rates
            ],
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        def cells(row: Part) -> list[Cell]:
            return [share(row["recall"][k]["micro"], value) for k, value in part["chance"].items()]

        rows = tabular.rows(part["rows"], cells)
        return [Table(self.short, [f"top {k}" for k in part["chance"]], rows, legend="chance")]


def compared(
    one: np.ndarray, other: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> dict[str, stats.Estimate]:
    """The mean cosine, z-score and rank of paired vectors, with their intervals.

    Args:
      one: vectors [pairs, size], each compared with all of the others.
      other: vectors [pairs, size].
      groups: [pairs], at least two: what is drawn anew for the intervals; pairs of one group are no
        others.
      seed: random seed of the intervals.
    """
    cosines = cosine(one, other)
    own, rest = np.diag(cosines), _others(cosines, groups)
    z = np.full(len(own), np.nan)
    vary = np.nanmax(rest, axis=1) - np.nanmin(rest, axis=1) > neighbors.TIE
    z[vary] = (own[vary] - np.nanmean(rest[vary], axis=1)) / np.nanstd(rest[vary], axis=1)
    num_below, num_tied = _below_and_tied(own[:, None], rest)
    num_others = np.isfinite(rest).sum(axis=1)
    columns = {"cosine": own, "z": z, "rank": (num_below + num_tied / 2) / num_others}
    return {name: stats.mean(values, groups, seed=seed) for name, values in columns.items()}


def cosine(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cosines float64 [ones, others] of two sets of vectors; that of a zero vector is 0."""
    sides = []
    for vectors in (one, other):
        vectors = np.asarray(vectors, np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        sides.append(vectors / np.where(lengths > 0, lengths, 1))
    return sides[0] @ sides[1].T


def _others(cosines: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The cosines with pairs of other groups; NaN in the place of the rest."""
    groups = np.asarray(groups)
    return np.where(groups[:, None] == groups, np.nan, cosines)


def _hits(
    predictions: Predictions, side: str, names: np.ndarray, ks: list[int]
) -> dict[int, np.ndarray]:
    """Whether the class is among the k nearest names, by k; names that tie share the places."""
    scores = cosine(predictions.embeddings[side], names)
    own = scores[np.arange(len(scores)), predictions.sounds.labels][:, None]
    num_below, num_tied = _below_and_tied(own, scores)
    num_above = len(names) - num_below - num_tied
    return {k: np.clip((k - num_above) / num_tied, 0, 1) for k in ks}


def _below_and_tied(own: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many cosines [pairs, others] are below that of the pair [pairs, 1], and how many tie."""
    tied = np.abs(others - own) <= neighbors.TIE
    return ((others < own) & ~tied).sum(axis=1), tied.sum(axis=1)


def _embedded(predictions: Predictions, side: str) -> np.ndarray:
    if side not in predictions.embeddings:
        raise NotMeasured(f"no embeddings of the {side} were given")
    return predictions.embeddings[side]

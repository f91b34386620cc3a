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
from s2i_tf.evaluation import stats
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, NotMeasured, Part
from s2i_tf.evaluation.metrics.tabular import Cell, Row, Table, decimal, number

CAUSE_COLUMN = "cause_"
NO_CAUSES = "only the embedded data set knows the causes of a sound"

_SIDES = ("generated", "real")


class CauseCorrelation(Metric):
    """Rank correlation between a latent cause of the sound and its measure in the picture.

    Among sounds of one class; that in the real picture is what can be reached. The worst first.
    """

    heading = "Do the pictures follow the sound within a class?"
    short = "Cause correlation"

    def measure(self, predictions: Predictions) -> Part:
        sounds = predictions.sounds
        rows = [predictions.index.get(str(sound_id), {}) for sound_id in sounds.ids]
        causes = causes_of(rows, predictions.names)
        if not causes:
            raise NotMeasured(NO_CAUSES)
        pictures = {
            "generated": predictions.generated.pictures,
            "real": predictions.images.pictures[predictions.photo_of_sound],
        }
        measured = {name: measured_in_pictures(causes, pictures[name]) for name in _SIDES}
        return {
            "num_sounds": len(set(np.concatenate([cause.items for cause in causes]))),
            "pooled": {
                name: pooled(causes, values, sounds.groups, seed=predictions.seed)
                for name, values in measured.items()
            },
            "rows": [
                {
                    "class_name": cause.class_name,
                    "cause": cause.name,
                    "num_sounds": len(cause.items),
                    **{
                        name: rank_correlation(cause.values, values[place])
                        for name, values in measured.items()
                    },
                }
                for place, cause in enumerate(causes)
            ],
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        pooled_row = [number(part["pooled"][name]) for name in _SIDES]
        rows = [Row("All together", pooled_row, kind="main")]
        rows += [
            Row(
                f"{row['class_name']}: {row['cause']}",
                [Cell(decimal(row[name])) for name in _SIDES],
                detail=f"n = {row['num_sounds']}",
            )
            for row in sorted(
                part["rows"], key=lambda row: -2 if row["generated"] is None else row["generated"]
            )
        ]
        return [Table("Cause correlation", _SIDES, rows)]


@dataclasses.dataclass(frozen=True)
class Cause:
    """One cause of one class, for the items that have it.

    Attributes:
      class_name: the class.
      name: what varies, such as `near`.
      items: int [items], positions of the sounds.
      values: float [items], the cause itself, in [0, 1].
    """

    class_name: str
    name: str
    items: np.ndarray
    values: np.ndarray


def causes_of(rows: Sequence[Mapping[str, str]], class_names: Sequence[str]) -> list[Cause]:
    """The causes of sounds; none for those that are not of the embedded data set.

    Args:
      rows: for each sound its row of the data set's `index.csv`; empty where it has none.
      class_names: the class of each sound.
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
      causes: the causes of the sounds, as `causes_of` gives them.
      pictures: uint8 [sounds, height, width, 3].
    """
    class_of = {item: cause.class_name for cause in causes for item in cause.items}
    found = {item: foley.measure_picture(name, pictures[item]) for item, name in class_of.items()}
    return [np.array([found[item][cause.name] for item in cause.items]) for cause in causes]


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's, equal values sharing their ranks; None where one side is constant."""
    ranks = [_centred_ranks(values) for values in (one, other)]
    scale = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float((ranks[0] * ranks[1]).sum() / scale) if scale else None


def pooled(
    causes: Sequence[Cause],
    measured: Sequence[np.ndarray],
    groups: np.ndarray,
    *,
    seed: int = 0,
) -> stats.Estimate:
    """The rank correlation of all causes together, with its interval.

    The ranks are those within a cause of a class, so that no class and no cause can make it.

    Args:
      causes: the causes of the sounds, as `causes_of` gives them.
      measured: the measure of each cause in its pictures, float [items] each.
      groups: str [sounds], the recordings.
      seed: random seed of the interval.
    """
    ranks, items = [], []
    for cause, values in zip(causes, measured, strict=True):
        if len(cause.items) > 1:
            both = [_centred_ranks(side) / len(cause.items) for side in (cause.values, values)]
            ranks.append(np.stack(both))
            items.append(cause.items)
    if not ranks:
        return dict(stats.NOTHING)
    one, other = np.concatenate(ranks, axis=1)
    chosen = np.concatenate(items)

    def value(weights: np.ndarray) -> np.ndarray:
        return (weights @ (one * other)) / np.sqrt((weights @ one**2) * (weights @ other**2))

    return stats.statistic(value, [np.asarray(groups)[chosen]], seed=seed)


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks less their mean; equal values have the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts + 1) / 2
    ranks = mean_ranks[place]
    return ranks - ranks.mean()

"""Is the class heard in the sound? What any generator can know of it.

A linear probe on the sound features that the model is given, fitted on the training sounds, names
the class of each. Collections of sounds and classes are partly confounded, so its accuracy stands
by collection too, beside that of a probe that heard nothing of the collection.
"""

from typing import Any

import numpy as np

from s2i_tf.data import splits
from s2i_tf.evaluation import probes, stats
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics.class_seen import confusion
from s2i_tf.evaluation.metrics.metric import (
    Metric,
    Metrics,
    NotMeasured,
    Part,
    not_learnt,
    uncounted,
    uncounted_warning,
)
from s2i_tf.evaluation.metrics.tabular import Row, Table, rate, share
from s2i_tf.evaluation.source_folds import MAX_FOLDS

NOT_LEARNT = "the training sounds have none of these classes, or but one class"


class ClassHeard(Metric):
    """A linear probe on the sound features, fitted on the training sounds, names the class.

    No generator can show more than is heard. What is of a class that the training sounds do not
    have is not counted.
    """

    heading = "Is the class heard in the sound?"
    short = "Class heard"

    def measure(self, predictions: Predictions) -> Part:
        if predictions.training is None:
            raise NotMeasured(predictions.no_training)
        sounds, probe = predictions.sounds, predictions.training.class_heard
        named, num_choices = probe.predict(sounds.features), probe.num_choices(sounds.labels)
        counted = num_choices > 0
        if not counted.any():
            raise NotMeasured(not_learnt(predictions, NOT_LEARNT))
        right = probes.right(named, sounds.labels, num_choices)
        num_classes = len(predictions.class_names)
        return {
            "probe": probe.described(),
            "accuracy": predictions.rates({"": right}, sounds)[""],
            "uncounted": uncounted(predictions, sounds=counted),
            "confusion": confusion(sounds.labels[counted], named[counted], num_classes),
            "by_source": _by_source(predictions, right),
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        chance = 1 / part["probe"]["num_classes"]
        num_sounds = metrics["data"]["splits"]["eval"]["num_sounds"]
        num_sounds -= part["uncounted"]["num_sounds"]
        cells = rate(part["accuracy"], chance)
        row = Row("Heard: a probe on the sound's own features", cells, f"n = {num_sounds}")
        tables = [Table("Class heard", ["all", "macro"], [row], legend="chance")]
        if part["by_source"]:
            rows = [
                Row(
                    row["source"],
                    [share(row["accuracy"]), share(row["left_out"])],
                    detail=f"n = {row['num_sounds']}, left out {row['num_left_out']}",
                )
                for row in part["by_source"]
            ]
            tables.append(
                Table(
                    "Class heard, by collection",
                    ["class heard", "collection left out"],
                    rows,
                    brief=(),  # there can be dozens
                    before="By the collection that a sound is from. Collections and classes are "
                    "partly confounded: the last column has a probe that heard nothing of that "
                    "collection (and, where there are many, of some others), on the sounds whose "
                    "class it knows from another one.",
                )
            )
        return tables

    def warnings(self, part: Part) -> list[str]:
        why = "no training sound is of their class"
        return uncounted_warning(self.short, part["uncounted"], why)

    def rates(self, part: Part) -> dict[str, stats.Rate]:
        return {"class heard": part["accuracy"]}


def _by_source(predictions: Predictions, heard: np.ndarray) -> list[dict[str, Any]]:
    """The accuracy on each collection's sounds, and when the probe heard nothing of it.

    Args:
      predictions: of the sounds.
      heard: whether the class of each is, float [sounds].
    """
    sounds = predictions.sounds
    right = {"accuracy": heard, "left_out": _left_out(predictions)}
    found = []
    for source in sorted(set(sounds.sources) - {""}):
        own = sounds.sources == source
        rates = stats.rates(
            {name: values[own] for name, values in right.items()},
            sounds.labels[own],
            sounds.groups[own],
            seed=predictions.seed,
        )
        found.append(
            {
                "source": str(source),
                "num_sounds": int(own.sum()),
                "num_left_out": int(np.isfinite(right["left_out"][own]).sum()),
                **{name: rate["micro"] for name, rate in rates.items()},
            }
        )
    return found


def _left_out(predictions: Predictions) -> np.ndarray:
    """Whether each sound is named by a probe that heard nothing of its collection.

    Up to `MAX_FOLDS` collections are left out alone, more some at a time.

    Returns:
      Float [sounds]; NaN where the collection is not known, or no other one has the class, or has
      no class but this.
    """
    training, sounds = predictions.training.sounds, predictions.sounds
    right = np.full(len(sounds), np.nan)
    collections = np.unique(sounds.sources[sounds.sources != ""]).tolist()
    folds = splits.folds(collections, MAX_FOLDS, f"{predictions.seed}/sources")
    for fold in np.unique(folds):
        left_out = np.array(collections)[folds == fold]
        # A training sound whose collection is not known could be of these.
        known = training.sources != ""
        others = np.flatnonzero(known & ~np.isin(training.sources, left_out))
        if not 0 < len(others) < len(training):
            continue
        own = np.isin(sounds.sources, left_out) & np.isin(sounds.labels, training.labels[others])
        if own.any():
            without = probes.fit(
                training.features[others],
                training.labels[others],
                training.groups[others],
                penalty=predictions.training.class_heard.penalty,
            )
            right[own] = without.right(sounds.features[own], sounds.labels[own])
    return right

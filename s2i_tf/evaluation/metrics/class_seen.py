"""Is the class seen in the picture?

A linear probe on the judge's features, fitted on training photos, names the class of each picture.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from s2i_tf.evaluation import baselines, probes, stats
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.metric import (
    Metric,
    Metrics,
    NotMeasured,
    Part,
    not_learnt,
    part_rows,
    uncounted,
    uncounted_warning,
)
from s2i_tf.evaluation.metrics.tabular import Headline, Table, percent, rate, row_named, verdict
from s2i_tf.evaluation.report import charts

SYSTEMS = {"generated": "picture of the sound", **baselines.TITLES}
ROWS = {**SYSTEMS, "rebuilt": "picture of a photo's own features", "real": "real photo"}
# The sets of pictures by what they are made of, or are.
_SETS = {"sounds": (*SYSTEMS,), "images": ("rebuilt", "real")}
_CONFUSIONS = {"generated": "sounds", "real": "images"}

NOT_LEARNT = "no probe could learn the class of any, and tell it from another, by other photos"


class ClassSeen(Metric):
    """A linear probe on the judge's features names the class of each picture.

    It is a multinomial logistic regression, fitted on training photos at the size of the
    pictures. What is of a class that it could not learn from these is not counted.
    """

    heading = "Is the class seen in the picture?"
    short = "Class seen"
    chart_files = ("confusion.png",)

    def measure(self, predictions: Predictions) -> Part:
        probe, named, choices = _named(predictions)
        counted = {side: num > 0 for side, num in choices.items()}
        if not counted["sounds"].any():
            raise NotMeasured(not_learnt(predictions, NOT_LEARNT))
        rates, nums = {}, {}
        for side, names in _SETS.items():
            items = getattr(predictions, side)
            right = {name: np.full(len(items), np.nan) for name in names}
            for name in [name for name in names if name in named]:
                right[name] = probes.right(named[name], items.labels, choices[side])
            rates |= predictions.rates(right, items)
            nums |= {name: int(np.isfinite(values).sum()) for name, values in right.items()}
        shown = {name: ROWS[name] for name in ROWS if name in named or name in SYSTEMS}
        return {
            "probe": probe,
            "chance": float(np.mean(1 / choices["sounds"][counted["sounds"]])),
            "rows": part_rows(shown, num_items=nums, accuracy=rates),
            "uncounted": uncounted(predictions, **counted),
            "confusion": {
                "class_names": list(predictions.class_names),
                **{
                    name: confusion(
                        getattr(predictions, side).labels[counted[side]],
                        named[name][counted[side]],
                        len(predictions.class_names),
                    )
                    for name, side in _CONFUSIONS.items()
                },
            },
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        rows = tabular.rows(
            part["rows"], lambda row: rate(row["accuracy"], part["chance"]), "n = {num_items}"
        )
        return [Table("Class seen", ["all", "macro"], rows, legend="chance")]

    def charts(self, part: Part, metrics: Metrics) -> list[Figure]:
        return [charts.confusion(part)]

    def headlines(self, part: Part, metrics: Metrics) -> list[Headline]:
        estimate, real = (
            row_named(part["rows"], name)["accuracy"]["macro"] for name in ("generated", "real")
        )
        sentence = (
            f"A linear probe names the class of {percent(estimate['value'])} of the pictures, "
            f"every class counting the same: {verdict(estimate, part['chance'], 'chance')}. "
            f"It names that of {percent(real['value'])} of real photos"
        )
        if heard := metrics.get("class_heard"):
            value = heard["accuracy"]["macro"]["value"]
            sentence += f", and a probe on the sounds that of {percent(value)}"
        title = "The class is seen in the picture"
        return [Headline(title, estimate, part["chance"], None, f"{sentence}.")]

    def warnings(self, part: Part) -> list[str]:
        why = "no probe could learn their class, and tell it from another, by other photos"
        return uncounted_warning(self.short, part["uncounted"], why)

    def rates(self, part: Part) -> dict[str, stats.Rate]:
        return {"class seen": row_named(part["rows"], "generated")["accuracy"]}


def confusion(labels: np.ndarray, named: np.ndarray, num_classes: int) -> list[list[int]]:
    """Counts [classes, classes]: a row for each true class, a column for each that was named."""
    places = labels.astype(np.int64) * num_classes + named
    return np.bincount(places, minlength=num_classes**2).reshape(num_classes, -1).tolist()


def _named(
    predictions: Predictions,
) -> tuple[Part, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What the probe is, and the classes that it names in each set of pictures.

    Last, of how many classes it names one of the picture of each of the `sounds`, and of each of
    the `images`, see `LinearProbe.num_choices`.
    """
    judged = {**predictions.pictures, "rebuilt": predictions.rebuilt, "real": predictions.judged}
    judged = {name: one for name, one in judged.items() if one is not None}
    labels = {side: getattr(predictions, side).labels for side in _SETS}
    named = {name: np.zeros(len(one.labels), int) for name, one in judged.items()}
    choices = {side: np.zeros(len(own), int) for side, own in labels.items()}
    found = _probes(predictions)
    for probe, rows_of in found:
        for side, names in _SETS.items():
            rows = rows_of[side]
            if not len(labels[side][rows]):
                continue  # photos whose pictures are copies, which go with other photos
            choices[side][rows] = probe.num_choices(labels[side][rows])
            for name in judged.keys() & set(names):
                named[name][rows] = probe.predict(judged[name].features[rows])
    num_classes = len(np.unique(np.concatenate([probe.classes for probe, _ in found])))
    return probe.described() | {"num_classes": num_classes}, named, choices


def _probes(predictions: Predictions) -> list[tuple[probes.LinearProbe, Mapping[str, Any]]]:
    """The probes, each with the rows of the `sounds` and of the `images` that it names.

    One that is fitted on training photos names all. Of those that are fitted on the photos
    themselves, each names the photos that it did not see, and their pictures.
    """
    if not predictions.photos_teach:
        if predictions.training is None:
            raise NotMeasured(predictions.no_training)
        return [(predictions.training.class_seen, dict.fromkeys(_SETS, slice(None)))]
    photos, features = predictions.images, predictions.judged.features
    fold_of = probes.folds_by_class(photos.groups, photos.labels, predictions.seed)
    if len(np.unique(fold_of)) < 2:
        raise NotMeasured("there are too few photos to fit a probe and to try it")
    found = []
    for fold in np.unique(fold_of):
        held_out, rest = fold_of == fold, fold_of != fold
        probe = probes.fit(
            features[rest], photos.labels[rest], photos.groups[rest], seed=predictions.seed
        )
        rows_of = {"sounds": held_out[predictions.photo_of_sound], "images": held_out}
        found.append((probe, rows_of))
    return found

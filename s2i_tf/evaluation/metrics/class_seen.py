"""Is the class seen in the picture?

A linear probe on the judge's features, fitted on training photos, names the class of each picture.
"""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from s2i_tf.evaluation import baselines, probes, stats
from s2i_tf.evaluation.inputs import Items, Predictions
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, NotMeasured, Part
from s2i_tf.evaluation.metrics.tabular import Headline, Table, percent, rate, row_named, verdict
from s2i_tf.evaluation.report import charts

SYSTEMS = {"generated": "picture of the sound", **baselines.TITLES}
ROWS = {**SYSTEMS, "rebuilt": "picture of a photo's own features", "real": "real photo"}


class ClassSeen(Metric):
    """A linear probe on the judge's features names the class of each picture.

    It is a multinomial logistic regression, fitted on training photos at the size of the
    pictures.
    """

    heading = "Is the class seen in the picture?"
    short = "Class seen"
    chart_files = ("confusion.png",)

    def measure(self, predictions: Predictions) -> Part:
        sounds, images = predictions.sounds, predictions.images
        probe, named = _named(predictions)
        of_sounds = {name: named.get(name) for name in SYSTEMS}
        of_photos = {name: named[name] for name in ("rebuilt", "real") if name in named}
        rates = _accuracies(predictions, of_sounds, sounds)
        rates |= _accuracies(predictions, of_photos, images)
        num_classes = len(predictions.class_names)
        return {
            "probe": probe,
            "chance": 1 / probe["num_classes"],
            "rows": [
                {
                    "name": name,
                    "title": title,
                    "num_items": len(images if name in of_photos else sounds),
                    "accuracy": rates[name],
                }
                for name, title in ROWS.items()
                if name in rates
            ],
            "confusion": {
                "class_names": list(predictions.class_names),
                "generated": confusion(sounds.labels, named["generated"], num_classes),
                "real": confusion(images.labels, named["real"], num_classes),
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

    def rates(self, part: Part) -> dict[str, stats.Rate]:
        return {"class seen": row_named(part["rows"], "generated")["accuracy"]}


def confusion(labels: np.ndarray, named: np.ndarray, num_classes: int) -> list[list[int]]:
    """Counts [classes, classes]: a row for each true class, a column for each that was named."""
    places = labels.astype(np.int64) * num_classes + named
    return np.bincount(places, minlength=num_classes**2).reshape(num_classes, -1).tolist()


def _named(predictions: Predictions) -> tuple[Part, dict[str, np.ndarray]]:
    """What the probe is, and the classes that it names in each set of pictures."""
    if predictions.photos_teach:
        return _cross_named(predictions)
    if predictions.training is None:
        raise NotMeasured(predictions.no_training)
    probe = predictions.training.class_seen
    judged = {**predictions.pictures, "rebuilt": predictions.rebuilt, "real": predictions.judged}
    return probe.described(), {name: probe.predict(one.features) for name, one in judged.items()}


def _cross_named(predictions: Predictions) -> tuple[Part, dict[str, np.ndarray]]:
    """The same by probes on the photos, each photo and its picture by one that did not see it."""
    photos, own = predictions.images, predictions.photo_of_sound
    fold_of = probes.folds(photos.groups, predictions.seed)
    if len(np.unique(fold_of)) < 2:
        raise NotMeasured("there are too few photos to fit a probe and to try it")
    judged, made = predictions.judged.features, predictions.generated.features
    named = {"generated": np.zeros(len(own), int), "real": np.zeros(len(photos), int)}
    for fold in np.unique(fold_of):
        held_out, rest = fold_of == fold, fold_of != fold
        probe = probes.fit(
            judged[rest], photos.labels[rest], photos.groups[rest], seed=predictions.seed
        )
        named["real"][held_out] = probe.predict(judged[held_out])
        named["generated"][held_out[own]] = probe.predict(made[held_out[own]])
    described = probe.described() | {"num_classes": len(np.unique(photos.labels))}
    return described, named


def _accuracies(
    predictions: Predictions, named: Mapping[str, np.ndarray | None], items: Items
) -> dict[str, stats.Rate]:
    """The rate of each; of what is missing one of nothing."""
    missing = np.full(len(items), np.nan)
    right = {
        name: missing if found is None else found == items.labels for name, found in named.items()
    }
    return predictions.rates(right, items)

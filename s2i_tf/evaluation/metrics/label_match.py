"""Does a judge see the same in the generated picture as in the original (paper section 5.4)?

A judge names each picture's k most likely labels; two pictures match at k if the two sets meet.
A match rate means little alone, because a judge's labels are not spread evenly: beside it belong
the rate of shuffled pairs and that of two real photos of one class. Those two are averages over
all the pairs in question, which is what ever more shuffles converge to, so they need no seed.
"""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from s2i_tf.evaluation import baselines, stats
from s2i_tf.evaluation.inputs import Items, Predictions
from s2i_tf.evaluation.judge import TOP_KS
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, Part, part_rows
from s2i_tf.evaluation.metrics.tabular import Cell, Headline, Row, Table, percent, plain, row_named
from s2i_tf.evaluation.report import charts

ROWS = {
    "generated": "picture of the sound, and the photo of its pair",
    "rebuilt": "picture of the photo's own features, and the photo",
    "real_same_class": "another real photo of the class, and the photo",
    "generated_same_class": "picture of the sound, and another photo of the class",
    **baselines.TITLES,
    "shuffled": "shuffled: picture of the sound, any other pair's photo",
}

# Section 5.4, by k.
PAPER_MATCH = {1: 0.0165, 3: 0.089, 5: 0.1604, 10: 0.3192}

_BLOCK_ROWS = 512


class LabelMatch(Metric):
    """Whether the label sets of picture and photo meet; a sound with several photos has a mean."""

    heading = "Does a judge see the same in picture and photo?"
    short = "Label match"
    chart_files = ("label_match.png",)

    def measure(self, predictions: Predictions) -> Part:
        sounds, images = predictions.sounds, predictions.images
        labels, apart = sounds.labels[sounds.of_pair], predictions.same_source
        seen = {name: made.labels[sounds.of_pair] for name, made in predictions.pictures.items()}
        if predictions.rebuilt is not None:
            seen["rebuilt"] = predictions.rebuilt.labels[images.of_pair]
        original = predictions.judged.labels[images.of_pair]
        by_pair = {name: meets(one, original) for name, one in seen.items()} | {
            "real_same_class": of_all_pairs(original, original, apart, labels),
            "generated_same_class": of_all_pairs(seen["generated"], original, apart, labels),
            "shuffled": of_all_pairs(seen["generated"], original, apart),
        }
        nothing = dict.fromkeys(TOP_KS, np.full(len(labels), np.nan))
        by_pair = {name: by_pair.get(name, nothing) for name in ROWS}
        random = random_match(len(predictions.judge_labels))
        return {
            "num_sounds": len(sounds),
            "num_pairs": len(labels),
            "rows": rows_of(ROWS, by_pair, predictions, sounds),
            "random": {str(k): value for k, value in random.items()},
            "paper": {str(k): value for k, value in PAPER_MATCH.items()},
        }

    def intro(self, metrics: Metrics) -> str:
        judge, part = metrics["judge"], metrics["label_match"]
        return (
            f"{judge['name']} names the most likely of its {judge['num_labels']} labels for each "
            "picture and each photo, both at the size of the pictures. Two of them match at top k "
            "if their k likeliest labels have one in common (section 5.4). "
            f"{part['num_sounds']} sounds, {part['num_pairs']} pairs; a sound with several photos "
            "has their mean."
        )

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        of_paper = [plain(part["paper"][k]) for k in part["random"]]
        rows = table_rows(part, part["paper"])
        rows.append(Row("The paper: 52 classes, another judge", of_paper, kind="plain"))
        return [
            Table(
                "Label match",
                [f"top {k}" for k in part["random"]],
                rows,
                legend="shuffled pairs",
                after="One picture a class can score high here (see the fixed photo), so this "
                "counts only beside diversity and the distance to training photos below. The "
                "class heard is the one that a linear probe on the sound features names. "
                "Shuffled pairs and pairs within a class are averages over all such pairs of "
                "different photos and recordings, not draws.",
            )
        ]

    def charts(self, part: Part, metrics: Metrics) -> list[Figure]:
        (table,) = self.tables(part, metrics)
        return [charts.dots(table, table.header)]

    def headlines(self, part: Part, metrics: Metrics) -> list[Headline]:
        found = []
        for k in ("1", "10"):
            estimate, shuffled, real = (
                row_named(part["rows"], name)["match"][k]["micro"]
                for name in ("generated", "shuffled", "real_same_class")
            )
            beside = tabular.verdict(estimate, shuffled["value"], "shuffled pairs")
            sentence = (
                f"For {percent(estimate['value'])} of the sounds the judge gives picture and photo "
                f"a common label in its top {k}: {beside}. Two real photos of a class reach "
                f"{percent(real['value'])}."
            )
            title = f"Picture and photo share a top-{k} label"
            found.append(Headline(title, estimate, shuffled["value"], part["paper"][k], sentence))
        return found

    def rates(self, part: Part) -> dict[str, stats.Rate]:
        match = row_named(part["rows"], "generated")["match"]
        return {f"label match, top {k}": match[k] for k in ("10", "5")}


def rows_of(
    titles: Mapping[str, str],
    by_pair: Mapping[str, Mapping[int, np.ndarray]],
    predictions: Predictions,
    items: Items,
) -> list[Part]:
    """The rows of a part: for each title its name and its rates by k, None where it has none.

    Args:
      titles: the titles by name.
      by_pair: whether the labels meet, by name and k, float or bool [pairs]; or [2, pairs] of
        `of_all_pairs`.
      predictions: of which the pairs are.
      items: the sounds or photos that count once each, by the mean of their pairs.
    """

    def by_item(values: np.ndarray) -> np.ndarray:
        if values.ndim == 1:
            return stats.mean_by_item(values, items.of_pair, len(items))
        return stats.of_all_pairs(*map(by_item, values), items.labels)

    rates = predictions.rates(
        {
            (name, k): by_item(values)
            for name, by_k in by_pair.items()
            for k, values in by_k.items()
        },
        items,
    )
    match = {name: {str(k): rates.get((name, k)) for k in TOP_KS} for name in titles}
    return part_rows(titles, match=match)


def table_rows(part: Part, paper=None) -> list[Row]:
    """The rows of a table of label matches, shuffled pairs beside each."""
    shuffled = row_named(part["rows"], "shuffled")["match"]

    def cell(row: Part, k: str) -> Cell:
        of_paper = paper[k] if paper and row["name"] == "generated" else None
        estimate = (row["match"][k] or {}).get("micro")
        return tabular.share(estimate, shuffled[k]["micro"]["value"], of_paper)

    rows = tabular.rows(part["rows"], lambda row: [cell(row, k) for k in part["random"]])
    random = [plain(value) for value in part["random"].values()]
    return [*rows, Row("Two random sets of labels", random, kind="plain")]


def meets(one: np.ndarray, other: np.ndarray) -> dict[int, np.ndarray]:
    """Whether the label sets of paired pictures meet.

    Args:
      one: int [pairs, 10], the likeliest labels of a picture of each pair.
      other: int [pairs, 10], those of another.

    Returns:
      Bool [pairs] by k.
    """
    equal = one[:, :, None] == other[:, None, :]
    return {k: equal[:, :k, :k].any(axis=(1, 2)) for k in TOP_KS}


def mean_meeting(
    one: np.ndarray, other: np.ndarray, excluded: np.ndarray, classes: np.ndarray | None = None
) -> dict[int, np.ndarray]:
    """How often each picture's label set meets those of the other pairs' pictures.

    Args:
      one: int [pairs, 10], the likeliest labels of a picture of each pair.
      other: int [pairs, 10], those of the picture of the same pairs to compare with.
      excluded: int [pairs, kinds]: pairs that agree in any column are not compared (they share
        the photo or the recording, and so does each pair with itself).
      classes: int [pairs]; if given, only pairs of one class are compared.

    Returns:
      Float [pairs] by k: shares; NaN where there is no other pair to compare with.
    """
    num_labels = int(max(one.max(), other.max())) + 1
    rates = {k: np.empty(len(one)) for k in TOP_KS}
    for start in range(0, len(one), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        allowed = ~(excluded[rows, None] == excluded[None]).any(axis=2)
        if classes is not None:
            allowed &= classes[rows, None] == classes[None]
        num_allowed = allowed.sum(axis=1)
        for k in TOP_KS:
            shared = _members(one[rows, :k], num_labels) @ _members(other[:, :k], num_labels).T
            with np.errstate(invalid="ignore"):
                rates[k][rows] = ((shared > 0) & allowed).sum(axis=1) / num_allowed
    return rates


def of_all_pairs(
    one: np.ndarray, other: np.ndarray, excluded: np.ndarray, classes: np.ndarray | None = None
) -> dict[int, np.ndarray]:
    """`mean_meeting` of each pair as the one and as the other, float [2, pairs] by k."""
    as_one = mean_meeting(one, other, excluded, classes)
    as_other = mean_meeting(other, one, excluded, classes)
    return {k: np.stack([as_one[k], as_other[k]]) for k in TOP_KS}


def random_match(num_labels: int) -> dict[int, float]:
    """The chance that two random k-sets of `num_labels` labels meet, by k."""
    return {
        k: 1 - math.comb(max(num_labels - k, 0), k) / math.comb(num_labels, min(k, num_labels))
        for k in TOP_KS
    }


def _members(labels: np.ndarray, num_labels: int) -> np.ndarray:
    """Float32 [items, num_labels], 1 for each label in an item's set."""
    members = np.zeros((len(labels), num_labels), np.float32)
    np.put_along_axis(members, labels, 1, axis=1)
    return members

"""What a metric is."""

import abc
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics.tabular import Headline, Table, listed
from s2i_tf.evaluation.stats import Rate

Part = Any  # what stands in `metrics.json`
Metrics = Mapping[str, Any]

ONE_CLASS = "there is but one class"

_SIDES = {"num_sounds": "sound", "num_images": "photo"}


class NotMeasured(Exception):
    """Why a metric cannot be worked out from these predictions."""


class Metric(abc.ABC):
    """One measure of a model, worked out from its predictions.

    A subclass in a file of its own and a line in `METRICS` are all that a metric takes. The
    docstring of the subclass is also the paragraph by which the page explains it.

    Attributes:
      heading: what it answers, as a question.
      short: its name in a word or two.
      chart_files: names of the files of its charts.
    """

    heading: str
    short: str
    chart_files: tuple[str, ...] = ()

    @abc.abstractmethod
    def measure(self, predictions: Predictions) -> Part:
        """Its part of `metrics.json`.

        Raises:
          NotMeasured: if the predictions lack what it takes.
        """

    @abc.abstractmethod
    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        """What is shown of it.

        Args:
          part: what `measure` gave.
          metrics: all that `metrics.json` holds.
        """

    def intro(self, metrics: Metrics) -> str:
        """A paragraph that says how it is measured: the docstring of the class."""
        return " ".join(inspect.getdoc(type(self)).split())

    def charts(self, part: Part, metrics: Metrics) -> list[Figure]:
        """Its charts, in the order of `chart_files`."""
        return []

    def headlines(self, part: Part, metrics: Metrics) -> list[Headline]:
        """The figures of it that stand at the head of the page."""
        return []

    def warnings(self, part: Part) -> list[str]:
        """What would make a reader take it for what it is not, a sentence each."""
        return []

    def rates(self, part: Part) -> dict[str, Rate]:
        """The rates to be shown by class and by collection, by the title of the column."""
        return {}


def part_rows(titles: Mapping[str, str], **columns: Mapping[str, Any]) -> list[Part]:
    """Rows of a part, by name and title, with what each column has of the name; None of nothing."""
    return [
        {"name": name, "title": title, **{key: found.get(name) for key, found in columns.items()}}
        for name, title in titles.items()
    ]


def not_learnt(predictions: Predictions, why: str) -> str:
    """Why no class can be named: there is but one, or what is said of several."""
    return why if len(predictions.class_names) > 1 else ONE_CLASS


def uncounted(predictions: Predictions, **counted: np.ndarray) -> Part:
    """Of what is not counted how many there are, and the names of their classes.

    Args:
      predictions: the predictions.
      counted: whether each of the `sounds`, or of the `images`, is counted, bool [items].
    """
    out = {side: getattr(predictions, side).labels[~chosen] for side, chosen in counted.items()}
    return {
        "class_names": [
            predictions.class_names[label] for label in np.unique(np.concatenate([*out.values()]))
        ],
        **{f"num_{side}": len(labels) for side, labels in out.items()},
    }


def uncounted_warning(title: str, found: Part, why: str) -> list[str]:
    """The sentence of what `uncounted` found; none of nothing.

    Args:
      title: the name of the measure.
      found: what `uncounted` gave.
      why: why these are not counted.
    """
    names = found["class_names"]
    if not names:
        return []
    counts = [
        f"{found[key]} {name}" + "s" * (found[key] != 1)
        for key, name in _SIDES.items()
        if key in found
    ]
    return [f"{title} does not count {' and '.join(counts)}: {why} ({listed(names)})."]

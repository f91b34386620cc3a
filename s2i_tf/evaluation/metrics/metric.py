"""What a metric is."""

import abc
import inspect
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics.tabular import Headline, Table
from s2i_tf.evaluation.stats import Rate

Part = Any  # what stands in `metrics.json`
Metrics = Mapping[str, Any]


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

    def rates(self, part: Part) -> dict[str, Rate]:
        """The rates to be shown by class and by collection, by the title of the column."""
        return {}

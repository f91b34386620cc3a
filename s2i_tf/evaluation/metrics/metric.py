"""What a metric is, and the tables by which page, terminal and results page show it alike.

A table's cells are texts; a cell of a share also carries its estimate, which the page draws as a
strip from 0 to 100 % beside chance and the paper's figure.
"""

import abc
import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.stats import NOTHING, Estimate, Rate

Part = Any  # what stands in `metrics.json`
Metrics = Mapping[str, Any]

DASH = "–"


class NotMeasured(Exception):
    """Why a metric cannot be worked out from these predictions."""


@dataclasses.dataclass(frozen=True)
class Headline:
    """One figure with the sentence that says what it means.

    Attributes:
      title: what was asked.
      estimate: the figure with its interval.
      chance: what knowing nothing would give.
      paper: the paper's figure on its own data, if it has one.
      sentence: the answer, the doubt in it included.
    """

    title: str
    estimate: Estimate
    chance: float | None
    paper: float | None
    sentence: str


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
      text: the figure.
      notes: small lines below it, first its interval.
      estimate: of a share, to be drawn; or None.
      chance: drawn beside it.
      paper: the paper's figure, drawn beside it.
    """

    text: str
    notes: tuple[str, ...] = ()
    estimate: Estimate | None = None
    chance: float | None = None
    paper: float | None = None


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
      title: what it is of.
      cells: its cells.
      detail: a small line below the title, such as how many items there are.
      kind: `main` for what the metric is about, `plain` for what was not measured here.
      brief: the title in the terminal, where it is another.
    """

    title: str
    cells: Sequence[Cell]
    detail: str = ""
    kind: str = ""
    brief: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
      title: what it shows, in a few words.
      header: names of the columns, without that of the titles.
      rows: the rows, or groups of rows by their common title.
      before: a paragraph above it.
      after: a note below it.
      legend: what the marks of chance stand for; empty for a table without any.
      brief: the columns that the terminal shows; by default all, and of none not the table.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Row] | Mapping[str, Sequence[Row]]
    before: str = ""
    after: str = ""
    legend: str = ""
    brief: Sequence[str] | None = None

    @property
    def groups(self) -> dict[str, Sequence[Row]]:
        """The rows by their common title, which is empty where they have none."""
        return dict(self.rows) if isinstance(self.rows, Mapping) else {"": self.rows}


class Metric(abc.ABC):
    """One measure of a model, worked out from its predictions.

    A subclass in a file of its own and a line in `METRICS` are all that a metric takes. The
    docstring of the subclass is also the paragraph by which the page explains it.

    Attributes:
      heading: what it answers, as a question.
      short: the same in a word or two.
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


def row_named(rows: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The row of a part's rows by its name."""
    return next(row for row in rows if row["name"] == name)


def share(
    estimate: Estimate | None, chance: float | None = None, paper: float | None = None
) -> Cell:
    """A share in per cent with its interval, to be drawn."""
    estimate = estimate or NOTHING
    bounds = interval(estimate)
    return Cell(percent(estimate["value"]), (bounds,) if bounds else (), estimate, chance, paper)


def rate(found: Rate | None, chance: float | None = None) -> list[Cell]:
    """A rate over all items, and with every class counting the same."""
    found = found or {}
    return [share(found.get(mean), chance) for mean in ("micro", "macro")]


def number(estimate: Estimate | None, digits: int = 2, *notes: str) -> Cell:
    """A number that is no share, with its interval."""
    estimate = estimate or NOTHING
    bounds = decimal_interval(estimate, digits)
    return Cell(decimal(estimate["value"], digits), ((bounds,) if bounds else ()) + notes)


def plain(value: float | None, *notes: str) -> Cell:
    """A share without an interval."""
    return Cell(percent(value), notes)


def sentence_case(text: str) -> str:
    """With a capital letter first."""
    return text[:1].upper() + text[1:]


def verdict(estimate: Estimate, baseline: float | None, name: str) -> str:
    """Whether an estimate differs from a baseline, as far as its interval can tell."""
    if estimate["value"] is None or baseline is None:
        return f"not to be compared with {name}"
    beside = f"{name} ({percent(baseline)})"
    if estimate["low"] > baseline:
        return f"above {beside}"
    if estimate["high"] < baseline:
        return f"below {beside}"
    return f"not to be told from {beside}"


def percent(value: float | None) -> str:
    """`0.253` as `25.3 %`, with a narrow space that does not break; a dash for nothing."""
    return DASH if value is None else f"{100 * value:.1f}\u202f%"


def interval(estimate: Estimate) -> str:
    """The bounds of an estimate, as `24.5–26.1`; empty for nothing."""
    if estimate["low"] is None:
        return ""
    return f"{100 * estimate['low']:.1f}{DASH}{100 * estimate['high']:.1f}"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number that is no share; a dash for nothing."""
    return DASH if value is None else f"{value:.{digits}f}"


def decimal_interval(estimate: Estimate, digits: int = 2) -> str:
    """The bounds of an estimate that is no share."""
    if estimate["low"] is None:
        return ""
    return f"{estimate['low']:.{digits}f} to {estimate['high']:.{digits}f}"

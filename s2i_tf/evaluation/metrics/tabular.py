"""The tables by which page, terminal and results page show the metrics alike.

A table's cells are texts; a cell of a share also carries its estimate, which the page draws as a
strip from 0 to 100 % beside chance and the paper's figure.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from s2i_tf.evaluation.stats import NOTHING, Estimate, Rate

DASH = "–"

_NUM_LISTED = 10


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
      estimate: the share with its interval, to be drawn; None of what is no share.
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
      cells: the figures, one a column.
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


def row_named(found: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """That of the rows of `metrics.json` which has a name."""
    return next(row for row in found if row["name"] == name)


def rows(
    found: Sequence[Mapping[str, Any]],
    cells: Callable[[Mapping[str, Any]], Sequence[Cell]],
    detail: str = "",
) -> list[Row]:
    """Rows of `metrics.json` as those of a table; what is generated is the main one.

    Args:
      found: the rows, with `name` and `title`.
      cells: gives the cells of a row.
      detail: the small line below the titles, with fields of the row, such as `n = {num_items}`.
    """
    return [
        Row(
            row["title"][:1].upper() + row["title"][1:],
            cells(row),
            detail.format_map(row),
            kind="main" if row["name"] == "generated" else "",
        )
        for row in found
    ]


def share(
    estimate: Estimate | None, chance: float | None = None, paper: float | None = None
) -> Cell:
    """A share in per cent with its interval, to be drawn."""
    estimate = estimate or NOTHING
    notes = tuple(filter(None, [interval(estimate)]))
    return Cell(percent(estimate["value"]), notes, estimate, chance, paper)


def rate(found: Rate | None, chance: float | None = None) -> list[Cell]:
    """A rate over all items, and with every class counting the same."""
    found = found or {}
    return [share(found.get(mean), chance) for mean in ("micro", "macro")]


def number(estimate: Estimate | None, digits: int = 2, *notes: str) -> Cell:
    """A number that is no share, with its interval."""
    estimate = estimate or NOTHING
    if estimate["low"] is not None:
        notes = (f"{estimate['low']:.{digits}f} to {estimate['high']:.{digits}f}", *notes)
    return Cell(decimal(estimate["value"], digits), notes)


def plain(value: float | None, *notes: str) -> Cell:
    """A share without an interval."""
    return Cell(percent(value), notes)


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


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, of many the first."""
    more = f" and {len(names) - _NUM_LISTED} more" if len(names) > _NUM_LISTED else ""
    return ", ".join(names[:_NUM_LISTED]) + more


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

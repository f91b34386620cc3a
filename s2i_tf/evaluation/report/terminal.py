"""The tables in short, for a terminal of some 80 characters."""

import textwrap
from collections.abc import Mapping

from s2i_tf.errors import printable
from s2i_tf.evaluation.metrics.metric import Metric, Metrics
from s2i_tf.evaluation.metrics.tabular import DASH, Row, Table
from s2i_tf.evaluation.provenance import left_out

WIDTH = 82
_MIN_TITLE = 20


def as_text(metrics: Metrics, measures: Mapping[str, Metric]) -> str:
    """All tables of the metrics, one below the other, what is missing, and all warnings.

    Args:
      metrics: what `metrics.json` holds.
      measures: the metrics by name.
    """
    lines = []
    for name, metric in measures.items():
        if metrics[name] is not None:
            for table in metric.tables(metrics[name], metrics):
                lines += _lines(table) if table.brief != () else []
    by_reason: dict[str, list[str]] = {}
    for name, reason in metrics["missing"].items():
        by_reason.setdefault(reason, []).append(name.replace("_", " "))
    missing = [f"not measured: {', '.join(names)}: {why}" for why, names in by_reason.items()]
    warned = [f"warning: {printable(warning)}" for warning in metrics.get("warnings", ())]
    known = [left_out(metrics)] if "left_out" in metrics.get("data", {}) else []
    notes = [*missing, *warned, *known]
    return "\n".join([*lines, *(part for note in notes for part in textwrap.wrap(note, WIDTH))])


def _lines(table: Table) -> list[str]:
    """A table as lines that fit the width: intervals only where there is room for them.

    Rows without any figure are left out, and so is a table of nothing else.
    """
    header = list(table.header)  # two columns may have one name
    shown = [header.index(name) for name in table.brief or ()] or list(range(len(header)))
    names = [header[place] for place in shown]
    rows = [
        row
        for group in table.groups.values()
        for row in group
        if any(row.cells[place].text != DASH for place in shown)
    ]
    if not rows:
        return []
    title_width = max(len(row.brief or row.title) for row in rows) + 2
    for with_interval in (True, False):
        texts = [names, *(_texts(row, shown, with_interval) for row in rows)]
        widths = [2 + max(map(len, column)) for column in zip(*texts, strict=True)]
        if title_width + sum(widths) <= WIDTH:
            break
    room = max(_MIN_TITLE, min(max(title_width, len(table.title)), WIDTH - sum(widths)))

    def line(title: str, cells: list[str]) -> str:
        title = printable(title)
        columns = "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        title = title if len(title) <= room else f"{title[: room - 1]}…"
        return f"{title:<{room}}{columns}"

    titles = [table.title, *(f"  {row.brief or row.title}" for row in rows)]
    return [line(title, cells) for title, cells in zip(titles, texts, strict=True)]


def _texts(row: Row, shown: list[int], with_interval: bool) -> list[str]:
    texts = [row.cells[place].text.replace("\u202f%", "%") for place in shown]
    if with_interval and row.cells[shown[0]].notes:
        texts[0] += f" ({row.cells[shown[0]].notes[0]})"
    return texts

"""The charts, as figures for page, papers and slides: all by Matplotlib.

Points with 95 % intervals beside chance, confusions, and the losses of a training.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from s2i_tf.evaluation.metrics.tabular import Table

_INK, _MUTED, _LINE = "#24292e", "#6b7480", "#e3e1da"
_ACCENT, _SECOND = "#1d6f72", "#b9672a"

_NUM_CURVE_COLUMNS = 4
_MAX_POINTS = 400
# A positive curve that spans more than this is drawn on a logarithmic axis.
_LOG_SPAN = 20.0


def dots(table: Table, columns: Sequence[str]) -> Figure:
    """The shares in some columns of a table, with their intervals, chance and the paper's."""
    rows = [row for group in table.groups.values() for row in group if row.cells[0].estimate][::-1]
    size = (max(7.2, 2.6 + 2.3 * len(columns)), 0.8 + 0.36 * len(rows))
    figure = Figure(figsize=size, dpi=200, layout="constrained")
    panels = figure.subplots(1, len(columns), sharex=True, sharey=True, squeeze=False)[0]
    for axes, column in zip(panels, columns, strict=True):
        for height, row in enumerate(rows):
            cell = row.cells[list(table.header).index(column)]
            colour = _SECOND if row.kind == "main" else _ACCENT
            if cell.estimate["value"] is not None:
                bounds = [100 * cell.estimate["low"], 100 * cell.estimate["high"]]
                axes.plot(bounds, [height] * 2, color=colour, lw=2)
                axes.plot(100 * cell.estimate["value"], height, "o", color=colour, ms=6)
            for value, mark, size in ((cell.chance, "|", 13), (cell.paper, "D", 5)):
                if value is not None:
                    axes.plot(100 * value, height, mark, color=_MUTED, ms=size, mfc="white")
        axes.set_title(column, fontsize=10, color=_INK)
        axes.set_yticks(range(len(rows)), [row.brief or row.title for row in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlim(-2, 102)
        axes.set_xticks([0, 50, 100])
        axes.grid(axis="x", color=_LINE, lw=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelsize=8, colors=_INK)
        axes.spines[:].set_visible(False)
    note = f"%, with 95 % interval;  | {table.legend};  ◇ the paper, on its own data"
    figure.supxlabel(note, fontsize=8, color=_MUTED)
    return figure


def confusion(part: Mapping[str, Any]) -> Figure:
    """Which class the probe sees in each class's pictures, generated and real."""
    counts_of = part["confusion"]
    names = [name.replace("_", " ") for name in counts_of["class_names"]]
    size = 1.6 + 0.16 * len(names)
    figure = Figure(figsize=(2 * size, size + 0.6), dpi=200, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, key in zip(panels, ("generated", "real"), strict=True):
        counts = np.array(counts_of[key], np.float64)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="GnBu", vmin=0, vmax=1)
        axes.set_title(f"{key} pictures", fontsize=9, color=_INK)
        axes.set_xticks(range(len(names)), names, rotation=90, parse_math=False)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.tick_params(length=0, labelsize=6, colors=_INK)
    figure.supxlabel("class named by the probe; rows: the true class", fontsize=8, color=_MUTED)
    return figure


def curves(logged: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Training curves as small multiples, one panel for each logged number.

    Args:
      logged: steps and values, float [logged] each, by name.
    """
    num_rows = -(-len(logged) // _NUM_CURVE_COLUMNS)
    figure = Figure(figsize=(10.6, 1.9 * num_rows), layout="constrained")
    panels = figure.subplots(num_rows, _NUM_CURVE_COLUMNS, squeeze=False).flat
    for (name, (steps, values)), axes in zip(logged.items(), panels, strict=False):
        finite = np.isfinite(steps) & np.isfinite(values)
        num_lost = int(np.size(finite) - np.count_nonzero(finite))
        steps, values = _thinned(steps[finite], values[finite])
        last = f"{values[-1]:.3g}" if len(values) else "–"
        title = f"{name}  {last}"
        axes.set_title(title, fontsize=8, color=_INK, loc="left", parse_math=False)
        if num_lost:
            note = f"{num_lost} values not finite"
            axes.set_xlabel(note, fontsize=8, color=_SECOND)
        if len(values):
            low, high = values.min(), values.max()
            axes.set_yscale("log" if low > 0 and high / low > _LOG_SPAN else "linear")
            axes.plot(steps, values, color=_ACCENT, lw=1)
        axes.tick_params(length=0, labelsize=7, colors=_MUTED)
        axes.grid(axis="y", color=_LINE, lw=0.8)
        axes.spines[:].set_visible(False)
    for axes in panels:  # those that are left over
        axes.set_axis_off()
    return figure


def png(figure: Figure) -> bytes:
    """A figure as PNG, the same for the same results."""
    return _saved(figure, "png", {"Software": None})


def svg(figure: Figure) -> bytes:
    """A figure as SVG: sharp at any width and in print."""
    return _saved(figure, "svg", {"Date": None, "Creator": None})


def _saved(figure: Figure, kind: str, metadata: Mapping[str, None]) -> bytes:
    stream = io.BytesIO()
    # Neither date nor version nor random ids, so that the same results give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "s2i_tf"}):
        figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most 400 points, each the mean of its neighbours."""
    if len(steps) <= _MAX_POINTS:
        return steps, values
    edges = np.linspace(0, len(steps), _MAX_POINTS + 1).astype(int)[:-1]
    counts = np.diff(np.append(edges, len(steps)))
    return tuple(np.add.reduceat(column, edges) / counts for column in (steps, values))

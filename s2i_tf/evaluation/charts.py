"""The tables as figures for papers and slides: points with 95 % intervals beside chance."""

import io

import numpy as np
from matplotlib.figure import Figure

from s2i_tf.evaluation import label_match, summary, tables

_INK, _MUTED, _LINE = "#24292e", "#6b7480", "#e3e1da"
_ACCENT, _SECOND, _THIRD = "#1d6f72", "#b9672a", "#8b93a0"
_ROW_COLOURS = {
    "generated": _ACCENT,
    "rebuilt": _SECOND,
    "real_same_class": _INK,
    "generated_same_class": "#79a9a6",
    "shuffled": _THIRD,
    "class_mean": "#9c8a5a",
    "fixed_photo": "#c08457",
    "nearest_photo": "#8a5a9c",
    "constant_photo": "#b9b3a2",
}


def retrieval_figure(metrics: summary.Metrics) -> bytes:
    """Retrieval at rank 1 by Euclidean distance as PNG: split × layer, both directions."""
    figure = Figure(figsize=(7.2, 3.2), dpi=200, layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    places = [(split, layer) for split in ("eval", "train") for layer in ("after", "before")]
    for axes, direction in zip(panels, tables.DIRECTIONS, strict=True):
        for height, (split, layer) in enumerate(reversed(places)):
            row = summary.retrieval_row(metrics, split, direction, layer)
            if row is None:
                continue
            _point(axes, row["measures"]["top_1"]["micro"], height, _ACCENT)
            axes.plot(100 * row["chance"]["top_1"]["micro"], height, "|", color=_MUTED, ms=13)
            paper = row["paper_top_1"]
            if paper is not None:
                axes.plot(100 * paper, height, "D", color=_SECOND, ms=5, mfc="white")
        axes.set_title(direction.replace("_to_", " → nearest "), fontsize=10, color=_INK)
        axes.set_yticks(range(4), [f"{split}, {layer}" for split, layer in reversed(places)])
        axes.set_ylim(-0.6, 3.6)
        _dress(axes)
    figure.supxlabel(
        "nearest has the class (%), 95 % interval;  | chance;  ◇ the paper, on its own data",
        fontsize=8,
        color=_MUTED,
    )
    return _png(figure)


def label_match_figure(metrics: summary.Metrics) -> bytes:
    """Label match as PNG: one panel for each k."""
    match = metrics["label_match"]
    figure = Figure(figsize=(7.2, 4.6), dpi=200, layout="constrained")
    panels = figure.subplots(1, len(label_match.TOP_KS), sharex=True, sharey=True)
    rows = match["rows"][::-1]
    for axes, k in zip(panels, map(str, label_match.TOP_KS), strict=True):
        for height, row in enumerate(rows):
            _point(axes, row["match"][k]["micro"], height, _ROW_COLOURS[row["name"]])
        axes.axvline(100 * match["random"][k], color=_MUTED, lw=1, ls=":")
        axes.axvline(100 * match["paper"][k], color=_SECOND, lw=1)
        axes.set_title(f"top {k}", fontsize=10, color=_INK)
        axes.set_yticks(range(len(rows)), [row["name"].replace("_", " ") for row in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        _dress(axes)
    figure.supxlabel(
        "label sets meet (%), 95 % interval;  dotted: random sets;  line: the paper, its own data",
        fontsize=8,
        color=_MUTED,
    )
    return _png(figure)


def confusion_figure(metrics: summary.Metrics) -> bytes:
    """Which class the probe sees in each class's pictures, generated and real, as PNG."""
    confusion = metrics["class_seen"]["confusion"]
    names = [name.replace("_", " ") for name in confusion["class_names"]]
    size = 1.6 + 0.16 * len(names)
    figure = Figure(figsize=(2 * size, size + 0.6), dpi=200, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, key in zip(panels, ("generated", "real"), strict=True):
        counts = np.array(confusion[key], np.float64)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="GnBu", vmin=0, vmax=1)
        axes.set_title(f"{key} pictures", fontsize=9, color=_INK)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(length=0, labelsize=6, colors=_INK)
    figure.supxlabel("class named by the probe; rows: the true class", fontsize=8, color=_MUTED)
    return _png(figure)


def _point(axes, estimate: dict[str, float | None], height: float, colour: str) -> None:
    if estimate["value"] is not None:
        axes.plot([100 * estimate["low"], 100 * estimate["high"]], [height] * 2, color=colour, lw=2)
        axes.plot(100 * estimate["value"], height, "o", color=colour, ms=6)


def _dress(axes) -> None:
    axes.set_xlim(-2, 102)
    axes.set_xticks([0, 50, 100])
    axes.grid(axis="x", color=_LINE, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, colors=_INK)
    for side in axes.spines.values():
        side.set_visible(False)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    # No software version inside, so that the same results give the same file.
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()

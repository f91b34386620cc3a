"""Training curves as small multiples: inline SVG, sharp at any width and readable in print."""

import math
from collections.abc import Mapping

import numpy as np

from s2i_tf.evaluation.markup import Markup, tag

_WIDTH, _HEIGHT = 260, 130
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 8, 20
_MAX_POINTS = 400
# A positive curve that spans more than this is drawn on a logarithmic axis.
_LOG_SPAN = 20.0


def small_multiples(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Markup:
    """One panel for each logged number.

    Args:
      curves: steps and values, float [logged] each, by name.
    """
    return tag("div", [_panel(name, *curve) for name, curve in curves.items()], class_="curves")


def _panel(name: str, steps: np.ndarray, values: np.ndarray) -> Markup:
    finite = np.isfinite(steps) & np.isfinite(values)
    lost = int(np.size(finite) - np.count_nonzero(finite))
    steps, values = _thinned(steps[finite], values[finite])
    heading = [tag("b", name), tag("span", _short(values[-1]) if len(values) else "–")]
    note = f"{lost} values not finite" if lost else ""
    return tag(
        "figure",
        tag("figcaption", heading),
        _drawing(name, steps, values) if len(values) else "",
        tag("p", note, class_="warning") if note else "",
    )


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most 400 points, each the mean of its neighbours."""
    if len(steps) <= _MAX_POINTS:
        return steps, values
    edges = np.linspace(0, len(steps), _MAX_POINTS + 1).astype(int)[:-1]
    counts = np.diff(np.append(edges, len(steps)))
    return tuple(np.add.reduceat(column, edges) / counts for column in (steps, values))


def _drawing(name: str, steps: np.ndarray, values: np.ndarray) -> Markup:
    low, high = float(values.min()), float(values.max())
    logarithmic = low > 0 and high / low > _LOG_SPAN
    if low == high:
        low, high = low - 0.5, high + 0.5
    scale = math.log10 if logarithmic else float
    bottom, top = scale(low), scale(high)
    first, last = float(steps[0]), float(steps[-1])

    def x(step: float) -> float:
        share = (step - first) / (last - first) if last > first else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        share = (scale(value) - bottom) / (top - bottom)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    left, right, foot = str(_LEFT), str(_WIDTH - _RIGHT), str(_HEIGHT - 5)
    axes = [
        tag("text", _short(first), x=left, y=foot),
        tag("text", _short(last), x=right, y=foot, text_anchor="end"),
    ]
    for tick in _ticks(low, high, logarithmic):
        level = f"{y(tick):.1f}"
        axes += [
            tag("line", x1=left, x2=right, y1=level, y2=level),
            tag("text", _short(tick), x=str(_LEFT - 5), y=level, dy="3", text_anchor="end"),
        ]
    points = zip(steps.tolist(), values.tolist(), strict=True)
    path = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
    kind = "logarithmic" if logarithmic else "linear"
    return tag(
        "svg",
        axes,
        tag("polyline", points=path),
        tag("circle", cx=f"{x(last):.1f}", cy=f"{y(float(values[-1])):.1f}", r="2.2"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=f"{name} over the steps, {kind} axis",
    )


def _ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        exponents = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        every = max(1, len(exponents) // 3)
        return [10.0**exponent for exponent in exponents[::every]] or [low, high]
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 4)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _short(value: float) -> str:
    """Three digits at most, thousands as k."""
    if abs(value) >= 10_000:
        return f"{value / 1000:.3g}k"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"

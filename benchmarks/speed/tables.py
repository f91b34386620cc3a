"""The results as Markdown: one table of all comparisons, and what each benchmark adds."""

import importlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.pages import table

_MISSING = "–"
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def blocks(found: Mapping[str, Any], modules: Mapping[str, str]) -> dict[str, str]:
    """Everything that goes into the page, by the marks there.

    Args:
      found: what `python -m benchmarks.speed` measured.
      modules: of each benchmark's name. One that has a function `blocks` makes of its results
        further blocks, whose marks begin with its name.
    """
    benchmarks = found["benchmarks"]
    built = {"machine": of_machine(found["machine"]), "summary": summary(benchmarks)}
    for name, benchmark in benchmarks.items():
        module = importlib.import_module(modules[name])
        if hasattr(module, "blocks") and "left_out" not in benchmark:
            built |= {f"{name}-{mark}": text for mark, text in module.blocks(benchmark).items()}
    return built


def of_machine(machine: Mapping[str, Any]) -> str:
    """One line on what was measured on."""
    versions = ", ".join(
        f"{name} {version}" for name, version in machine["versions"].items() if version
    )
    return (
        f"{machine['processor']}, {machine['num_cores']} cores; Python {machine['python']}, "
        f"{versions}; load before the first benchmark {machine['load_before']:.1f}."
    )


def summary(benchmarks: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a comparison, and a sentence for each benchmark that did not run."""
    lines = [
        [
            f"{row['ratio']:.2f} ×",
            _spread(row["ratios"]),
            _goal(row),
            row["what"],
            row["against"],
            seconds(statistics.median(row["seconds"])),
            seconds(statistics.median(row["against_seconds"])),
        ]
        for benchmark in benchmarks.values()
        for row in benchmark.get("rows", ())
    ]
    head = ("ratio", "between", "goal", "what", "against", "takes", "the other")
    left_out = [
        f"\nLeft out: {name}, as {benchmark['left_out']}"
        for name, benchmark in benchmarks.items()
        if "left_out" in benchmark
    ]
    return table(head, lines) + "".join(left_out)


def shares(parts: Mapping[str, float], whole: str = "whole") -> str:
    """A table of seconds by part that add up to the whole; what came out below nothing is nothing.

    Args:
      parts: seconds by name.
      whole: what their sum is called.
    """
    total = sum(parts.values())
    lines = [
        (name, seconds(max(took, 0.0)), f"{took / total:.0%}")
        for name, took in {**parts, whole: total}.items()
    ]
    return table(("part", "takes", "share"), lines)


def seconds(value: float) -> str:
    """Seconds with three digits, in a unit that fits."""
    scale, unit = next((pair for pair in _UNITS if value >= pair[0]), _UNITS[-1])
    return f"{value / scale:.3g} {unit}"


def _spread(ratios: Sequence[float]) -> str:
    return f"{min(ratios):.2f}–{max(ratios):.2f}" if len(ratios) > 1 else _MISSING


def _goal(row: Mapping[str, Any]) -> str:
    if row["goal"] is None:
        return _MISSING
    reached = "reached" if row["ratio"] >= row["goal"] else "missed"
    return f"≥ {row['goal']:g}: {reached}"

"""How time and memory grow with the batch, the pictures, the networks and the data.

Each point is a process of its own, so that its peak of memory is its own. The image GAN's step is
measured on a batch that stays in memory; reading, on shards of features that are one file under
many names: a million records would be 16 GB, and the page cache would hold them no better.
"""

import itertools
import pathlib
import shutil
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from benchmarks.speed import growth_sides, tables
from benchmarks.speed.workers import Worker

_SIDES = "benchmarks.speed.growth_sides"
_BASE = {"side": 128, "filters": 16, "batch_size": 4}
_STEP_SWEEPS = {
    "batch_size": (1, 2, 4, 8, 16, 32, 64),
    "side": (64, 128, 256),
    "filters": (8, 16, 32, 64),
}
_BATCH_SIZE = 64  # of reading
_NUM_SHARDS = 100
_NUM_RECORDS = 10_000
_MANY_RECORDS = (1000, 10_000, 100_000, 1_000_000)
_MANY_SHARDS = (1, 10, 100, 1000)
_BALANCED_RECORDS = (1000, 10_000)  # all of them stay in memory
_TURN_SECONDS = 1.0
_MOST_STEPS = 200
_NUM_TURNS = 3

_TITLES = {
    "batch_size": "pictures in a batch",
    "side": "side of a picture",
    "filters": "filters",
    "records": f"records, in {_NUM_SHARDS} shards",
    "balanced": f"records, balanced batches, in {_NUM_SHARDS} shards",
    "shards": f"shards of {_NUM_RECORDS:,} records",
}
_COLOURS = ("#1d6f72", "#b9672a")

Point = dict[str, Any]


def measure(
    *,
    base: Mapping[str, int] = _BASE,
    step_sweeps: Mapping[str, Sequence[int]] = _STEP_SWEEPS,
    many_records: Sequence[int] = _MANY_RECORDS,
    many_shards: Sequence[int] = _MANY_SHARDS,
    balanced_records: Sequence[int] = _BALANCED_RECORDS,
    num_shards: int = _NUM_SHARDS,
    num_records: int = _NUM_RECORDS,
    turn_seconds: float = _TURN_SECONDS,
) -> dict[str, Any]:
    """The points of every sweep, by its name; no comparison. A turn takes about `turn_seconds`."""
    sweeps: dict[str, list[Point]] = {}
    known: dict[tuple, Point] = {}
    for name, values in step_sweeps.items():
        sweeps[name] = []
        for value in values:
            settings = {**base, name: value}
            key = tuple(settings.items())
            if key not in known:
                known[key] = _point({"kind": "training", **settings}, turn_seconds)
            sweeps[name].append({"value": value, **known[key], **settings})
    for name, values, balanced in (
        ("records", many_records, False),
        ("balanced", balanced_records, True),
        ("shards", many_shards, False),
    ):
        sweeps[name] = []
        for value in values:
            shards, records = (value, num_records) if name == "shards" else (num_shards, value)
            point = _read(shards, records, balanced, turn_seconds)
            sweeps[name].append({"value": value, **point})
    return {"rows": [], "sweeps": sweeps}


def _read(num_shards: int, num_records: int, balanced: bool, turn_seconds: float) -> Point:
    folder = pathlib.Path(tempfile.mkdtemp()) / "data"
    try:
        growth_sides.write_dataset(folder, num_shards, num_records // num_shards)
        settings = {"folder": str(folder), "batch_size": _BATCH_SIZE, "balanced": balanced}
        return _point({"kind": "reading", **settings}, turn_seconds)
    finally:
        shutil.rmtree(folder.parent)


def _point(settings: Mapping[str, Any], turn_seconds: float) -> Point:
    """Seconds of a step, and the peak of the process that took it."""
    with Worker(_SIDES, settings) as worker:
        worker.take(1)
        num_steps = min(max(1, int(turn_seconds / worker.take(1).seconds)), _MOST_STEPS)
        turns = [worker.take(num_steps) for _ in range(_NUM_TURNS)]
        return {
            "seconds": statistics.median(took.seconds for took in turns) / num_steps,
            "peak_bytes": turns[-1].peak_bytes,
            **worker.info,
        }


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """A table for each sweep."""
    built = {}
    for name, points in benchmark["sweeps"].items():
        if "open_seconds" in points[0]:
            head = (_TITLES[name], "opening", f"a batch of {_BATCH_SIZE}", "peak of memory")
            lines = [
                (
                    f"{point['value']:,}",
                    tables.seconds(point["open_seconds"]),
                    tables.seconds(point["seconds"]),
                    _mib(point["peak_bytes"]),
                )
                for point in points
            ]
        else:
            head = (_TITLES[name], "step", "a picture", "million weights", "peak of memory")
            lines = [
                (
                    str(point["value"]),
                    tables.seconds(point["seconds"]),
                    tables.seconds(point["seconds"] / point["batch_size"]),
                    f"{point['num_weights'] / 1e6:.2f}",
                    _mib(point["peak_bytes"]),
                )
                for point in points
            ]
        built[name] = tables.table(head, lines)
    return built


def draw(benchmark: Mapping[str, Any], folder: pathlib.Path) -> None:
    """Writes `growth_training.png` and `growth_reading.png`: time above memory, by sweep."""
    sweeps = benchmark["sweeps"]
    folder.mkdir(exist_ok=True)
    training = [name for name in sweeps if "open_seconds" not in sweeps[name][0]]
    reading = [name for name in sweeps if name not in training]
    _figure(sweeps, training, {"step": "seconds"}).savefig(folder / "growth_training.png")
    times = {"opening": "open_seconds", f"a batch of {_BATCH_SIZE}": "seconds"}
    _figure(sweeps, reading, times).savefig(folder / "growth_reading.png")


def _figure(
    sweeps: Mapping[str, Sequence[Point]], names: Sequence[str], times: Mapping[str, str]
) -> Figure:
    figure = Figure(figsize=(9, 4.6), dpi=130, layout="constrained")
    panels = figure.subplots(2, len(names), sharey="row", squeeze=False)
    for (upper, lower), name in zip(panels.T, names, strict=True):
        values = [point["value"] for point in sweeps[name]]
        for (label, key), colour in zip(times.items(), itertools.cycle(_COLOURS)):
            seconds = [point[key] for point in sweeps[name]]
            upper.loglog(values, seconds, "o-", color=colour, label=label)
        memory = [point["peak_bytes"] / 2**20 for point in sweeps[name]]
        lower.semilogx(values, memory, "o-", color=_COLOURS[0])
        lower.set_xlabel(_TITLES[name], fontsize=8)
        for axes in (upper, lower):
            axes.set_xticks(values, [f"{value:,}" for value in values], fontsize=7)
            axes.minorticks_off()
            axes.grid(alpha=0.3)
    panels[1, 0].set_ylim(bottom=0)  # of all, once they have their points
    panels[0, 0].set_ylabel("seconds")
    panels[0, 0].legend(fontsize=7)
    panels[1, 0].set_ylabel("peak of memory, MiB")
    return figure


def _mib(num_bytes: int) -> str:
    return f"{num_bytes / 2**20:.0f} MiB"

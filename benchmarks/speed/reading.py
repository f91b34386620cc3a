"""Shards to batches, beside reading the same bytes from the page cache and beside a plain parse.

Made-up shards lie in a temporary folder and in the page cache. A step is a batch: the pipeline
makes it of records in a random order, the other side reads as many bytes of the same shards into
a buffer that it has, or makes the same batch of records whose features are lists of floats, parsed
one at a time.
"""

import pathlib
import statistics
import tempfile
from collections.abc import Mapping
from typing import Any

from benchmarks.speed import reading_sides as sides
from benchmarks.speed import tables
from benchmarks.speed.comparing import Row, compare, in_turns
from benchmarks.speed.workers import Worker

_SIDES = "benchmarks.speed.reading_sides"
_GOAL = 0.5
_GOAL_ONE_BY_ONE = 20.0
_NUM_SHARDS = 4
_RECORDS_PER_SHARD = 512


def measure(
    *,
    num_shards: int = _NUM_SHARDS,
    records_per_shard: int = _RECORDS_PER_SHARD,
    batch_size: int = 64,
    num_rounds: int = 9,
    num_steps: int = 64,
) -> dict[str, Any]:
    """All rows; two epochs a turn."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        folders = {name: pathlib.Path(temporary, name) for name in ("float16", "float32", "lists")}
        for dtype in ("float16", "float32"):
            sides.write_dataset(folders[dtype], dtype, num_shards, records_per_shard)
        sides.write_lists(folders["lists"], records_per_shard)

        def turns(one: str, other: str, folder: str, other_folder: str, num: int, num_other: int):
            settings = [
                {"side": side, "folder": str(folders[name]), "batch_size": batch_size}
                for side, name in ((one, folder), (other, other_folder))
            ]
            with (
                Worker(_SIDES, settings[0], num_threads=1) as ours,
                Worker(_SIDES, settings[1], num_threads=1) as theirs,
            ):
                times = in_turns(
                    ours.take,
                    theirs.take,
                    num_rounds=num_rounds,
                    num_steps=num,
                    num_other_steps=num_other,
                )
                return times, {"batch_size": batch_size, **ours.info}

        for folder in ("float16", "float32"):
            times, more = turns("batches", "file", folder, folder, num_steps, num_steps)
            what = f"batches of {folder} features from shards"
            against = "reading the same bytes from the page cache"
            rows.append(compare(what, against, times, goal=_GOAL, more=more))
        few = max(num_steps // 8, 1)
        times, more = turns("batches", "one_by_one", "float16", "lists", num_steps, few)
        what, against = "batches of float16 features from shards", "lists of floats, one at a time"
        rows.append(compare(what, against, times, goal=_GOAL_ONE_BY_ONE, more=more))
        times, more = turns("pictures", "jpeg", "float16", "float16", few, few)
        what, against = "batches with pictures from shards", "decoding the same JPEGs alone"
        rows.append(compare(what, against, times, more=more))
        times, _ = turns("columns", "records", "float16", "float16", num_steps, num_steps)
    batches = rows[0]
    seconds = {
        "file": batches.against_seconds,
        "records": [took.seconds for took in times[1]],
        "columns": [took.seconds for took in times[0]],
        "batches": batches.seconds,
    }
    return {"rows": rows, "seconds": seconds}


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """Where the time of a batch of float16 features goes, in shares that add up."""
    seconds = {name: statistics.median(took) for name, took in benchmark["seconds"].items()}
    steps = {
        "reading the bytes": seconds["file"],
        "cutting them into records, shuffling": seconds["records"] - seconds["file"],
        "parsing their fields": seconds["columns"] - seconds["records"],
        "float32, handing the batch over": seconds["batches"] - seconds["columns"],
        "all": seconds["batches"],
    }
    lines = [
        [name, f"{took * 1e6:.0f} µs", f"{took / seconds['batches']:.0%}"]
        for name, took in steps.items()
    ]
    return {"shares": tables.table(("part", "takes", "share"), lines)}

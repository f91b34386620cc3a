"""Retrieval beside NumPy's product of the same matrices, and how much memory it takes.

A step of ours reads vectors of float16 that are mapped into memory, ranks all targets for each
query by both distances and finds the nearest. NumPy's only multiplies, float32 vectors that it has
in memory; it is given a share of the queries, as all of them would take minutes. Its OpenBLAS takes
its oldest kernels on a processor that it does not know, so it runs with those that fit as well.
"""

import contextlib
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

from benchmarks.speed import retrieval_sides as sides
from benchmarks.speed import tables
from benchmarks.speed.comparing import Row, compare
from benchmarks.speed.workers import Took, Worker

_SIDES = "benchmarks.speed.retrieval_sides"
_GOAL = 0.8
_NUM_QUERIES = 10_400
_NUM_TARGETS = (10_400, 104_000)
_SIZE = 4096
_NUM_CLASSES = 52
_ROUNDS = (5, 2)
# NumPy's share of the queries, by its kernels, so that a round takes it seconds.
_PARTS = {"": 20, "best": 5}


def measure(
    *,
    num_queries: int = _NUM_QUERIES,
    num_targets: tuple[int, ...] = _NUM_TARGETS,
    size: int = _SIZE,
    rounds: tuple[int, ...] = _ROUNDS,
) -> dict[str, Any]:
    """Rows for each number of targets, and where a step's time goes."""
    rows: list[Row] = []
    profiles = []
    core_type = sides.best_core_type()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        sides.write_vectors(folder, "queries", num_queries, size, _NUM_CLASSES)
        for num, num_rounds in zip(num_targets, rounds, strict=True):
            sides.write_vectors(folder, "targets", num, size, _NUM_CLASSES)
            common = {"folder": temporary, "targets": "targets"}

            def side(num: int, common: Mapping[str, Any] = common, **settings: Any) -> Worker:
                return Worker(_SIDES, {**common, "num_queries": num, **settings})

            others = {
                kernels: max(1, num_queries // part)
                for kernels, part in _PARTS.items()
                if core_type or not kernels
            }
            with contextlib.ExitStack() as stack:
                ours = stack.enter_context(side(num_queries, side="ours"))
                workers = {
                    kernels: stack.enter_context(
                        side(share, side="numpy", core_type=core_type if kernels else "")
                    )
                    for kernels, share in others.items()
                }
                for worker in workers.values():
                    worker.take()
                took = [
                    (ours.take(), {kernels: worker.take() for kernels, worker in workers.items()})
                    for _ in range(num_rounds)
                ]
            for kernels, share in others.items():
                rows.append(_row(num_queries, num, share, kernels and core_type, kernels, took))
                rows[-1].more["file_bytes"] = 2 * num * size
            part = max(1, num_queries * num_targets[0] // num)
            with side(part, side="parts") as profiled:
                profiles.append({"num_queries": part, "num_targets": num, "parts": profiled.info})
            (folder / "targets.npy").unlink()
    return {"rows": rows, "profiles": profiles}


def _row(
    num_queries: int,
    num_targets: int,
    share: int,
    core_type: str,
    kernels: str,
    took: list[tuple[Took, dict[str, Took]]],
) -> Row:
    against = "NumPy's matmul alone"
    return compare(
        f"ranking {num_targets:,} sounds for {num_queries:,} images",
        f"{against}, kernels for {core_type}" if core_type else against,
        ([ours for ours, _ in took], [others[kernels] for _, others in took]),
        goal=_GOAL,
        work=num_queries / share,
        more={"num_targets": num_targets, "peak_bytes": took[-1][0].peak_bytes},
    )


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """The peak of the memory, and a table of shares."""
    by_num = {row["more"]["num_targets"]: row["more"] for row in benchmark["rows"]}
    memory = tables.table(
        ("targets", "their float16 file", "peak of the process"),
        (
            (f"{num:,}", _gib(more["file_bytes"]), f"{_gib(more['peak_bytes'])} (goal: ≤ 2 GiB)")
            for num, more in by_num.items()
        ),
    )
    lines = []
    for profile in benchmark["profiles"]:
        whole = sum(profile["parts"].values())
        case = f"{profile['num_queries']:,} × {profile['num_targets']:,}"
        shares = [
            (case, name, tables.seconds(took), f"{took / whole:.0%}")
            for name, took in profile["parts"].items()
        ]
        lines += [*shares, (case, "whole", tables.seconds(whole), "100%")]
    return {
        "memory": memory,
        "profile": tables.table(("queries × targets", "part", "takes", "share"), lines),
    }


def _gib(num_bytes: float) -> str:
    return f"{num_bytes / 2**30:.2f} GiB"

"""Training of the multimodal layers, beside the time that its matrix products alone would take.

A step of ours is the whole of it at the paper's size: both modalities, all losses with their
gradients, and Adam over 34 million weights. The other side is one plain product of large matrices,
counted in FLOPs. At a batch of 64 moving the weights takes longer than multiplying with them, so
a further row stands beside the product and as many bytes moved as the update must move at least.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.speed import tables
from benchmarks.speed.comparing import compare, in_turns
from benchmarks.speed.workers import Took, Worker

_SIDES = "benchmarks.speed.multimodal_sides"
_GOAL = 0.6
_BATCH_SIZE = 64  # as `MultimodalConfig` has it
_LARGER_BATCH_SIZE = 512
_NUM_CLASSES = 52
_HIDDEN_UNITS = 4096
_MATMUL_SIDE = 4096


def measure(
    *,
    batch_sizes: Sequence[int] = (_BATCH_SIZE, _LARGER_BATCH_SIZE),
    hidden_units: int = _HIDDEN_UNITS,
    matmul_side: int = _MATMUL_SIDE,
    num_rounds: int = 7,
    num_steps: int = 3,
) -> dict[str, Any]:
    """Rows by batch size, and the profile at the first."""

    def side(name: str, batch_size: int = batch_sizes[0]) -> Worker:
        settings = {
            "side": name,
            "batch_size": batch_size,
            "hidden_units": hidden_units,
            "num_classes": _NUM_CLASSES,
            "matmul_side": matmul_side,
        }
        return Worker(_SIDES, settings)

    rows = []
    with side("matmul") as matmul, side("memory") as memory:
        memory.take(2)
        for batch_size in batch_sizes:
            with side("training", batch_size) as training:
                times = in_turns(
                    training.take,
                    matmul.take,
                    num_rounds=num_rounds,
                    num_steps=num_steps,
                    num_other_steps=1,
                )
                work = training.info["flops"] / matmul.info["flops"]
                what = f"multimodal training, batch {batch_size}"
                more = {"batch_size": batch_size, **training.info}
                goal = _GOAL if batch_size == batch_sizes[0] else None
                against = "its matmuls at the speed of a large one"
                rows.append(compare(what, against, times, goal=goal, work=work, more=more))
                moved = [memory.take(1) for _ in range(num_rounds)]
                limit = [
                    _one_after_the_other(product, work, bytes_moved)
                    for product, bytes_moved in zip(times[1], moved, strict=True)
                ]
                against = "these and the bytes that the update must move"
                rows.append(compare(what, against, (times[0], limit), more=more))
    with side("profile") as profiled:
        parts = profiled.info["parts"]
    return {"rows": rows, "parts": parts}


def _one_after_the_other(product: Took, work: float, moved: Took) -> Took:
    return Took(
        work * product.seconds + moved.seconds,
        work * product.processor_seconds + moved.processor_seconds,
        max(product.peak_bytes, moved.peak_bytes),
    )


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """The table of shares, and the work in a step."""
    work = {row["more"]["batch_size"]: row["more"] for row in benchmark["rows"]}
    return {
        "profile": tables.shares(benchmark["parts"]),
        "work": tables.table(
            ("batch", "GFLOP in matmuls", "million weights", "MB that an update moves"),
            (
                (
                    str(batch_size),
                    f"{more['flops'] / 1e9:.2f}",
                    f"{more['num_weights'] / 1e6:.1f}",
                    f"{more['update_bytes'] / 1e6:.0f}",
                )
                for batch_size, more in work.items()
            ),
        ),
    }

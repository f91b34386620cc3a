"""The pix2pix-128 training step beside PyTorch's and beside our own straightforward one.

The image GAN of `configs/paper`: U-Net and PatchGAN with 64 filters on maps of 128×128, one batch
that stays in memory. A step is what both do: the generator's pass, the discriminator's update on
it, the generator's through the updated discriminator. Constants here are those of PyTorch's side:
ours takes them where a run does, from the configuration.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.speed import tables
from benchmarks.speed.comparing import Row, compare, in_turns
from benchmarks.speed.workers import Worker
from s2i_tf import spec
from s2i_tf.config import GanConfig

_SETTINGS = GanConfig()
LEARNING_RATE = _SETTINGS.optimizer.learning_rate
BETA_1 = _SETTINGS.optimizer.beta_1
BETA_2 = _SETTINGS.optimizer.beta_2
EPSILON = _SETTINGS.optimizer.epsilon
L1_WEIGHT = _SETTINGS.loss.l1_weight
DROPOUT = _SETTINGS.generator.dropout
CONDITION_CHANNELS = 1

_OURS = "benchmarks.speed.step_sides"
_PYTORCH = "benchmarks.speed.step_torch"
_PROFILE = "benchmarks.speed.step_profile"
_GOALS = {"float32": 1.3, "mixed_bfloat16": 1.2}
_FASTEST_GOAL = 1.25
_TIMES = ("seconds", "against_seconds")  # ours, and those of the other side
_STRAIGHTFORWARD_GOAL = 1.2
_SHORT = {"float32": "float32", "mixed_bfloat16": "bfloat16"}


def made_up(batch_size: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Conditions [batch, side, side, 1] and targets [batch, side, side, 3] in [-1, 1], float32."""
    rng = np.random.default_rng(0)
    condition = rng.normal(size=(batch_size, side, side, CONDITION_CHANNELS))
    target = rng.uniform(-1, 1, size=(batch_size, side, side, spec.IMAGE_CHANNELS))
    return condition.astype(np.float32), target.astype(np.float32)


def measure(
    *,
    batch_sizes: Sequence[int] = (4, 16),
    filters: int = 64,
    side: int = 128,
    num_rounds: int = 5,
    num_images: int = 16,
) -> dict[str, Any]:
    """Rows by precision and batch size, and the parts of our step in seconds.

    Args:
      batch_sizes: of the steps.
      filters: of both players' first layers.
      side: of the maps.
      num_rounds: turns of each side.
      num_images: in a turn, at least one step.
    """
    sizes = {"filters": filters, "side": side}

    def row(batch_size: int, precision: str, against: str, goal: float, other) -> Row:
        settings = {"batch_size": batch_size, "precision": precision, **sizes}
        module, further = other
        with Worker(_OURS, settings) as ours, Worker(module, settings | further) as theirs:
            times = in_turns(
                ours.take,
                theirs.take,
                num_rounds=num_rounds,
                num_steps=max(num_images // batch_size, 1),
            )
            work = {"flops": ours.info["flops"], "against_flops": theirs.info.get("flops")}
        what = f"pix2pix step, {_SHORT[precision]}, batch {batch_size}"
        return compare(what, against, times, goal=goal, more=settings | work)

    rows = [
        row(batch_size, precision, "PyTorch's step", goal, (_PYTORCH, {}))
        for precision, goal in _GOALS.items()
        for batch_size in batch_sizes
    ]
    for batch_size in batch_sizes:
        ours, theirs = (_fastest(rows, batch_size, whose) for whose in _TIMES)
        against = f"PyTorch's step in its fastest precision, {_SHORT[theirs]}"
        other = (_PYTORCH, {"precision": theirs})
        rows.append(row(batch_size, ours, against, _FASTEST_GOAL, other))
    straightforward = (_OURS, {"straightforward": True})
    rows += [
        row(
            batch_size,
            "float32",
            "our straightforward step",
            _STRAIGHTFORWARD_GOAL,
            straightforward,
        )
        for batch_size in batch_sizes
    ]
    profiles = {}
    for batch_size in batch_sizes:
        settings = {"batch_size": batch_size, "precision": "float32", **sizes}
        with Worker(_PROFILE, settings | {"num_steps": 3}, num_threads=1) as profiled:
            profiles[str(batch_size)] = profiled.info["parts"]
    return {"rows": rows, "profiles": profiles}


def _fastest(rows: Sequence[Row], batch_size: int, times: str) -> str:
    """The precision in which a side's turns were fastest in those rows, by the median."""
    medians = {
        row.more["precision"]: np.median(getattr(row, times))
        for row in rows
        if row.more["batch_size"] == batch_size
    }
    return min(medians, key=medians.get)


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """The work beside that of plain convolutions, and the table of shares."""
    profiles = benchmark["profiles"]
    wholes = {batch_size: sum(parts.values()) for batch_size, parts in profiles.items()}
    names = list(dict.fromkeys(name for parts in profiles.values() for name in parts))
    lines = [
        [name, *(f"{parts.get(name, 0) / wholes[size]:.1%}" for size, parts in profiles.items())]
        for name in names
    ]
    whole = ["whole", *(tables.seconds(whole) for whole in wholes.values())]
    head = ["part", *(f"batch {batch_size}" for batch_size in profiles)]
    work = [
        (
            str(more["batch_size"]),
            *(f"{more[name] / 1e9:.0f}" for name in ("flops", "against_flops")),
        )
        for more in (row["more"] for row in benchmark["rows"])
        if more["against_flops"]
    ]
    return {
        "work": tables.table(("batch", "GFLOP of our step", "of the straightforward one"), work),
        "profile": tables.table(head, [*lines, whole]),
    }

"""The step of the image GAN of `configs/realpairs/longer.py`, which looks through a pretrained net.

In the precision that it takes on this processor, beside itself in float32; and where its time
goes. On a processor without products in bfloat16 both sides are the same.
"""

from collections.abc import Mapping
from typing import Any

from benchmarks.speed import tables
from benchmarks.speed.comparing import compare, in_turns
from benchmarks.speed.workers import Worker

_SIDES = "benchmarks.speed.recipe_sides"
_GOAL = 1.5
_NUM_PROFILED = 3


def measure(*, num_rounds: int = 5, batch_size: int = 0) -> dict[str, Any]:
    """The row, on one core, and the parts of both precisions in seconds.

    Args:
      num_rounds: turns of each side.
      batch_size: photos in a step; 0 for the configuration's.
    """
    sides = ("auto", "float32")
    settings = {"batch_size": batch_size, "num_profiled": _NUM_PROFILED}
    with (
        Worker(_SIDES, settings | {"precision": sides[0]}, num_threads=1) as ours,
        Worker(_SIDES, settings | {"precision": sides[1]}, num_threads=1) as plain,
    ):
        times = in_turns(ours.take, plain.take, num_rounds=num_rounds, num_warm_up=1)
        profiles = {name: one.info["parts"] for name, one in zip(sides, (ours, plain), strict=True)}
        more = {"num_pictures": ours.info["num_pictures"]}
    what = "image GAN through a pretrained net"
    row = compare(what, "the same in float32", times, goal=_GOAL, more=more)
    return {"rows": [row], "profiles": profiles}


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """The table of shares."""
    profiles = benchmark["profiles"]
    names = dict.fromkeys(name for parts in profiles.values() for name in parts)
    wholes = {side: sum(parts.values()) for side, parts in profiles.items()}
    lines = [
        [name, *(f"{parts.get(name, 0) / wholes[side]:.1%}" for side, parts in profiles.items())]
        for name in names
    ]
    lines.append(["whole", *(tables.seconds(whole) for whole in wholes.values())])
    return {"profile": tables.table(["part", *profiles], lines)}

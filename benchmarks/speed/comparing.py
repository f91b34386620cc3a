"""Two sides in turns, A B A B …, after a warm-up; and the row that comes of it."""

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.speed.workers import Took

Take = Callable[[int], Took]


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
      what: that was measured.
      against: what stands beside it.
      ratio: how many times as fast as that, the median over the rounds; above 1 is faster.
      ratios: the ratio of each round.
      goal: the least that the ratio should be; None where there is none.
      seconds: of one step of the measured side, in each round.
      against_seconds: of one step of the other.
      processor_ratio: the ratio of the processor's seconds, all threads together: beside other
        work it says more than the clock.
      more: anything else that belongs beside it, by name.
    """

    what: str
    against: str
    ratio: float
    ratios: Sequence[float]
    goal: float | None
    seconds: Sequence[float]
    against_seconds: Sequence[float]
    processor_ratio: float | None = None
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def in_turns(
    take: Take,
    take_other: Take,
    *,
    num_rounds: int,
    num_steps: int = 1,
    num_other_steps: int | None = None,
    num_warm_up: int = 2,
) -> tuple[list[Took], list[Took]]:
    """Both sides' times, each for one step.

    Args:
      take: takes steps of the measured side, such as `Worker.take`.
      take_other: of the other.
      num_rounds: turns of each.
      num_steps: in a turn.
      num_other_steps: in a turn of the other, if not as many.
      num_warm_up: steps of each before.
    """
    sides = ((take, num_steps), (take_other, num_other_steps or num_steps))
    for side, _ in sides:
        if num_warm_up:
            side(num_warm_up)
    rounds = [[_for_one(side(num), num) for side, num in sides] for _ in range(num_rounds)]
    return [one for one, _ in rounds], [other for _, other in rounds]


def compare(
    what: str,
    against: str,
    times: tuple[Sequence[Took], Sequence[Took]],
    *,
    goal: float | None = None,
    work: float = 1.0,
    more: Mapping[str, Any] | None = None,
) -> Row:
    """A row of the times of two sides.

    Args:
      what: that was measured.
      against: what stands beside it.
      times: of `in_turns`.
      goal: the least that the ratio should be.
      work: how many times as much a step of the measured side does as one of the other.
      more: for `Row.more`.
    """
    one, other = times
    ratios = [work * b.seconds / a.seconds for a, b in zip(one, other, strict=True)]
    processor = [
        work * b.processor_seconds / a.processor_seconds
        for a, b in zip(one, other, strict=True)
        if a.processor_seconds
    ]
    return Row(
        what,
        against,
        statistics.median(ratios),
        ratios,
        goal,
        [took.seconds for took in one],
        [took.seconds for took in other],
        statistics.median(processor) if processor else None,
        dict(more or {}),
    )


def _for_one(took: Took, num: int) -> Took:
    return Took(took.seconds / num, took.processor_seconds / num, took.peak_bytes)

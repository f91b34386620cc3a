"""Vectors along time: smoothed, and read at the times of frames.

Vectors [num, size] stand `step_seconds` apart, the first at 0. A cut is a time across which
nothing is smoothed, so that what follows it begins at once.
"""

import collections
import math
from collections.abc import Iterable, Iterator

import numpy as np

_REACH = 3  # standard deviations of the smoothing that count


def smooth(
    vectors: np.ndarray, step_seconds: float, smooth_seconds: float, cuts: np.ndarray
) -> np.ndarray:
    """Weighted means over time, by a normal curve, within the part between two cuts.

    Args:
      vectors: float [num, size].
      step_seconds: time between two of them.
      smooth_seconds: standard deviation of the curve; 0 leaves everything as it is.
      cuts: seconds, ascending.

    Returns:
      Float32 [num, size].
    """
    if not smooth_seconds:
        return vectors.astype(np.float32)
    part = parts(np.arange(len(vectors)) * step_seconds, cuts)
    total = np.zeros(vectors.shape, np.float32)
    weights = np.zeros((len(vectors), 1), np.float32)
    reach = min(math.ceil(_REACH * smooth_seconds / step_seconds), len(vectors) - 1)
    for offset in range(-reach, reach + 1):
        here = slice(max(-offset, 0), len(vectors) - max(offset, 0))
        there = slice(max(offset, 0), len(vectors) - max(-offset, 0))
        weight = math.exp(-0.5 * (offset * step_seconds / smooth_seconds) ** 2)
        same = weight * (part[here] == part[there])[:, None].astype(np.float32)
        total[here] += same * vectors[there]
        weights[here] += same
    return total / weights


def at_times(
    vectors: np.ndarray, step_seconds: float, times: np.ndarray, cuts: np.ndarray
) -> np.ndarray:
    """The vectors at any times, float32 [times, size]: between two of them, a blend of both.

    Where a cut lies between the two, the one on the time's side of it counts alone.

    Args:
      vectors: float [num, size].
      step_seconds: time between two of them.
      times: seconds, not negative.
      cuts: seconds, ascending.
    """
    position = np.minimum(times / step_seconds, len(vectors) - 1)
    before = np.floor(position).astype(int)
    after = np.minimum(before + 1, len(vectors) - 1)
    share = position - before
    part = parts(times, cuts)
    share = np.where(parts(before * step_seconds, cuts) != part, 1.0, share)
    share = np.where(parts(after * step_seconds, cuts) != part, 0.0, share)
    share = share.astype(np.float32)[:, None]
    return (1 - share) * vectors[before] + share * vectors[after]


def dissolve(
    pictures: Iterable[np.ndarray], times: np.ndarray, smooth_seconds: float, cuts: np.ndarray
) -> Iterator[np.ndarray]:
    """Each picture blended with those around it as `smooth` does, some of them in memory.

    Args:
      pictures: uint8 arrays of one shape, in the order of their times.
      times: seconds, ascending, at even steps.
      smooth_seconds: standard deviation of the curve; 0 leaves every picture as it is.
      cuts: seconds, ascending.
    """
    if not smooth_seconds:
        yield from pictures
        return
    coming, part = iter(pictures), parts(times, cuts)
    around: collections.deque[tuple[int, np.ndarray]] = collections.deque()
    for number, time in enumerate(times):
        last = np.searchsorted(times, time + _REACH * smooth_seconds, side="right") - 1
        while not around or around[-1][0] < last:
            around.append((around[-1][0] + 1 if around else 0, next(coming)))
        while times[around[0][0]] < time - _REACH * smooth_seconds:
            around.popleft()
        numbers = np.array([index for index, _ in around])
        weights = np.exp(-0.5 * ((times[numbers] - time) / smooth_seconds) ** 2)
        weights = np.float32(weights * (part[numbers] == part[number]))
        stacked = np.stack([picture for _, picture in around])
        blend = np.tensordot(weights / weights.sum(), stacked.astype(np.float32), 1)
        yield np.uint8(blend + 0.5)


def parts(times: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """How many cuts lie at or before each time, give or take rounding: int [times]."""
    return np.searchsorted(cuts, times + 1e-6, side="right")

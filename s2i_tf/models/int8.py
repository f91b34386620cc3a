"""Weights as int8 with scales, as the files of shipped models keep large ones."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

LARGEST = 127
# With scales of its own for fewer weights anything would be exact.
_FEWEST = 32


class Quantized(NamedTuple):
    """Weights as int8 numbers times scales.

    Attributes:
      values: int8 [...].
      scales: float32, of the same number of dimensions, one for each place along `axis`.
      axis: which axis has scales of its own; None if one scale does for all.
      zero: the int8 number that means 0.
    """

    values: np.ndarray
    scales: np.ndarray
    axis: int | None
    zero: int = 0

    @property
    def restored(self) -> np.ndarray:
        """The weights that these stand for, float32."""
        return (self.values.astype(np.float32) - self.zero) * self.scales


def quantize(weights: np.ndarray, axis: int | None, largest: int = LARGEST) -> Quantized:
    """Rounds float32 weights to ±`largest` steps, for each place along an axis its own."""
    others = tuple(other for other in range(weights.ndim) if other != axis)
    scales = np.abs(weights).max(axis=others, keepdims=True) / np.float32(largest)
    values = np.round(weights / np.where(scales, scales, 1)).astype(np.int8)
    return Quantized(values, scales.astype(np.float32), axis)


def closest(
    weights: np.ndarray, axes: Iterable[int | None], largest: int = LARGEST
) -> tuple[Quantized, float]:
    """By the one of the axes with which the least is lost, and the sum of the squared errors."""
    found = [quantize(weights, axis, largest) for axis in axes]
    errors = [float(np.square(one.restored - weights).sum()) for one in found]
    best = int(np.argmin(errors))
    return found[best], errors[best]


def exact(weights: np.ndarray) -> Quantized | None:
    """Weights that were int8 before, as they were; None if they weren't."""
    axes = [axis for axis, size in enumerate(weights.shape) if weights.size >= _FEWEST * size]
    for found in (closest(weights, [None, *axes])[0], _of_any_zero(weights)):
        if found is not None and np.allclose(found.restored, weights, rtol=1e-6, atol=0):
            return found
    return None


def _of_any_zero(weights: np.ndarray) -> Quantized | None:
    """By one step, the least between two weights; None if that gives more than 256 numbers."""
    distinct = np.unique(weights).astype(np.float64)
    if not 1 < distinct.size <= 256:
        return None
    whole = np.round(distinct / np.diff(distinct).min())
    low = int(whole[0])
    if whole[-1] - low > 255 or not -255 <= low <= 0:
        return None
    step = (whole @ distinct) / (whole @ whole)
    values = (np.round(weights / step) - low - 128).astype(np.int8)
    scales = np.full((1,) * weights.ndim, step, np.float32)
    return Quantized(values, scales, None, -low - 128)

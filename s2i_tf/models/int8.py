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
    """

    values: np.ndarray
    scales: np.ndarray
    axis: int | None

    @property
    def restored(self) -> np.ndarray:
        """The weights that these stand for, float32."""
        return self.values * self.scales


def quantize(weights: np.ndarray, axis: int | None, largest: int = LARGEST) -> Quantized:
    """Rounds float32 weights to ±`largest` steps, for each place along an axis its own."""
    others = tuple(other for other in range(weights.ndim) if other != axis)
    scales = np.abs(weights).max(axis=others, keepdims=True) / np.float32(largest)
    values = np.round(weights / np.where(scales, scales, 1)).astype(np.int8)
    return Quantized(values, scales.astype(np.float32), axis)


def closest(weights: np.ndarray, axes: Iterable[int | None], largest: int = LARGEST) -> Quantized:
    """By the one of the axes with which the least is lost."""
    found = [quantize(weights, axis, largest) for axis in axes]
    return min(found, key=lambda one: np.square(one.restored - weights).sum())


def exact(weights: np.ndarray) -> Quantized | None:
    """Weights that were int8 before, as they were; None if they weren't."""
    axes = [axis for axis, size in enumerate(weights.shape) if weights.size >= _FEWEST * size]
    found = closest(weights, [None, *axes])
    return found if np.allclose(found.restored, weights, rtol=1e-6, atol=0) else None

"""Convolutions of small kernels by fewer multiplications (Winograd 1980, Lavin and Gray 2016).

A row of m outputs of a kernel of r taps takes m·r multiplications, or m + r - 1: as many as points
at which two polynomials of these degrees have to be known so that their product is. Here a map is
cut into overlapping tiles, tiles and kernel are transformed to points along both axes, multiplied
point by point, each over all channels as one matrix product, and transformed back. A stride of 2
is a kernel of half the taps over four times the channels. All transforms are linear maps of one
axis; strides, padding and the cutting are part of their matrices, so that gradients, and
gradients of these, are matrix products as well.

In float32 the outputs differ from a plain convolution's by a few millionths of their size. Maps
are [batch, side, side, channels], kernels [taps, taps, channels, filters].
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from keras import ops

from s2i_tf.kernels import fused

# With more points the numbers between the transforms grow, and with them rounding errors.
_POINTS = (0, 1, -1, 2, -2, 0.5, -0.5)
MAX_TILE = 5
PLAIN = 0

# What things cost on a processor, in multiplications of the point by point product. They were
# fitted to times of layers of 64 to 1024 channels, forward and backward.
_PER_PLAIN_MULTIPLICATION = 0.85
_PER_TRANSFORMED_VALUE = 90
# A kernel is read, transformed and so is its gradient, whatever the batch; a plain convolution
# lays it out anew in each pass.
_PER_KERNEL_VALUE = 40
_PER_PLAIN_KERNEL_VALUE = 100
_USUAL_BATCH = 8


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Of a convolution along either axis.

    Attributes:
      side: side of the maps that it reads.
      out_side: side of the maps that it makes.
      taps: side of the kernel.
      stride: step between outputs, which divides the taps.
      padding: number of zeros before the first value; those behind the last follow.
    """

    side: int
    out_side: int
    taps: int
    stride: int
    padding: int


@dataclasses.dataclass(frozen=True)
class Tiling:
    """The transforms of a convolution's tiles, float32.

    Attributes:
      num_points: number of points of a tile along an axis.
      num_tiles: number of tiles along an axis.
      of_maps: [points × tiles × stride, side], from a map's rows to the points of its tiles.
      of_kernel: [points² × stride², taps²].
      of_outputs: [out_side, points × tiles].
    """

    num_points: int
    num_tiles: int
    of_maps: np.ndarray
    of_kernel: np.ndarray
    of_outputs: np.ndarray


def best_tile(geometry: Geometry, batch_size: int | None, channels: int, filters: int) -> int:
    """The outputs of a tile along an axis for which a training step costs least.

    Args:
      geometry: geometry of the convolution.
      batch_size: number of maps in a batch; None for an unknown one.
      channels: channels of the maps that it reads.
      filters: channels of the maps that it makes.

    Returns:
      1 for the plain sum as one matrix product, `PLAIN` where a convolution is best.
    """
    batch_size = batch_size or _USUAL_BATCH
    channels *= geometry.stride**2
    taps = geometry.taps // geometry.stride
    sums = geometry.out_side**2 * taps**2
    kernel = channels * filters / batch_size

    def cost(tile: int) -> float:
        if tile == PLAIN:
            plain = sums * _PER_PLAIN_MULTIPLICATION * channels * filters
            return plain + taps**2 * kernel * _PER_PLAIN_KERNEL_VALUE
        if tile == 1:
            return sums * channels * (filters + _PER_TRANSFORMED_VALUE)
        points = tile + taps - 1
        values = (points * -(-geometry.out_side // tile)) ** 2
        transformed = values * _PER_TRANSFORMED_VALUE * (channels + filters)
        return values * channels * filters + transformed + points**2 * kernel * _PER_KERNEL_VALUE

    return min(range(MAX_TILE + 1), key=cost)


@functools.cache
def tiling(geometry: Geometry, tile: int) -> Tiling:
    """The transforms of tiles of so many outputs, 1 to `MAX_TILE`, along an axis."""
    taps = geometry.taps // geometry.stride
    to_points, kernel_to_points, from_points = _transforms(tile, taps)
    num_points, num_tiles = tile + taps - 1, -(-geometry.out_side // tile)
    of_maps = np.zeros((num_points, num_tiles, geometry.stride, geometry.side))
    of_outputs = np.zeros((num_tiles, tile, num_points, num_tiles))
    for index in range(num_tiles):
        of_outputs[index, :, :, index] = from_points
        for phase in range(geometry.stride):
            for place in range(num_points):
                row = geometry.stride * (index * tile + place) + phase - geometry.padding
                if 0 <= row < geometry.side:
                    of_maps[:, index, phase, row] = to_points[:, place]
    along_axis = np.zeros((num_points, geometry.stride, taps, geometry.stride))
    for phase in range(geometry.stride):
        along_axis[:, phase, :, phase] = kernel_to_points
    along_axis = along_axis.reshape(num_points, geometry.stride, geometry.taps)
    of_kernel = np.einsum("pak,qbl->pqabkl", along_axis, along_axis)
    return Tiling(
        num_points,
        num_tiles,
        of_maps.reshape(-1, geometry.side).astype(np.float32),
        of_kernel.reshape(-1, geometry.taps**2).astype(np.float32),
        of_outputs.reshape(num_tiles * tile, -1)[: geometry.out_side].astype(np.float32),
    )


def convolve(maps, kernel, geometry: Geometry, tile: int):
    """A convolution: [batch, out_side, out_side, filters]."""
    tiles = tiling(geometry, tile)
    points, count, stride = tiles.num_points, tiles.num_tiles, geometry.stride
    channels, filters = kernel.shape[2:]
    # Here and below, values that stay together in memory are one axis: a copy is fast as it gets.
    x = _along_both_axes(tiles.of_maps, maps)
    x = ops.reshape(x, (-1, points, count, stride, points, count, stride * channels))
    if tile == 1:
        x = ops.transpose(x, (0, 2, 5, 1, 3, 4, 6))
        size = geometry.taps**2 * channels
        x = ops.matmul(ops.reshape(x, (-1, size)), ops.reshape(kernel, (size, filters)))
        return ops.reshape(x, (-1, geometry.out_side, geometry.out_side, filters))
    x = ops.transpose(x, (1, 4, 0, 2, 5, 3, 6))
    x = ops.reshape(x, (points**2, -1, stride**2 * channels))
    x = ops.matmul(x, _at_points(kernel, tiles))
    x = ops.reshape(x, (points, points, -1, count, count * filters))
    x = ops.transpose(x, (2, 0, 3, 1, 4))
    x = ops.reshape(x, (-1, points * count, points * count, filters))
    return _along_both_axes(tiles.of_outputs, x)


def convolve_transposed(maps, kernel, geometry: Geometry, tile: int):
    """The transposed convolution, from its outputs' side to its inputs'.

    Args:
      maps: [batch, out_side, out_side, filters].
      kernel: [taps, taps, channels, filters].
      geometry: geometry of the convolution that it transposes.
      tile: outputs of a tile of that convolution along an axis.

    Returns:
      [batch, side, side, channels].
    """
    tiles = tiling(geometry, tile)
    points, count, stride = tiles.num_points, tiles.num_tiles, geometry.stride
    channels, filters = kernel.shape[2:]
    if tile == 1:
        size = geometry.taps**2 * channels
        kernel = ops.reshape(kernel, (size, filters))
        x = fused.matmul_transposed(ops.reshape(maps, (-1, filters)), kernel)
        x = ops.reshape(x, (-1, count, count, points, stride, points, stride * channels))
        x = ops.transpose(x, (0, 3, 1, 4, 5, 2, 6))
    else:
        x = _along_both_axes(tiles.of_outputs.T, maps)
        x = ops.reshape(x, (-1, points, count, points, count * filters))
        x = ops.transpose(x, (1, 3, 0, 2, 4))
        x = ops.reshape(x, (points**2, -1, filters))
        x = fused.matmul_transposed(x, _at_points(kernel, tiles))
        x = ops.reshape(x, (points, points, -1, count, count, stride, stride * channels))
        x = ops.transpose(x, (2, 0, 3, 5, 1, 4, 6))
    side = points * count * stride
    return _along_both_axes(tiles.of_maps.T, ops.reshape(x, (-1, side, side, channels)))


def _along_both_axes(matrix: np.ndarray, maps):
    """[batch, rows, rows, channels]: the matrix [rows, side] along both axes of square maps."""
    rows, side = matrix.shape
    channels = maps.shape[-1]
    matrix = ops.cast(matrix, maps.dtype)
    x = ops.matmul(matrix, ops.reshape(maps, (-1, side, side * channels)))
    x = ops.matmul(matrix, ops.reshape(x, (-1, side, channels)))
    return ops.reshape(x, (-1, rows, rows, channels))


def _at_points(kernel, tiles: Tiling):
    """[points², stride² × channels, filters]."""
    channels, filters = kernel.shape[2:]
    rows, taps = tiles.of_kernel.shape
    x = ops.matmul(tiles.of_kernel, ops.reshape(kernel, (taps, channels * filters)))
    return ops.reshape(x, (tiles.num_points**2, -1, filters))


def _transforms(tile: int, taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A tile's values and a kernel to points, and the points' products to outputs, float64.

    That the output k is the sum of kernel[j] · values[k + j] is a multiplication of polynomials
    read backwards, so that each matrix is the transpose of one of that multiplication's.

    Returns:
      [points, points], [points, taps] and [tile, points]; the last of the points is infinity.
    """
    if tile == 1:  # products of the values themselves, summed up
        return np.eye(taps), np.eye(taps), np.ones((1, taps))
    num_points = tile + taps - 1
    points = _POINTS[: num_points - 1]
    interpolate = np.linalg.inv(_values_at(points, num_points))
    return interpolate.T, _values_at(points, taps), _values_at(points, tile).T


def _values_at(points: Sequence[float], num_coefficients: int) -> np.ndarray:
    """[points + 1, coefficients]: from a polynomial's coefficients to its values, infinity last."""
    leading = np.eye(num_coefficients)[-1:]
    return np.concatenate([np.vander(points, num_coefficients, increasing=True), leading])

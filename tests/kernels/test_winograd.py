"""Convolutions by fewer multiplications: the numbers of plain ones."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.kernels import winograd
from s2i_tf.kernels.winograd import PLAIN, Geometry

# Of the discriminator's layers of stride 1 and of the halving layers; an odd side, a kernel of 3.
GEOMETRIES = [
    Geometry(16, 15, taps=4, stride=1, padding=1),
    Geometry(8, 4, taps=4, stride=2, padding=1),
    Geometry(9, 4, taps=4, stride=2, padding=1),
    Geometry(2, 1, taps=2, stride=2, padding=0),
    Geometry(7, 7, taps=3, stride=1, padding=1),
]
TILES = range(1, winograd.MAX_TILE + 1)
CHANNELS, FILTERS = 3, 5


def plain(maps, kernel, geometry):
    """By TensorFlow, in float64."""
    behind = geometry.stride * (geometry.out_side - 1) + geometry.taps
    behind -= geometry.side + geometry.padding
    rows = (geometry.padding, max(behind, 0))
    maps = tf.pad(tf.cast(maps, tf.float64), [(0, 0), rows, rows, (0, 0)])
    return tf.nn.conv2d(maps, tf.cast(kernel, tf.float64), geometry.stride, "VALID")


@pytest.fixture
def values(rng):
    def draw(*shape):
        return tf.constant(rng.normal(size=shape).astype(np.float32))

    return draw


@pytest.mark.parametrize(("geometry", "tile"), [*itertools.product(GEOMETRIES, TILES)])
def test_outputs_and_gradients_are_those_of_a_convolution(geometry, tile, values):
    maps = values(2, geometry.side, geometry.side, CHANNELS)
    kernel = values(geometry.taps, geometry.taps, CHANNELS, FILTERS)
    out = values(2, geometry.out_side, geometry.out_side, FILTERS)

    def results(convolve):
        with tf.GradientTape() as tape:
            tape.watch([maps, kernel])
            outputs = convolve()
        seed = tf.cast(out, outputs.dtype)
        return outputs, *tape.gradient(outputs, [maps, kernel], output_gradients=seed)

    found = results(lambda: winograd.convolve(maps, kernel, geometry, tile))
    expected = results(lambda: plain(maps, kernel, geometry))
    transposed = winograd.convolve_transposed(out, kernel, geometry, tile)
    pairs = [*zip(found, expected, strict=True), (transposed, expected[1])]
    for one, other in pairs:
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=3e-5 * np.std(other))


def test_second_derivatives(values):
    """Of the gradient's size, as a gradient penalty takes it."""
    geometry = GEOMETRIES[0]
    maps = values(2, geometry.side, geometry.side, CHANNELS)
    kernel = values(geometry.taps, geometry.taps, CHANNELS, FILTERS)

    def penalty_gradient(convolve):
        with tf.GradientTape() as outer:
            outer.watch(kernel)
            with tf.GradientTape() as inner:
                inner.watch(maps)
                value = tf.reduce_sum(tf.cast(convolve(), tf.float32) ** 2)
            penalty = tf.reduce_sum(inner.gradient(value, maps) ** 2)
        return outer.gradient(penalty, kernel)

    np.testing.assert_allclose(
        penalty_gradient(lambda: winograd.convolve(maps, kernel, geometry, 5)),
        penalty_gradient(lambda: plain(maps, kernel, geometry)),
        rtol=1e-3,
    )


def test_a_large_layer_takes_fewer_multiplications(values):
    """Counted in the traced graph, the discriminator's largest layer takes a quarter."""
    geometry = GEOMETRIES[0]
    specs = tf.TensorSpec((16, 16, 16, 256)), tf.TensorSpec((4, 4, 256, 512))
    tile = winograd.best_tile(geometry, 16, 256, 512)
    graph = (
        tf.function(lambda maps, kernel: winograd.convolve(maps, kernel, geometry, tile))
        .get_concrete_function(*specs)
        .graph
    )
    count = 0
    for operation in graph.get_operations():
        if "MatMul" in operation.type:
            inner = operation.inputs[0].shape[-1]
            count += np.prod(operation.outputs[0].shape.as_list()) * inner
    assert count < 0.25 * 16 * 15**2 * 4**2 * 256 * 512


@pytest.mark.parametrize(
    ("geometry", "sizes", "tiles"),
    [
        (Geometry(16, 15, 4, 1, 1), (4, 256, 512), {4, 5}),
        (Geometry(32, 16, 4, 2, 1), (4, 128, 256), {4}),
        (Geometry(16, 8, 4, 2, 1), (4, 256, 512), {2}),  # a large kernel for few pixels
        (Geometry(4, 2, 4, 2, 1), (4, 512, 512), {1}),
        (Geometry(128, 64, 4, 2, 1), (None, 3, 64), {PLAIN}),  # transforms would cost more
        (Geometry(15, 14, 4, 1, 1), (16, 512, 1), {PLAIN}),
    ],
)
def test_the_tile_fits_the_layer(geometry, sizes, tiles):
    assert winograd.best_tile(geometry, *sizes) in tiles

"""The benchmark of multimodal training at toy size, and its count of the work."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.speed import flops, multimodal, multimodal_sides

BATCH, UNITS, CLASSES = 4, 16, 3


@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True)])
def test_flops_of_a_product_however_it_is_laid_out(transposed):
    shapes = [(5, 7), (7, 3)]
    one, other = (
        tf.ones(shape[::-1] if flip else shape)
        for shape, flip in zip(shapes, transposed, strict=True)
    )
    multiply = tf.function(
        lambda: tf.matmul(one, other, transpose_a=transposed[0], transpose_b=transposed[1])
    )
    assert multiply_flops(multiply) == 2 * 5 * 7 * 3


def multiply_flops(function):
    return flops.count(function.get_concrete_function().graph)


def test_flops_of_a_step_are_those_of_its_layers():
    step, info = multimodal_sides.build("training", BATCH, UNITS, CLASSES, 8)
    maps = 2 * 2 * (2 * BATCH * 4096 * UNITS)  # two modalities, forward and the weights' gradients
    scores = 3 * 3 * (2 * BATCH * UNITS * CLASSES)  # three hidden layers, with both gradients
    assert info["flops"] == maps + scores
    assert info["num_weights"] == 2 * (4096 + 1) * UNITS + (UNITS + 1) * CLASSES
    assert np.isfinite(float(step()["total"]))


def test_the_memory_side_moves_at_least_what_an_update_of_the_maps_must():
    _, info = multimodal_sides.build("training", BATCH, UNITS, CLASSES, 8)
    _, memory = multimodal_sides.build("memory", BATCH, UNITS, CLASSES, 8)
    assert memory["bytes"] == pytest.approx(info["update_bytes"], rel=0.01)


@pytest.mark.slow
def test_rows_and_tables(sides_here):
    found = multimodal.measure(
        batch_sizes=(BATCH, 8), hidden_units=UNITS, matmul_side=64, num_rounds=1, num_steps=1
    )
    assert [row.goal for row in found["rows"]] == [0.6, None, None, None]
    built = multimodal.blocks({**found, "rows": [dataclasses.asdict(row) for row in found["rows"]]})
    assert built["profile"].endswith("| 100% |")
    assert len(built["work"].splitlines()) == 4

"""The same convolutions as Keras', in training as products."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.models.small_maps import MAX_SIDE, DoublingConv2D, HalvingConv2D

PLAIN = {HalvingConv2D: keras.layers.Conv2D, DoublingConv2D: keras.layers.Conv2DTranspose}


def both(kind, shape, **settings):
    """A layer and Keras' with the same weights."""
    settings |= {"bias_initializer": "random_normal"}
    layer, plain = kind(5, **settings), PLAIN[kind](5, 4, strides=2, padding="same", **settings)
    layer.build(shape)
    plain.build(shape)
    plain.set_weights(layer.get_weights())
    return layer, plain


def gradients(call, weights, x):
    """Output, and gradients of an uneven function of it."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = call(x)
        loss = tf.reduce_sum(outputs * tf.sin(tf.range(5.0)) + outputs**2)
    return outputs, *tape.gradient(loss, [x, *weights])


@pytest.mark.parametrize("side", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("kind", PLAIN)
def test_outputs_and_gradients_are_those_of_the_convolution(kind, side, rng):
    if side == 1 and kind is HalvingConv2D:
        pytest.skip("nothing to halve")
    shape = (2, side, side, 3)
    layer, plain = both(kind, shape)
    x = tf.constant(rng.normal(size=shape).astype(np.float32))
    found = gradients(lambda x: layer(x, training=True), layer.trainable_variables, x)
    expected = gradients(plain, plain.trainable_variables, x)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer(x, training=False), plain(x))


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("training", [True, False])
def test_only_training_multiplies_and_only_small_maps(kind, training):
    layer, _ = both(kind, (2, MAX_SIDE, MAX_SIDE, 3))

    def kinds(side):
        x = tf.TensorSpec((2, side, side, 3))
        traced = tf.function(lambda x: layer(x, training=training)).get_concrete_function(x)
        return {operation.type for operation in traced.graph.get_operations()}

    assert ("MatMul" in kinds(MAX_SIDE)) == training
    assert ("MatMul" in kinds(4 * MAX_SIDE)) is False


@pytest.mark.parametrize("kind", PLAIN)
def test_saved_and_loaded(kind, tmp_path, rng):
    model = keras.Sequential([keras.Input((4, 4, 3)), kind(5, name="layer")])
    model.save(tmp_path / "model.keras")
    x = rng.normal(size=(2, 4, 4, 3)).astype(np.float32)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(x), loaded(x))


@pytest.mark.parametrize("kind", PLAIN)
def test_half_precision(kind, rng):
    layer, plain = both(kind, (2, 4, 4, 3), dtype="mixed_bfloat16")
    x = rng.normal(size=(2, 4, 4, 3)).astype(np.float32)
    found = layer(x, training=True)
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(found, "float32"), tf.cast(plain(x), "float32"), rtol=0.02, atol=0.02
    )

"""The same convolutions as Keras', in training in a faster form."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.kernels import fused, winograd
from s2i_tf.kernels.convolutions import DoublingConv2D, HalvingConv2D, PaddedConv2D

FILTERS = 5
# A layer, Keras' layers that do the same, and the sides that it takes.
SAME = {"kernel_size": 4, "strides": 2, "padding": "same"}
CASES = {
    "halving": (HalvingConv2D, {}, keras.layers.Conv2D, SAME, (2, 4, 8, 16)),
    "doubling": (DoublingConv2D, {}, keras.layers.Conv2DTranspose, SAME, (1, 2, 4, 8)),
    "padded": (PaddedConv2D, {}, keras.layers.Conv2D, {"kernel_size": 4}, (3, 15, 16)),
    "strided": (
        PaddedConv2D,
        {"strides": 2},
        keras.layers.Conv2D,
        {"kernel_size": 4, "strides": 2},
        (8, 15),
    ),
}
SIDES = [(name, side) for name, (*_, sides) in CASES.items() for side in sides]
TILES = (winograd.PLAIN, 1, 2, winograd.MAX_TILE)


def both(name, shape, **settings):
    """A layer and Keras' with the same weights."""
    kind, own, plain_kind, plain_settings, _ = CASES[name]
    settings |= {"bias_initializer": "random_normal"}
    layer = kind(FILTERS, **own, **settings)
    plain = plain_kind(FILTERS, **plain_settings, **settings)
    if kind is PaddedConv2D:
        plain = keras.Sequential([keras.layers.ZeroPadding2D(1), plain])
    layer.build(shape)
    plain.build(shape)
    plain.set_weights(layer.get_weights())
    return layer, plain


def gradients(call, weights, x):
    """Output, and gradients of an uneven function of it."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = call(x)
        loss = tf.reduce_sum(outputs * tf.sin(tf.range(float(FILTERS))) + outputs**2)
    return outputs, *tape.gradient(loss, [x, *weights])


@pytest.mark.parametrize(("name", "side"), SIDES)
@pytest.mark.parametrize("tile", TILES)
def test_outputs_and_gradients_are_those_of_the_convolution(name, side, tile, rng, monkeypatch):
    monkeypatch.setattr(winograd, "best_tile", lambda *sizes: tile)
    shape = (2, side, side, 3)
    layer, plain = both(name, shape)
    x = tf.constant(rng.normal(size=shape).astype(np.float32))
    found = gradients(lambda x: layer(x, training=True), layer.trainable_variables, x)
    expected = gradients(plain, plain.trainable_variables, x)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=5e-5 * np.std(other))
    np.testing.assert_array_equal(layer(x, training=False), plain(x))
    assert layer.compute_output_shape(shape) == found[0].shape


@pytest.mark.parametrize("name", CASES)
def test_plain_at_inference_and_beside_an_accelerator(name, monkeypatch):
    monkeypatch.setattr(winograd, "best_tile", lambda *sizes: 2)
    layer, _ = both(name, (2, 8, 8, 3))

    def multiplies(training):
        traced = tf.function(lambda x: layer(x, training=training))
        graph = traced.get_concrete_function(tf.TensorSpec((2, 8, 8, 3))).graph
        kinds = {operation.type for operation in graph.get_operations()}
        assert len(kinds & {"BatchMatMulV2", "Conv2D", "Conv2DBackpropInput"}) == 1
        return "BatchMatMulV2" in kinds

    assert multiplies(training=True)
    assert not multiplies(training=False)
    monkeypatch.setattr(fused, "on_processor", lambda: False)
    assert not multiplies(training=True)


@pytest.mark.parametrize("name", CASES)
def test_saved_and_loaded(name, tmp_path, rng):
    kind, own, *_ = CASES[name]
    model = keras.Sequential([keras.Input((4, 4, 3)), kind(FILTERS, **own, name="layer")])
    model.save(tmp_path / "model.keras")
    x = rng.normal(size=(2, 4, 4, 3)).astype(np.float32)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(x), loaded(x))


@pytest.mark.parametrize("name", CASES)
def test_half_precision(name, rng, monkeypatch):
    monkeypatch.setattr(fused, "multiplies_bfloat16", lambda: False)
    monkeypatch.setattr(winograd, "best_tile", lambda *sizes: winograd.MAX_TILE)
    layer, plain = both(name, (2, 8, 8, 3), dtype="mixed_bfloat16")
    x = rng.normal(size=(2, 8, 8, 3)).astype(np.float32)
    found = layer(x, training=True)
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(
        tf.cast(found, "float32"), tf.cast(plain(x), "float32"), rtol=0.02, atol=0.02
    )


@pytest.mark.apart(TF_ENABLE_ONEDNN_OPTS="1")
def test_products_in_bfloat16_where_the_processor_has_them(rng, monkeypatch):
    if not fused._has_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    monkeypatch.setattr(fused, "on_processor", lambda: True)
    monkeypatch.setattr(fused, "multiplies_bfloat16", lambda: True)
    keras.utils.set_random_seed(0)
    for name, side in itertools.product(CASES, (8, 32)):
        shape = (2, side, side, 3)
        layer, _ = both(name, shape, dtype="mixed_bfloat16")
        _, exact = both(name, shape)
        exact.set_weights(layer.get_weights())
        x = tf.constant(rng.normal(size=shape).astype(np.float32))

        def call(x, layer=layer):
            return tf.cast(layer(x, training=True), "float32")

        traced = tf.function(call).get_concrete_function(x)
        inputs = {
            operation.type: operation.inputs[0].dtype
            for operation in traced.graph.get_operations()
            if operation.type in ("MatMul", "BatchMatMulV2", "Conv2D", "Conv2DBackpropInput")
        }
        assert ("MatMul" in inputs) == (side == 8), name  # larger ones stay convolutions
        assert tf.float32 not in inputs.values(), name
        # Without the bias: its gradient is a sum that TensorFlow adds up in bfloat16 in either
        # form.
        *found, _ = gradients(call, layer.trainable_variables, x)
        *expected, _ = gradients(exact, exact.trainable_variables, x)
        for one, other in zip(found, expected, strict=True):
            limits = {"rtol": 0.01, "atol": 0.03 * np.std(other)}
            np.testing.assert_allclose(one, other, **limits, err_msg=name)


@pytest.mark.parametrize("onednn", ["0", "1"])
def test_bfloat16_pays_with_onednn_alone(onednn, monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    monkeypatch.setattr(fused, "on_processor", lambda: True)
    monkeypatch.setattr(fused, "_has_bfloat16", lambda: True)
    assert fused.multiplies_bfloat16() == (onednn == "1")

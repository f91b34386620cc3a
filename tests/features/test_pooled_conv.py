"""The convolution for a pooling against Keras' own convolution and pooling."""

import keras
import numpy as np
import pytest

from s2i_tf.features.pooled_conv import PooledConv1D

SETTINGS = {"stride": 2, "zeros": 32, "pool": 8}


@pytest.fixture
def layer(rng):
    layer = PooledConv1D(16, 64, **SETTINGS)
    layer.build((None, None))
    for variable in layer.weights:
        variable.assign(rng.normal(size=variable.shape))
    return layer


def plain(layer, waveform):
    """What the layer replaces: every output, then the pooling."""
    conv = keras.layers.Conv1D(16, 64, SETTINGS["stride"])
    conv.build((None, None, 1))
    for variable, value in zip(conv.weights, layer.weights, strict=True):
        variable.assign(value)
    padded = np.pad(waveform, ((0, 0), (SETTINGS["zeros"],) * 2))[..., None]
    return np.asarray(keras.layers.MaxPooling1D(SETTINGS["pool"])(conv(padded)))


# Lengths at both ends of what a frame of 16 samples can leave over.
@pytest.mark.parametrize("num_samples", [14, 500, *range(1000, 1017)])
def test_pooled_it_is_the_plain_convolution_pooled(layer, rng, num_samples):
    waveform = rng.normal(0, 60, (2, num_samples)).astype(np.float32)
    expected = plain(layer, waveform)
    got = np.asarray(layer(waveform)).max(axis=2)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


def test_the_weights_are_those_of_a_plain_convolution(layer):
    assert [tuple(variable.shape) for variable in layer.weights] == [(64, 1, 16), (16,)]

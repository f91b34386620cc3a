"""Weights of Keras' own files, and random weights that keep a signal's scale."""

import keras
import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.features import keras_net


def build(num_units=3):
    inputs = keras.Input((5,), name="x")
    return keras.Model(inputs, keras.layers.Dense(num_units, name="dense")(inputs))


def test_an_h5_file_is_read(tmp_path, rng):
    released = build()
    released.save_weights(tmp_path / "released.weights.h5")
    legacy = tmp_path / "released.h5"
    released.save(legacy)
    model = build()
    checksum = keras_net.load_h5_weights(model, "vgg16", str(legacy))
    x = rng.normal(size=(2, 5))
    np.testing.assert_array_equal(model.predict(x, verbose=0), released.predict(x, verbose=0))
    assert len(checksum) == 64


def test_another_file_is_told(tmp_path):
    (tmp_path / "text.h5").write_text("not HDF5")
    build(4).save(tmp_path / "other.h5")
    for name in ("text.h5", "other.h5", "missing.h5"):
        with pytest.raises(UserError, match=name) as caught:
            keras_net.load_h5_weights(build(), "vgg16", str(tmp_path / name))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layer", [keras.layers.Conv2D(64, 3), keras.layers.DepthwiseConv2D(3)])
def test_random_kernels_keep_the_scale(layer, rng):
    inputs = keras.Input((20, 20, 32), name="x")
    model = keras.Model(inputs, keras.ops.relu(layer(inputs)))
    assert keras_net.load_weights(model, "soundnet", "random:0") == "random:0"
    x = rng.standard_normal((4, 20, 20, 32)).astype(np.float32)
    assert np.mean(model.predict(x, verbose=0) ** 2) == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("weights", ["random:", "random:x", "Random:1"])
def test_a_misspelt_seed_is_no_random_weights(weights):
    assert not keras_net.is_random(weights)
    with pytest.raises(UserError):
        keras_net.load_weights(build(), "soundnet", weights)

import keras
import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.models.feature_map import FeatureScaler, from_map, to_map


def test_a_vector_survives_the_way_to_a_map_and_back(rng):
    features = rng.normal(size=(3, 4096)).astype(np.float32)
    maps = to_map(features)
    assert maps.shape == (3, 128, 128, 1)
    np.testing.assert_allclose(from_map(maps), features, rtol=1e-6)


def test_the_map_is_row_major_and_repeats_each_value_four_times():
    maps = np.asarray(to_map(np.arange(4096, dtype=np.float32)[None]))[0, :, :, 0]
    np.testing.assert_array_equal(maps[:2, :4], [[0, 0, 1, 1], [0, 0, 1, 1]])
    assert maps[2, 0] == 64


def test_a_vector_of_another_size_is_refused_and_not_reshaped_into_fewer_maps():
    with pytest.raises(UserError, match="4096 values, the vector 512; allowed: multimodal.hidden"):
        to_map(np.zeros((8, 512), np.float32))


def test_from_map_takes_the_mean_of_the_four(rng):
    maps = rng.normal(size=(1, 128, 128, 1)).astype(np.float32)
    assert np.isclose(from_map(maps)[0, 0], maps[0, :2, :2, 0].mean())


@pytest.mark.parametrize("scaling", ["standardize", "log_standardize"])
def test_a_scaler_brings_training_features_to_mean_zero_and_spread_one(scaling, rng):
    features = rng.gamma(2.0, 3.0, size=(500, 8)).astype(np.float32)
    scaler = FeatureScaler(scaling)
    scaler.adapt(features)
    scaled = np.asarray(scaler(features))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-3)


def test_a_feature_that_never_varies_is_not_blown_up(rng):
    features = rng.normal(size=(100, 4)).astype(np.float32)
    features[:, 0] = 0.0
    scaler = FeatureScaler("standardize")
    scaler.adapt(features)
    assert abs(float(scaler(np.array([[1.0, 0, 0, 0]], np.float32))[0, 0])) < 20


def test_no_scaling_changes_nothing(rng):
    features = rng.normal(size=(5, 8)).astype(np.float32)
    scaler = FeatureScaler("none")
    scaler.adapt(features)
    np.testing.assert_array_equal(scaler(features), features)


def test_an_unknown_scaling_is_refused():
    with pytest.raises(UserError, match="known: log_standardize, none, standardize"):
        FeatureScaler("whiten")


def test_a_scaler_survives_keras_files(tmp_path, rng):
    features = rng.normal(3, 2, size=(50, 8)).astype(np.float32)
    scaler = FeatureScaler("standardize")
    scaler.adapt(features)
    inputs = keras.Input((8,))
    keras.Model(inputs, scaler(inputs)).save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(features), scaler(features), rtol=1e-6)

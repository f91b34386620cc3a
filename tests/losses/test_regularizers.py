import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.losses.regularizers import (
    feature_matching,
    gradient_penalty,
    interpolates,
    mean_feature_matching,
)


def test_the_penalty_equals_the_one_computed_by_hand():
    # Lengths 5, 1 and 0.
    gradients = np.array([[[3.0], [4.0]], [[0.6], [0.8]], [[0.0], [0.0]]])
    assert np.isclose(gradient_penalty(gradients), (16.0 + 0.0 + 1.0) / 3)


def test_the_penalty_s_gradient_equals_finite_differences(rng):
    gradients = rng.normal(size=(2, 3, 2))
    point = tf.constant(gradients)
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = gradient_penalty(point)
    found = tape.gradient(value, point).numpy()
    for index in np.ndindex(gradients.shape):
        shift = np.zeros_like(gradients)
        shift[index] = 1e-6
        ends = [float(gradient_penalty(tf.constant(gradients + s * shift))) for s in (1, -1)]
        assert np.isclose(found[index], (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8)


def test_a_gradient_of_zero_is_penalised_without_a_nan():
    point = tf.zeros((2, 3))
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = gradient_penalty(point)
    assert np.isclose(value, 1.0, atol=1e-5)
    assert np.isfinite(tape.gradient(value, point)).all()


def test_points_lie_on_the_way_each_at_a_place_of_its_own(rng):
    real, fake = rng.normal(size=(2, 64, 2, 2, 1)).astype(np.float32)
    points = interpolates(real, fake, keras.random.SeedGenerator(0))
    shares = (points - fake) / (real - fake)
    spread = np.ptp(shares, axis=(1, 2, 3))
    np.testing.assert_allclose(spread, 0, atol=1e-3)
    assert np.min(shares) > -1e-3 and np.max(shares) < 1 + 1e-3
    assert np.ptp(shares) > 0.8


def test_matching_features_is_the_mean_over_activations_of_the_mean_difference():
    real = [np.zeros((1, 2, 2, 1), np.float32), np.zeros((1, 4), np.float32)]
    fake = [np.full((1, 2, 2, 1), -2.0, np.float32), np.array([[0, 0, 0, 4.0]], np.float32)]
    assert np.isclose(feature_matching(real, fake), (2.0 + 1.0) / 2)
    assert feature_matching(fake, fake) == 0
    with pytest.raises(ValueError, match="shorter"):
        feature_matching(real, fake[:1])


def test_matching_means_compares_what_is_typical_of_batches_of_any_size():
    real = [np.array([[1.0, 0.0], [3.0, 0.0]], np.float32)]
    fake = [np.array([[0.0, 1.0]], np.float32)]
    assert np.isclose(mean_feature_matching(real, fake), (2.0**2 + 1.0**2) / 2)
    assert mean_feature_matching(real, [real[0][::-1]]) == 0

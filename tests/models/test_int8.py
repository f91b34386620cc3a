import numpy as np
import pytest

from s2i_tf.models import int8


@pytest.mark.parametrize("axis", [0, 1, None])
def test_rounded_weights_are_within_half_a_step_and_found_again(axis, rng):
    weights = rng.normal(size=(64, 48)).astype(np.float32)
    rounded = int8.quantize(weights, axis)
    assert rounded.values.dtype == np.int8 and rounded.scales.dtype == np.float32
    assert np.all(np.abs(rounded.restored - weights) <= 0.5001 * rounded.scales)
    again = int8.exact(rounded.restored)
    np.testing.assert_array_equal(again.values, rounded.values)
    np.testing.assert_allclose(again.restored, rounded.restored, rtol=1e-6)


def test_what_was_never_rounded_is_not_exact(rng):
    assert int8.exact(rng.normal(size=(64, 48)).astype(np.float32)) is None
    assert int8.exact(rng.normal(size=2_000).astype(np.float32)) is None


def test_the_axis_with_which_the_least_is_lost_is_taken(rng):
    weights = rng.normal(size=(64, 48)).astype(np.float32)
    weights[5] *= 100  # one row: columns would share its scale
    for given, axis in ((weights, 0), (weights.T, 1)):
        found, error = int8.closest(given, (0, 1))
        assert found.axis == axis
        assert error == pytest.approx(np.square(found.restored - given).sum())


def test_another_zero_is_found_again(rng):
    codes = rng.integers(-90, 166, (300, 40))
    codes[0, :2] = -90, 165
    weights = codes.astype(np.float32) * np.float32(0.0123)
    found = int8.exact(weights)
    np.testing.assert_array_equal(found.values.astype(int) - found.zero, codes)
    np.testing.assert_allclose(found.restored, weights, rtol=1e-6)
    assert int8.exact(np.append(weights, np.float32(0.0123 / 2))) is None  # between two steps
    codes[0, 1] = 166  # one number too many
    assert int8.exact(codes.astype(np.float32) * np.float32(0.0123)) is None


def test_zeros_stay_zeros():
    assert not int8.quantize(np.zeros((4, 4), np.float32), 0).restored.any()

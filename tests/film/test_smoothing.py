import numpy as np
import pytest

from s2i_tf.film.smoothing import at_times, parts, smooth

NONE = np.zeros(0)


def test_smoothing_is_a_mean_weighted_by_a_normal_curve():
    vectors = np.zeros((9, 1))
    vectors[4] = 1.0
    weights = np.exp(-0.5 * np.arange(-4, 5) ** 2)
    expected = weights / [
        sum(np.exp(-0.5 * (i - j) ** 2) for j in range(9) if abs(i - j) <= 3) for i in range(9)
    ]
    expected[[0, 8]] = 0.0  # beyond three standard deviations
    np.testing.assert_allclose(smooth(vectors, 0.5, 0.5, NONE)[:, 0], expected, rtol=1e-5)


def test_nothing_is_smoothed_across_a_cut():
    vectors = np.repeat([[0.0], [1.0]], 5, axis=0)
    smoothed = smooth(vectors, 1.0, 2.0, np.array([5.0]))
    np.testing.assert_array_equal(smoothed, vectors)
    assert smooth(vectors, 1.0, 2.0, NONE)[4, 0] > 0.2


def test_without_smoothing_vectors_stay():
    vectors = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(smooth(vectors, 0.5, 0.0, NONE), vectors)


def test_frames_between_two_vectors_blend_them():
    vectors = np.array([[0.0], [1.0], [3.0]])
    times = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 9.0])
    blended = at_times(vectors, 0.5, times, NONE)[:, 0]
    np.testing.assert_allclose(blended, [0.0, 0.5, 1.0, 2.0, 3.0, 3.0])


def test_a_frame_takes_the_vector_on_its_side_of_a_cut():
    vectors = np.array([[0.0], [1.0]])
    blended = at_times(vectors, 1.0, np.array([0.2, 0.3, 0.31, 0.9]), np.array([0.305]))[:, 0]
    np.testing.assert_allclose(blended, [0.0, 0.0, 1.0, 1.0])


def test_a_frame_at_a_cut_belongs_to_what_follows_however_its_time_was_rounded():
    cuts = np.arange(1, 2000) * 0.02
    for rate in (10, 12, 24, 25, 50):
        times = np.arange(rate * 40) / rate
        at_cuts = np.isclose(times[:, None], cuts).any(axis=1)
        expected = np.round(times[at_cuts] / 0.02).astype(int)
        np.testing.assert_array_equal(parts(times[at_cuts], cuts), expected)


@pytest.mark.parametrize("num", [1, 2])
def test_few_vectors_do(num):
    vectors = np.ones((num, 4))
    np.testing.assert_allclose(smooth(vectors, 0.5, 3.0, NONE), vectors)
    np.testing.assert_allclose(at_times(vectors, 0.5, np.array([0.0, 7.0]), NONE), 1.0)

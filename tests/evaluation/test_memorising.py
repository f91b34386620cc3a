import numpy as np
import pytest

from s2i_tf.evaluation import distances, memorising


def test_a_copy_is_at_distance_zero_and_its_photo_is_named(rng):
    training = rng.integers(0, 256, (300, 8, 8, 3)).astype(np.uint8)
    found = memorising.in_pixels(training[[270, 5]], training)
    assert found.photos.tolist() == [270, 5]
    assert found.distances.tolist() == [0.0, 0.0]


def test_pixels_are_measured_as_root_mean_square_in_zero_to_one():
    training = np.zeros((1, 4, 4, 3), np.uint8)
    picture = np.zeros((2, 4, 4, 3), np.uint8)
    picture[1] = 255
    picture[0, :2] = 255
    found = memorising.in_pixels(picture, training)
    assert found.distances == pytest.approx([0.5**0.5, 1.0])


def test_the_nearest_is_that_of_all_distances(rng):
    queries, targets = rng.normal(size=(300, 7)), rng.normal(size=(600, 7))
    found, apart = distances.nearest(queries, targets)
    whole = distances.euclidean(queries, targets)
    assert np.array_equal(found, whole.argmin(axis=1))
    assert apart == pytest.approx(whole.min(axis=1))
    by_hand = np.linalg.norm(queries[:, None] - targets[None], axis=2)
    assert whole == pytest.approx(by_hand)


def test_copies_have_a_ratio_of_zero_and_fresh_photos_of_one(rng):
    training, held_out, fresh = (rng.normal(size=(80, 5)) for _ in range(3))
    groups = np.arange(80).astype(str)
    real = memorising.in_features(held_out, training).distances, groups
    copies = memorising.in_features(training[::-1], training).distances, groups
    others = memorising.in_features(fresh, training).distances, groups
    assert memorising.median_ratio(copies, real).value == 0
    found = memorising.median_ratio(others, real)
    assert found.low < 1 < found.high


@pytest.mark.parametrize("num", [9, 10])
def test_the_median_is_numpy_s_and_its_interval_holds_it(rng, num):
    values = rng.random(num)
    found = memorising.median(values, np.arange(num).astype(str))
    assert found.value == pytest.approx(np.median(values))
    assert found.low <= found.value <= found.high


def test_items_of_one_recording_are_drawn_together():
    """Of two recordings there is no interval, however many clips they have."""
    groups = np.array(["a"] * 50 + ["b"] * 50)
    assert np.isnan(memorising.median(np.arange(100.0), groups).low)


def test_the_closest_come_first():
    assert memorising.closest(np.array([3.0, 1.0, 2.0, 1.0]), 3).tolist() == [1, 3, 2]

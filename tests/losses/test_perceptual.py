import numpy as np

from s2i_tf.losses.perceptual import perceptual_distance


def maps(rng):
    shapes = ((2, 4, 4, 3), (2, 2, 2, 5))
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def test_equal_pictures_are_not_apart(rng):
    one = maps(rng)
    assert np.isclose(perceptual_distance(one, one), 0.0, atol=1e-6)


def test_it_is_the_mean_over_maps_of_the_distance_of_directions(rng):
    one, other = maps(rng), maps(rng)
    by_map = []
    for left, right in zip(one, other, strict=True):
        units = [each / np.linalg.norm(each, axis=-1, keepdims=True) for each in (left, right)]
        by_map.append(np.mean(np.sum((units[0] - units[1]) ** 2, axis=-1)))
    assert np.isclose(perceptual_distance(one, other), np.mean(by_map), rtol=1e-4)


def test_opposite_features_are_as_far_as_it_goes(rng):
    one = maps(rng)
    assert np.isclose(perceptual_distance(one, [-each for each in one]), 4.0, rtol=1e-4)


def test_the_size_of_features_does_not_count(rng):
    one, other = maps(rng), maps(rng)
    larger = [10 * each for each in other]
    expected = perceptual_distance(one, other)
    assert np.isclose(perceptual_distance(one, larger), expected, rtol=1e-4)


def test_a_map_of_zeros_is_no_trouble():
    zeros = [np.zeros((1, 2, 2, 3), np.float32)]
    assert np.isfinite(perceptual_distance(zeros, zeros))

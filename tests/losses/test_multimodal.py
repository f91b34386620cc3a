import numpy as np

from s2i_tf.losses.multimodal import hidden_cross_entropy, hidden_l1, label_cross_entropy


def test_l1_is_the_mean_absolute_difference():
    assert np.isclose(hidden_l1(np.array([[1.0, -2.0]]), np.array([[0.0, 2.0]])), 2.5)


def test_cross_entropy_equals_the_one_computed_by_hand():
    one = np.log(np.array([[0.25, 0.75]], np.float32))
    other = np.log(np.array([[0.5, 0.5]], np.float32))
    there = -np.log(0.5)
    back = -(0.5 * np.log(0.25) + 0.5 * np.log(0.75))
    assert np.isclose(hidden_cross_entropy(one, other), (there + back) / 2, rtol=1e-6)


def test_cross_entropy_does_not_depend_on_a_common_shift(rng):
    one, other = rng.normal(size=(2, 3, 8)).astype(np.float32)
    shifted = hidden_cross_entropy(one + 5, other - 3)
    assert np.isclose(shifted, hidden_cross_entropy(one, other), rtol=1e-5)


def test_cross_entropy_is_symmetric_and_least_for_equal_vectors(rng):
    one, other = rng.normal(size=(2, 3, 8)).astype(np.float32)
    there = hidden_cross_entropy(one, other)
    assert np.isclose(there, hidden_cross_entropy(other, one), rtol=1e-6)
    assert hidden_cross_entropy(one, one) < there


def test_label_cross_entropy_of_uniform_scores_is_log_of_the_classes():
    scores = np.zeros((4, 5), np.float32)
    assert np.isclose(label_cross_entropy(np.arange(4), scores), np.log(5), rtol=1e-6)

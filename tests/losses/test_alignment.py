import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.losses.alignment import (
    class_contrastive,
    hidden_cross_entropy,
    hidden_l1,
    label_cross_entropy,
    pair_contrastive,
)


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


# Cosines of the images with the sounds: [[1, 0, 0.6], [0, 1, 0.8], [-1, 0, -0.6]].
IMAGES = np.array([[2.0, 0.0], [0.0, 0.5], [-3.0, 0.0]])
SOUNDS = np.array([[1.0, 0.0], [0.0, 4.0], [0.3, 0.4]])


def test_class_contrastive_equals_the_one_computed_by_hand():
    """Classes 0, 1, 0 at temperature 0.5, so the scores are twice the cosines."""
    scores = np.array([[2.0, 0.0, 1.2], [0.0, 2.0, 1.6], [-2.0, 0.0, -1.2]])
    image_sums = np.log(np.exp(scores).sum(axis=1))
    sound_sums = np.log(np.exp(scores).sum(axis=0))
    images = [
        image_sums[0] - (2.0 + 1.2) / 2,
        image_sums[1] - 2.0,
        image_sums[2] - (-2.0 - 1.2) / 2,
    ]
    sounds = [
        sound_sums[0] - (2.0 - 2.0) / 2,
        sound_sums[1] - 2.0,
        sound_sums[2] - (1.2 - 1.2) / 2,
    ]
    loss = class_contrastive(IMAGES, SOUNDS, np.array([0, 1, 0]), 0.5)
    assert np.isclose(loss, (np.mean(images) + np.mean(sounds)) / 2, rtol=1e-6)


def test_pair_contrastive_equals_the_one_computed_by_hand():
    scores = np.array([[2.0, 0.0, 1.2], [0.0, 2.0, 1.6], [-2.0, 0.0, -1.2]])
    images = np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)
    sounds = np.log(np.exp(scores).sum(axis=0)) - np.diag(scores)
    loss = pair_contrastive(IMAGES, SOUNDS, 0.5)
    assert np.isclose(loss, (images.mean() + sounds.mean()) / 2, rtol=1e-6)


def test_class_contrastive_of_one_class_alone_is_at_best_log_of_its_size(rng):
    same = np.tile(rng.normal(size=(1, 8)), (5, 1))
    assert np.isclose(class_contrastive(same, same, np.zeros(5, int), 0.1), np.log(5), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_contrastive_losses_see_directions_alone(scale, rng):
    one, other = rng.normal(size=(2, 4, 8))
    labels = np.array([0, 1, 0, 1])
    expected = class_contrastive(one, other, labels, 0.1)
    assert np.isclose(class_contrastive(scale * one, other, labels, 0.1), expected, rtol=1e-5)


def test_class_contrastive_does_not_care_which_of_a_class_is_where(rng):
    one, other = rng.normal(size=(2, 4, 8))
    labels = np.array([0, 1, 0, 1])
    expected = class_contrastive(one, other, labels, 0.1)
    again = class_contrastive(one, other[[2, 3, 0, 1]], labels, 0.1)
    assert np.isclose(again, expected, rtol=1e-6)
    assert not np.isclose(pair_contrastive(one, other[[2, 3, 0, 1]], 0.1), expected, rtol=1e-3)


@pytest.mark.parametrize("which", [0, 1])
def test_the_gradient_of_class_contrastive_is_that_of_finite_differences(which, rng):
    vectors = [tf.Variable(rng.normal(size=(4, 3))) for _ in range(2)]
    labels = np.array([0, 1, 0, 2])
    with tf.GradientTape() as tape:
        loss = class_contrastive(*vectors, labels, 0.3)
    gradient = tape.gradient(loss, vectors[which]).numpy()
    step = 1e-5
    for row, column in np.ndindex(4, 3):
        values = []
        for sign in (1, -1):
            moved = [vector.numpy() for vector in vectors]
            moved[which][row, column] += sign * step
            values.append(float(class_contrastive(*moved, labels, 0.3)))
        difference = (values[0] - values[1]) / (2 * step)
        assert np.isclose(gradient[row, column], difference, rtol=1e-4, atol=1e-7)

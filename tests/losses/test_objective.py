import keras
import numpy as np
import pytest
from keras import ops

from s2i_tf.config import LossConfig
from s2i_tf.losses import adversarial_loss
from s2i_tf.losses.objective import GanObjective, View
from s2i_tf.models.layers import GivenSeed


def objective(loss=None, **settings):
    return GanObjective(adversarial_loss("least_squares"), loss or LossConfig(), **settings)


def scores_of(inputs, training):
    """A discriminator that says the mean of what it is shown."""
    return ops.mean(inputs[1], axis=(1, 2, 3))


@pytest.fixture
def pictures(rng):
    return rng.uniform(-1, 1, (2, 3, 8, 8, 3)).astype(np.float32)


def view(targets):
    return View(np.zeros((len(targets), 2), np.float32), targets, None)


def test_every_weight_counts_in_the_total(pictures):
    target, made = pictures
    loss = LossConfig(adversarial_weight=2.0, l1_weight=3.0, l2_weight=5.0)
    total, logs = objective(loss).generator_loss(scores_of, target, made, view(target), view(made))
    expected = (
        2 * logs["generator_adversarial"] + 3 * logs["generator_l1"] + 5 * logs["generator_l2"]
    )
    assert np.isclose(total, expected, rtol=1e-6)
    assert np.isclose(logs["generator_l1"], np.abs(target - made).mean(), rtol=1e-5)
    assert np.isclose(logs["generator_l2"], ((target - made) ** 2).mean(), rtol=1e-5)
    adversarial = np.mean((made.mean(axis=(1, 2, 3)) - 1) ** 2)
    assert np.isclose(logs["generator_adversarial"], adversarial, rtol=1e-5)


def test_the_class_is_named_by_a_classifier_of_the_last_map(pictures):
    target, made = pictures
    scores = np.log([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]).astype(np.float32)
    loss = LossConfig(class_weight=2.0, adversarial_weight=0.0, l1_weight=0.0)
    both = objective(loss, classifier=lambda maps: maps)
    context = np.eye(3, dtype=np.float32)
    seen = View(context, target, [None, scores])
    total, logs = both.generator_loss(scores_of, target, made, seen, seen)
    expected = -np.mean(np.log([0.5, 0.8, 0.6]))
    assert np.isclose(logs["generator_class"], expected)
    assert np.isclose(total, 2 * expected)
    loss, logs = both.discriminator_loss(scores_of, seen, view(made))
    assert np.isclose(logs["discriminator_class"], expected)
    assert np.isclose(loss, logs["discriminator"] + expected)


def test_what_has_no_target_is_judged_by_the_discriminator_alone(pictures):
    target, made = pictures
    more = np.concatenate([made, np.ones_like(made[:1])])
    _, before = objective().generator_loss(scores_of, target, made, view(target), view(made))
    _, after = objective().generator_loss(scores_of, target, more, view(target), view(more))
    assert np.isclose(before["generator_l1"], after["generator_l1"])
    assert not np.isclose(before["generator_adversarial"], after["generator_adversarial"])


def test_a_target_and_what_was_made_of_it_are_augmented_alike(pictures):
    target, _ = pictures
    look = objective(LossConfig(augment="color,translation,cutout")).look
    context = np.zeros((3, 2), np.float32)
    one, other = (look(context, target, GivenSeed(ops.convert_to_tensor([1, 2]))) for _ in range(2))
    np.testing.assert_array_equal(one.scored, other.scored)
    assert (
        np.abs(
            one.scored - look(context, target, GivenSeed(ops.convert_to_tensor([3, 4]))).scored
        ).max()
        > 0.1
    )
    np.testing.assert_array_equal(one.context, context)


def test_through_the_backbone_the_discriminator_sees_maps(pictures):
    target, _ = pictures
    backbone = keras.Sequential([keras.layers.Conv2D(4, 3, strides=2)])
    seen = objective(backbone=backbone, through_backbone=True).look(
        None, target, GivenSeed(ops.convert_to_tensor([0, 0]))
    )
    np.testing.assert_array_equal(seen.scored, seen.maps)
    assert seen.maps.shape == (3, 3, 3, 4)


def test_the_discriminator_s_weight_scales_its_loss_and_not_its_log(pictures):
    real, fake = (view(each) for each in pictures)
    whole, logs = objective().discriminator_loss(scores_of, real, fake)
    small, same_logs = objective(discriminator_weight=0.001).discriminator_loss(
        scores_of, real, fake
    )
    assert np.isclose(small, 0.001 * whole, rtol=1e-6)
    assert np.isclose(logs["discriminator"], same_logs["discriminator"])

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.losses.augment import (
    AUGMENTATIONS,
    BRIGHTNESS_RANGE,
    diff_augment_pair,
)

SIDE = 16
MOST = 2  # rows and columns of a shift
EVERYTHING = ",".join(AUGMENTATIONS)


def seeds(seed=0):
    return keras.random.SeedGenerator(seed)


def diff_augment(pictures, policy, generator):
    """Pictures without a condition."""
    return diff_augment_pair(None, pictures, policy, generator)[1]


@pytest.fixture
def pictures(rng):
    return rng.uniform(-1, 1, size=(8, SIDE, SIDE, 3)).astype(np.float32)


def test_an_empty_policy_changes_nothing_and_draws_nothing(pictures):
    generator = seeds()
    before = np.array(generator.state.value)
    assert diff_augment(pictures, "", generator) is pictures
    np.testing.assert_array_equal(before, generator.state.value)


@pytest.mark.parametrize("policy", [*AUGMENTATIONS, EVERYTHING])
def test_the_seed_alone_decides(policy, pictures):
    one = diff_augment(pictures, policy, seeds(3))
    np.testing.assert_array_equal(one, diff_augment(pictures, policy, seeds(3)))
    assert np.abs(one - diff_augment(pictures, policy, seeds(4))).max() > 0.1
    assert one.shape == pictures.shape


def test_the_next_call_and_the_next_example_have_draws_of_their_own(pictures):
    same = np.repeat(pictures[:1], 8, axis=0)
    generator = seeds()
    one, two = (np.asarray(diff_augment(same, EVERYTHING, generator)) for _ in range(2))
    assert np.abs(one - two).max() > 0.1
    assert len({example.tobytes() for example in one}) == len(same)


def test_further_examples_leave_the_draws_of_the_first_alone(pictures):
    # So that a target and what was made of it stay comparable when more was made.
    some = diff_augment(pictures[:3], EVERYTHING, seeds(3))
    np.testing.assert_array_equal(some, diff_augment(pictures, EVERYTHING, seeds(3))[:3])


@pytest.mark.parametrize("policy", [*AUGMENTATIONS, EVERYTHING])
def test_a_gradient_flows_in_a_compiled_function(policy, pictures):
    generator = seeds()

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3))])
    def gradient(batch):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            loss = tf.reduce_sum(diff_augment(batch, policy, generator) ** 2)
        return tape.gradient(loss, batch)

    found = gradient(pictures).numpy()
    assert np.all(np.isfinite(found))
    assert np.all(np.abs(found).max(axis=(1, 2, 3)) > 0)


def test_mean_brightness_changes_within_the_published_range(rng):
    grey = np.repeat(rng.uniform(-1, 1, size=(64, 1, 1, 1)), 3, axis=3)
    grey = np.broadcast_to(grey, (64, SIDE, SIDE, 3)).astype(np.float32)
    change = np.mean(diff_augment(grey, "color", seeds()) - grey, axis=(1, 2, 3))
    low, high = BRIGHTNESS_RANGE
    assert low <= change.min() < low / 2
    assert high / 2 < change.max() <= high


def test_color_scales_and_shifts_each_picture_s_grey_values(pictures):
    greys = (
        np.asarray(values).mean(axis=3).reshape(len(pictures), -1)
        for values in (pictures, diff_augment(pictures, "color", seeds()))
    )
    for before, after in zip(*greys, strict=True):
        assert np.corrcoef(before, after)[0, 1] > 0.9999


def test_translation_moves_by_up_to_an_eighth_and_fills_with_zeros():
    positions = np.arange(1, SIDE * SIDE + 1, dtype=np.float32).reshape(1, SIDE, SIDE, 1)
    moved = np.asarray(diff_augment(np.repeat(positions, 64, axis=0), "translation", seeds()))
    padded = np.pad(positions[0, :, :, 0], MOST)
    shifts = set()
    for picture in moved[..., 0]:
        row, column = np.argwhere(picture)[0]
        source_row, source_column = divmod(int(picture[row, column]) - 1, SIDE)
        down, right = row - source_row, column - source_column
        expected = padded[MOST - down :, MOST - right :][:SIDE, :SIDE]
        np.testing.assert_array_equal(picture, expected)
        shifts.add((down, right))
    assert (
        {down for down, _ in shifts}
        == {right for _, right in shifts}
        == set(range(-MOST, MOST + 1))
    )
    assert len({down == right for down, right in shifts}) == 2


def test_cutout_clears_one_box_of_half_the_side(pictures):
    cleared = np.asarray(diff_augment(np.ones((64, SIDE, SIDE, 3), np.float32), "cutout", seeds()))
    for picture in cleared:
        holes = np.argwhere(picture[..., 0] == 0)
        extent = holes.max(axis=0) - holes.min(axis=0) + 1
        assert len(holes) == extent.prod()
        assert extent.min() >= SIDE // 4 and extent.max() <= SIDE // 2
        np.testing.assert_array_equal(picture[..., 0], picture[..., 2])


def test_a_flip_exchanges_left_and_right_of_about_half(pictures):
    many = np.tile(pictures, (32, 1, 1, 1))
    seen = np.asarray(diff_augment(many, "flip", seeds()))
    turned = np.abs(seen - many).max(axis=(1, 2, 3)) > 1e-6
    np.testing.assert_allclose(seen[turned], many[turned][:, :, ::-1], atol=1e-6)
    assert 0.4 < turned.mean() < 0.6


def test_a_condition_moves_with_its_picture_and_keeps_its_values(pictures):
    condition, moved = diff_augment_pair(pictures, pictures, "translation,cutout", seeds())
    np.testing.assert_array_equal(condition, moved)
    condition, coloured = diff_augment_pair(pictures, pictures, "color", seeds())
    np.testing.assert_array_equal(condition, pictures)
    assert np.abs(coloured - pictures).max() > 0.1


def test_half_precision_stays_half_precision(pictures):
    half = tf.cast(pictures, tf.bfloat16)
    assert diff_augment(half, EVERYTHING, seeds()).dtype == tf.bfloat16


def test_an_unknown_augmentation_lists_the_known_ones(pictures):
    with pytest.raises(
        UserError, match="unknown augmentation 'mirror'; known: color, cutout, flip, t"
    ):
        diff_augment(pictures, "color,mirror", seeds())

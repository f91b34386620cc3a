import numpy as np
import pytest

from s2i_tf.evaluation import neighbors
from s2i_tf.evaluation.inputs import Training
from s2i_tf.evaluation.metrics import memorization
from tests.evaluation.conftest import judged, make_items, make_predictions


def test_a_copy_is_at_distance_zero_and_its_photo_is_named(rng):
    training = rng.integers(0, 256, (300, 8, 8, 3)).astype(np.uint8)
    photos, apart = memorization.in_pixels(training[[270, 5]], training)
    assert photos.tolist() == [270, 5]
    assert apart.tolist() == [0.0, 0.0]


def test_pixels_are_measured_as_root_mean_square_in_zero_to_one():
    training = np.zeros((1, 4, 4, 3), np.uint8)
    picture = np.zeros((2, 4, 4, 3), np.uint8)
    picture[1] = 255
    picture[0, :2] = 255
    _, apart = memorization.in_pixels(picture, training)
    assert apart == pytest.approx([0.5**0.5, 1.0])


def test_copies_have_a_ratio_of_zero_and_fresh_photos_of_one(rng):
    training, held_out, fresh = (rng.normal(size=(80, 5)) for _ in range(3))
    groups = np.arange(80).astype(str)
    real, copies, others = (
        neighbors.nearest(side, training)[1] for side in (held_out, training[::-1], fresh)
    )
    assert memorization.median_ratio(copies, real, (groups, groups))["value"] == 0
    found = memorization.median_ratio(others, real, (groups, groups))
    assert found["low"] < 1 < found["high"]


@pytest.mark.parametrize("num", [9, 10])
def test_the_median_is_numpy_s_and_its_interval_holds_it(rng, num):
    values = rng.random(num)
    found = memorization.median(values, np.arange(num).astype(str))
    assert found["value"] == pytest.approx(np.median(values))
    assert found["low"] <= found["value"] <= found["high"]


def test_items_of_one_recording_are_drawn_together():
    """Of two recordings there is no interval, however many clips they have."""
    groups = np.array(["a"] * 50 + ["b"] * 50)
    assert memorization.median(np.arange(100.0), groups)["low"] is None


def test_the_closest_come_first_and_are_named(rng):
    pictures = rng.integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    training = Training(
        *(make_items([0, 1, 2], prefix=name, pictures=pictures) for name in ("t", "q")),
        judged=judged([[0.0], [10.0], [20.0]]),
        **dict.fromkeys(("sound_vectors", "image_vectors", "class_heard", "class_seen")),
    )
    sounds, images = (make_items([0, 1, 2], prefix=name, pictures=pictures) for name in "sp")
    made = judged([[3.0], [10.0], [22.0]], pictures)
    predictions = make_predictions(
        sounds,
        images,
        judged=judged([[6.0], [14.0], [26.0]]),
        pictures={"generated": made},
        training=training,
    )
    part = memorization.Memorization().measure(predictions)
    assert [(row["sound_id"], row["image_id"]) for row in part["closest"]] == [
        ("s001", "q001"),
        ("s002", "q002"),
        ("s000", "q000"),
    ]
    assert [row["feature_distance"] for row in part["closest"]] == [0, 2, 3]
    assert part["features"]["generated"]["value"] == 2
    assert part["features"]["held_out"]["value"] == 4, "6 is nearer to 10 than to 0"
    assert part["features"]["ratio"]["value"] == 0.5
    assert part["num_training_photos"] == 3

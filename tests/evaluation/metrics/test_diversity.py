import numpy as np
import pytest

from s2i_tf.evaluation.metrics import diversity
from tests.evaluation.conftest import make_items, make_predictions


def line(values):
    return np.asarray(values, np.float64)[:, None]


def names(num, prefix="g"):
    return np.array([f"{prefix}{index}" for index in range(num)])


def means(features, labels, groups):
    return diversity.means_by_class(diversity.pairs_by_class(features, labels, groups))


def ratio(pictures, real):
    pairs = [diversity.pairs_by_class(*one) for one in (pictures, real)]
    return diversity.ratio(*pairs, (pictures[2], real[2]))


def test_distances_are_within_a_class_and_between_recordings():
    features = line([0, 3, 100, 104, 1])
    labels = np.array([0, 0, 1, 1, 0])
    groups = np.array(["a", "b", "c", "d", "a"])
    # In class 0: 0 to 3 and 1 to 3; the two of recording a are not compared.
    assert means(features, labels, groups) == {0: 2.5, 1: 4.0}


def test_a_class_of_one_recording_is_left_out():
    found = means(line([0, 1, 5]), np.array([0, 0, 1]), np.array(["a", "a", "b"]))
    assert found == {}


def side(features, labels, prefix):
    return features, labels, names(len(labels), prefix)


def test_the_same_spread_gives_one_and_one_picture_a_class_zero(rng):
    labels = np.arange(200) % 5
    real = side(10 * np.eye(5)[labels] + rng.normal(size=(200, 5)), labels, "r")
    same = side(10 * np.eye(5)[labels] + rng.normal(size=(200, 5)), labels, "g")
    found = ratio(same, real)
    assert found["value"] == pytest.approx(1, abs=0.1)
    assert found["low"] < 1 < found["high"]
    fixed = ratio(side(10 * np.eye(5)[labels], labels, "g"), real)
    assert fixed["value"] == pytest.approx(0, abs=1e-6) and fixed["high"] < 1e-6


def test_half_the_spread_gives_half(rng):
    labels = np.arange(60) % 3
    features = rng.normal(size=(60, 4))
    found = ratio(side(features / 2, labels, "g"), side(features, labels, "r"))
    assert found["value"] == pytest.approx(0.5)
    assert 0.3 < found["low"] < 0.5 < found["high"] < 0.7


def test_classes_that_one_side_lacks_are_left_out():
    labels = np.array([0, 0, 1, 1])
    real = side(line([0, 2, 0, 100]), labels, "r")
    pictures = side(line([0, 1, 7]), np.array([0, 0, 1]), "g")
    assert ratio(pictures, real)["value"] == pytest.approx(0.5)


def test_photos_that_do_not_differ_give_no_ratio():
    labels = np.zeros(4, int)
    same = side(np.ones((4, 2)), labels, "r")
    assert ratio(same, same)["value"] is None


def test_samples_of_one_sound_are_compared_with_each_other():
    samples = np.array([[[0.0], [5.0]], [[3.0], [5.0]], [[0.0], [5.0]]])
    assert diversity.between_samples(samples).tolist() == [2.0, 0.0]


def test_real_photos_as_pictures_are_as_various_as_photos(rng):
    labels = np.arange(40) % 2
    features = 5 * np.eye(2)[labels] + rng.normal(size=(40, 2))
    predictions = make_predictions(
        make_items(labels),
        make_items(labels, prefix="p"),
        features,
        class_names=("a", "b"),
        samples=np.stack([features, features]),
    )
    found = diversity.Diversity().measure(predictions)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["generated"]["ratio"]["value"] == pytest.approx(1)
    assert rows["generated"]["per_class"] == {"a": pytest.approx(1), "b": pytest.approx(1)}
    assert rows["class_mean"]["ratio"] is None
    assert found["samples"]["ratio"]["value"] == 0, "the samples are all the same"

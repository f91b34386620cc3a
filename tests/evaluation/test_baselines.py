import numpy as np
import pytest

from s2i_tf.evaluation import baselines


@pytest.fixture
def photos(rng):
    return rng.integers(0, 256, (6, 4, 4, 3)).astype(np.uint8)


LABELS = np.array([2, 2, 2, 5, 5, 5])
IDS = np.array([f"photo{index}" for index in range(6)])
FEATURES = np.array([[0.0], [1], [5], [10], [11], [30]])


def test_the_mean_picture_is_of_the_class_heard(photos):
    found = baselines.class_means(photos, LABELS, np.array([5, 2, 5]))
    pictures = found.pictures[found.chosen]
    assert np.array_equal(pictures[0], np.rint(photos[3:].mean(axis=0)))
    assert np.array_equal(pictures[1], np.rint(photos[:3].mean(axis=0)))
    assert pictures.dtype == np.uint8 and found.photos is None


def test_the_fixed_photo_is_the_most_typical_of_its_class(photos):
    found = baselines.fixed_photos(photos, FEATURES, IDS, LABELS, np.array([2, 5]))
    assert found.photos[found.chosen].tolist() == [1, 4]
    assert np.array_equal(found.pictures[found.chosen], photos[[1, 4]])


def test_the_constant_photo_is_one_for_all(photos):
    found = baselines.constant_photo(photos, FEATURES, IDS, 3)
    assert found.photos[found.chosen].tolist() == [3, 3, 3], "10 is nearest to the mean of 9.5"


def test_the_nearest_photo_is_by_multimodal_vectors(photos):
    vectors = np.eye(6)
    found = baselines.nearest_photos(photos, vectors, vectors[[4, 0]] + 0.1)
    assert found.photos[found.chosen].tolist() == [4, 0]


def test_the_most_typical_does_not_depend_on_the_order():
    features = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    names = np.array(["a", "b", "c", "d"])
    first = names[baselines.medoid(features, names)]
    order = [2, 3, 0, 1]
    assert names[order][baselines.medoid(features[order], names[order])] == first

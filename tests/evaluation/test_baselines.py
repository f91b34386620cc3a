import types

import numpy as np
import pytest

from s2i_tf.evaluation import baselines
from s2i_tf.evaluation.inputs import Items
from s2i_tf.models.multimodal import Hidden
from tests.evaluation.conftest import judged, make_items


@pytest.fixture
def photos(rng):
    return rng.integers(0, 256, (6, 4, 4, 3)).astype(np.uint8)


LABELS = np.array([2, 2, 2, 5, 5, 5])
IDS = np.array([f"photo{index}" for index in range(6)])
FEATURES = np.array([[0.0], [1], [5], [10], [11], [30]])


class Brightness:
    """A judge whose only feature is the mean."""

    def look(self, pictures):
        return judged(pictures.reshape(len(pictures), -1).mean(axis=1, keepdims=True))


@pytest.fixture
def drawn(photos):
    """Each baseline's choice for a sound heard as 5, 2 and 5, near the photos 4, 0 and 4."""
    heard = types.SimpleNamespace(predict=lambda features: np.array([5, 2, 5]))
    images = Items(IDS, LABELS, IDS, IDS, np.arange(6), FEATURES, photos)
    training = types.SimpleNamespace(
        images=images,
        judged=judged(np.arange(6.0)[:, None]),
        image_vectors=Hidden(None, np.eye(6)),
        class_heard=heard,
    )
    vectors = np.eye(6)[[4, 0, 4]] + 0.1
    found = baselines.of_sounds(Brightness(), training, make_items([2, 2, 5]), vectors)
    return {name: one.features[:, 0] for name, one in found.items()}


def test_the_mean_picture_is_of_the_class_heard(photos, drawn):
    means = [np.rint(photos[own].mean(axis=0)).mean() for own in (slice(3, 6), slice(3))]
    assert drawn["class_mean"] == pytest.approx([means[0], means[1], means[0]])


def test_the_fixed_photo_is_the_most_typical_of_the_class_heard(drawn):
    assert drawn["fixed_photo"].tolist() == [4, 1, 4]


def test_the_constant_photo_is_one_for_all(drawn):
    assert drawn["constant_photo"].tolist() == [3, 3, 3], "10 is nearest to the mean of 9.5"


def test_the_nearest_photo_is_by_multimodal_vectors(drawn):
    assert drawn["nearest_photo"].tolist() == [4, 0, 4]


def test_the_most_typical_does_not_depend_on_the_order():
    features = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    names = np.array(["a", "b", "c", "d"])
    first = names[baselines.medoid(features, names)]
    order = [2, 3, 0, 1]
    assert names[order][baselines.medoid(features[order], names[order])] == first


def test_what_lies_on_disk_does_not_stay_in_memory(rng, tmp_path, resident_bytes):
    path = tmp_path / "photos.npy"
    np.save(path, rng.integers(0, 256, (60, 128, 128, 3)).astype(np.uint8))
    mapped = np.load(path, mmap_mode="r")
    members = [np.arange(first, 60, 3) for first in range(3)]
    found = baselines.class_means(mapped, members)
    assert resident_bytes(path) < path.stat().st_size / 4
    np.testing.assert_array_equal(found, baselines.class_means(np.array(mapped), members))

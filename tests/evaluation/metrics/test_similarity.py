import numpy as np
import pytest

from s2i_tf.evaluation.metrics import similarity
from s2i_tf.evaluation.metrics.metric import NotMeasured
from s2i_tf.evaluation.metrics.tabular import DASH
from tests.evaluation.conftest import make_items, make_predictions


def predictions(labels=(0, 1, 0), **embeddings):
    sounds, images = make_items(list(labels)), make_items(list(labels), prefix="p")
    arrays = {side: np.asarray(vectors, float) for side, vectors in embeddings.items()}
    return make_predictions(sounds, images, embeddings=arrays)


def row(part, name):
    return next(row for row in part["rows"] if row["name"] == name)


def test_cosine_z_and_rank_by_hand():
    # Cosines of the sounds with the pictures: 0.6, 0.8, 0; 0, 1, 0.8 rotated; see below.
    sounds = [[1, 0], [1, 0], [0, 2]]
    pictures = [[3, 4], [4, 3], [0, 5]]
    found = similarity.compared(np.array(sounds), np.array(pictures), np.array(["a", "b", "c"]))
    # Own: 0.6, 0.8, 1. Others: (0.8, 0), (0.6, 0), (0.8, 0.6).
    assert found["cosine"]["value"] == pytest.approx((0.6 + 0.8 + 1) / 3)
    z = [(0.6 - 0.4) / 0.4, (0.8 - 0.3) / 0.3, (1 - 0.7) / 0.1]
    assert found["z"]["value"] == pytest.approx(np.mean(z))
    assert found["rank"]["value"] == pytest.approx((1 / 2 + 1 + 1) / 3)


def test_pictures_of_one_recording_are_no_others():
    sounds = np.repeat(np.eye(10), 5, axis=0)
    found = similarity.compared(sounds, sounds, np.repeat(np.arange(10), 5))
    assert found["rank"]["value"] == 1 and found["cosine"]["value"] == 1
    part = similarity.AudioImageSimilarity().measure(
        predictions(range(3), sounds=np.eye(3), pictures=np.eye(3))
    )
    assert row(part, "shuffled")["cosine"]["value"] == 0


def test_ties_count_half_and_a_constant_picture_has_chance():
    same = np.ones((5, 3))
    found = similarity.compared(np.eye(5, 3) + 1, same, np.arange(5))
    assert found["rank"]["value"] == 0.5
    assert found["z"]["value"] is None, "the others do not vary"


@pytest.mark.parametrize(("num", "size"), [(37, 1024), (100, 512)])
def test_the_rounding_of_equal_pictures_is_no_difference(rng, num, size):
    alike = np.repeat(rng.normal(size=(1, size)), num, axis=0)
    for pictures in (alike, alike * (1 + 1e-7 * rng.normal(size=alike.shape))):
        found = similarity.compared(rng.normal(size=(num, size)), pictures, np.arange(num))
        assert set(found["rank"].values()) == {0.5}
        assert found["z"]["value"] is None


def test_a_constant_picture_has_no_z_and_it_says_why(rng):
    metric = similarity.AudioImageSimilarity()
    alike = np.repeat(rng.normal(size=(1, 64)), 9, axis=0)
    given = dict.fromkeys(("sounds", "photos"), rng.normal(size=(9, 64)))
    part = metric.measure(predictions([0] * 9, **given, pictures=alike))
    assert metric.warnings(part) == [
        "Audio-image similarity has no z of the picture of the sound: the others are all alike, or "
        "but one."
    ]
    assert row(part, "real")["z"]["value"] > 2
    assert metric.tables(part, {})[0].rows[0].cells[1].text == DASH


def test_z_counts_the_pairs_alone_that_have_one(rng):
    """Of eight pairs the first two sounds are silent, to which all pictures are equally near."""
    sounds = rng.normal(size=(8, 4)) * (np.arange(8) > 1)[:, None]
    z = similarity.compared(sounds, rng.normal(size=(8, 4)), np.arange(8))["z"]
    assert z["value"] is not None and z["low"] is None, "six are too few for an interval"


def test_perfect_pairs_beat_shuffled_ones_and_photos_stand_beside():
    found = similarity.AudioImageSimilarity().measure(
        predictions(range(3), sounds=np.eye(3), pictures=np.eye(3), photos=np.eye(3)[[1, 2, 0]])
    )
    made = row(found, "generated")
    assert made["cosine"]["value"] == 1 and made["rank"]["value"] == 1
    assert row(found, "shuffled")["cosine"]["value"] == 0
    assert row(found, "shuffled")["rank"]["value"] == 0.5
    assert row(found, "real")["cosine"]["value"] == 0
    assert found["num_pairs"] == 3


def test_pictures_of_random_sounds_have_chance(rng):
    one, other = rng.normal(size=(2, 400, 16))
    found = similarity.compared(one, other, np.arange(400))
    assert found["rank"]["value"] == pytest.approx(0.5, abs=0.06)
    assert found["rank"]["low"] < 0.5 < found["rank"]["high"]
    assert found["z"]["low"] < 0 < found["z"]["high"]


def test_photos_and_pictures_are_compared_alike():
    found = similarity.ImageImageSimilarity().measure(
        predictions(pictures=np.eye(3), photos=np.eye(3))
    )
    assert row(found, "generated")["cosine"]["value"] == 1
    assert {one["name"] for one in found["rows"]} == {"generated", "shuffled"}
    with pytest.raises(NotMeasured, match="no embeddings of the photos"):
        similarity.ImageImageSimilarity().measure(predictions(pictures=np.eye(3)))


def test_recall_of_class_names_by_hand_and_ties_share_places():
    pictures = [[1, 0, 0], [1, 0, 0], [1, 1, 0]]
    part = similarity.ClassNameRecall().measure(
        predictions((0, 1, 1), pictures=pictures, classes=np.eye(3))
    )
    recall = row(part, "generated")["recall"]["1"]
    # The first is right, the second wrong, the third ties between two.
    assert recall["micro"]["value"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert part["chance"] == {"1": pytest.approx(1 / 3)}, "of three names top 5 says nothing"


def test_names_whose_vectors_differ_by_rounding_share_places(rng):
    names = np.repeat(rng.normal(size=(1, 512)), 3, axis=0) * (1 + 1e-7 * rng.normal(size=(3, 512)))
    part = similarity.ClassNameRecall().measure(
        predictions((0, 1, 2), pictures=rng.normal(size=(3, 512)), classes=names)
    )
    of_classes = row(part, "generated")["recall"]["1"]["per_class"].values()
    assert [one["value"] for one in of_classes] == pytest.approx([1 / 3] * 3)


def test_a_zero_vector_is_near_to_nothing():
    assert similarity.cosine(np.zeros((1, 2)), np.ones((1, 2))).tolist() == [[0]]

import numpy as np
import pytest

from s2i_tf.evaluation import heldout
from s2i_tf.evaluation.metrics import retrieval
from s2i_tf.models.multimodal import Hidden
from tests.evaluation.conftest import make_predictions


def split(sound_ids, image_ids, labels):
    columns = {"sound_id": sound_ids, "image_id": image_ids, "group": sound_ids}
    columns = {key: np.array(list(values), object) for key, values in columns.items()}
    return columns | {"label": np.array(labels)}


def measured(columns, sound_vectors, image_vectors):
    vectors = {
        f"{side}_vectors": Hidden(*[np.asarray(values, np.float32)] * 2)
        for side, values in (("sound", sound_vectors), ("image", image_vectors))
    }
    sides = [heldout.items_of(columns, modality) for modality in ("sound", "image")]
    part = retrieval.Retrieval().measure(make_predictions(*sides, **vectors))
    return {(row["direction"], row["layer"], row["distance"]): row for row in part}


def test_repeated_pairs_change_no_figure():
    once = split("stu", "pqr", [0, 1, 1])
    often = split("stuttt", "pqrqqr", [0, 1, 1, 1, 1, 1])
    vectors = np.eye(3)[[0, 1, 0]], np.eye(3)[[0, 1, 1]]
    for key, row in measured(once, *vectors).items():
        assert row == measured(often, *vectors)[key]


def test_directions_have_their_own_queries_and_targets():
    # The photo r lies at the sound of the other class.
    found = measured(split("stt", "pqr", [0, 1, 1]), [[0, 1], [1, 0]], [[0, 1], [1, 0], [0, 1]])
    forth = found["image_to_sound", "after", "euclidean"]
    assert (forth["num_queries"], forth["num_targets"]) == (3, 2)
    assert forth["measures"]["top_1"]["micro"]["value"] == pytest.approx(2 / 3)
    assert forth["measures"]["top_1"]["macro"]["value"] == pytest.approx(3 / 4)
    assert forth["measures"]["top_1"]["per_class"]["b"]["value"] == 0.5
    assert forth["chance"]["top_1"]["micro"] == 0.5
    assert forth["targets_hit"]["num"] == 2
    back = found["sound_to_image", "after", "euclidean"]
    assert (back["num_queries"], back["num_targets"]) == (2, 3)
    assert back["measures"]["top_1"]["per_class"]["a"]["value"] == 0.5, "two photos tie"
    assert back["chance"]["top_1"]["micro"] == pytest.approx((1 / 3 + 2 / 3) / 2)


def test_the_paper_s_figures_stand_beside_its_own_direction_and_distance_only():
    found = measured(split("st", "pq", [0, 1]), np.eye(2), np.eye(2))
    with_paper = {key: row["paper_top_1"] for key, row in found.items() if row["paper_top_1"]}
    assert with_paper == {
        ("image_to_sound", "before", "euclidean"): 0.163,
        ("image_to_sound", "after", "euclidean"): 0.253,
    }

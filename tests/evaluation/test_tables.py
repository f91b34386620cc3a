import numpy as np
import pytest

from s2i_tf.evaluation import label_match, tables
from s2i_tf.evaluation.tables import Items

NAMES = ("a", "b")


def split(sound_ids, image_ids, labels, groups=None):
    num = len(sound_ids)
    return {
        "sound_id": np.array(sound_ids, object),
        "image_id": np.array(image_ids, object),
        "label": np.array(labels),
        "group": np.array(groups or sound_ids, object),
        "sound_features": np.arange(num, dtype=np.float32)[:, None],
        "image_features": np.arange(num, dtype=np.float32)[:, None],
    }


def sides(columns):
    return Items.of_split(columns, "sound"), Items.of_split(columns, "image")


def test_a_sound_of_several_pairs_is_one_item():
    columns = split(["y", "x", "y", "y"], ["p", "q", "r", "p"], [1, 0, 1, 1])
    sounds, images = sides(columns)
    assert sounds.ids.tolist() == ["x", "y"] and sounds.labels.tolist() == [0, 1]
    assert sounds.features[:, 0].tolist() == [1, 0]
    assert sounds.ids[sounds.of_pair].tolist() == ["y", "x", "y", "y"]
    assert images.ids.tolist() == ["p", "q", "r"]


def retrieval(columns, sound_vectors, image_vectors):
    sounds, images = sides(columns)
    layers = [
        {layer: np.asarray(vectors, np.float32) for layer in tables.LAYERS}
        for vectors in (sound_vectors, image_vectors)
    ]
    rows = tables.retrieval_rows("eval", sounds, images, *layers, NAMES)
    return {(row["direction"], row["layer"], row["distance"]): row for row in rows}


def test_repeated_pairs_change_no_figure():
    once = split(["s", "t", "u"], ["p", "q", "r"], [0, 1, 1])
    often = split([*"stu", *"ttt"], [*"pqr", *"qqr"], [0, 1, 1, 1, 1, 1])
    vectors = np.eye(3)[[0, 1, 0]], np.eye(3)[[0, 1, 1]]
    for key, row in retrieval(once, *vectors).items():
        assert row == retrieval(often, *vectors)[key]


def test_directions_have_their_own_queries_and_targets():
    columns = split(["s", "t", "t"], ["p", "q", "r"], [0, 1, 1])
    # The photo r lies at the sound of the other class.
    found = retrieval(columns, [[0, 1], [1, 0]], [[0, 1], [1, 0], [0, 1]])
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
    columns = split(["s", "t"], ["p", "q"], [0, 1])
    found = retrieval(columns, np.eye(2), np.eye(2))
    with_paper = {key: row["paper_top_1"] for key, row in found.items() if row["paper_top_1"]}
    assert with_paper == {
        ("image_to_sound", "before", "euclidean"): 0.163,
        ("image_to_sound", "after", "euclidean"): 0.253,
    }


def match(columns, generated, original, rebuilt=None):
    sounds, images = sides(columns)
    rebuilt = original if rebuilt is None else rebuilt
    drawn = {"generated": generated}
    rows = tables.match_rows(sounds, images, drawn, rebuilt, original, NAMES)
    return {row["name"]: row["match"] for row in rows}


def value(found, name, k=1):
    return found[name][str(k)]["micro"]["value"]


def test_a_sound_with_two_photos_has_their_mean():
    columns = split(["s", "s", "t"], ["p", "q", "r"], [0, 0, 1])
    tops = np.arange(40).reshape(4, 10)
    found = match(columns, tops[[0, 2]], tops[[0, 1, 2]])
    assert found["generated"]["1"]["per_class"]["a"]["value"] == 0.5
    assert value(found, "generated") == 0.75, "each sound counts once, not each pair"


@pytest.fixture
def large():
    num = 600
    names = [f"{index:04}" for index in range(num)]
    return split(names, names, [index % 2 for index in range(num)])


def test_a_perfect_generator_scores_one_and_above_shuffled(large, rng):
    original = label_match.top_labels(rng.random((600, 1000)))
    found = match(large, original, original)
    for k, share in label_match.random_match(1000).items():
        assert value(found, "generated", k) == value(found, "rebuilt", k) == 1
        assert value(found, "shuffled", k) == pytest.approx(share, abs=0.01)
        assert value(found, "real_same_class", k) == pytest.approx(share, abs=0.015)


def test_a_random_generator_scores_as_its_shuffled_pairs(large, rng):
    tops = [label_match.top_labels(rng.random((600, 100))) for _ in range(2)]
    found = match(large, *tops)
    for k in label_match.TOP_KS:
        shuffled = value(found, "shuffled", k)
        four_errors = 4 * (shuffled * (1 - shuffled) / 600) ** 0.5
        assert value(found, "generated", k) == pytest.approx(shuffled, abs=four_errors)


def test_a_constant_generator_scores_exactly_its_shuffled_pairs(large, rng):
    original = label_match.top_labels(rng.random((600, 30)))
    found = match(large, np.repeat(original[:1], 600, 0), original)
    for k in label_match.TOP_KS:
        assert value(found, "generated", k) == pytest.approx(value(found, "shuffled", k))


def test_one_picture_a_class_scores_as_within_the_class(large):
    """What plain shuffling would call a success, the row within the class shows for what it is."""
    labels = np.arange(600) % 2
    original = labels[:, None] * 10 + np.arange(10)
    found = match(large, original, original)
    assert value(found, "generated") == value(found, "generated_same_class") == 1
    assert value(found, "shuffled") == pytest.approx(0.5, abs=0.01)


def test_what_cannot_be_measured_is_null():
    columns = split(["s"], ["p"], [1])
    tops = np.arange(10)[None]
    found = match(columns, tops, tops)
    assert value(found, "shuffled") is None
    assert value(found, "generated") == 1

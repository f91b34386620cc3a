import numpy as np
import pytest

from s2i_tf.evaluation import heldout, judge
from s2i_tf.evaluation.inputs import JudgeOutput
from s2i_tf.evaluation.judge import TOP_KS
from s2i_tf.evaluation.metrics import label_match
from tests.evaluation.conftest import make_predictions


def random_tops(rng, num, num_labels=1000):
    return judge.top_labels(rng.random((num, num_labels)))


def distinct(num):
    """Pairs that share neither photo nor recording."""
    return np.stack([np.arange(num)] * 2, axis=1)


def test_top_labels_are_the_highest_scores_in_order(rng):
    scores = rng.normal(size=(20, 50))
    tops = judge.top_labels(scores, 10)
    for row, top in zip(scores, tops, strict=True):
        assert list(row[top]) == sorted(row, reverse=True)[:10]


def test_tied_scores_go_to_the_first_labels():
    assert judge.top_labels(np.zeros((1, 20)), 3).tolist() == [[0, 1, 2]]


def test_a_picture_meets_itself_at_every_k(rng):
    tops = random_tops(rng, 30)
    for values in label_match.meets(tops, tops).values():
        assert values.all()


def test_meeting_looks_at_sets_not_at_places():
    one = np.arange(10)[None]
    other = one + 2
    assert {k: bool(v[0]) for k, v in label_match.meets(one, other).items()} == {
        1: False,
        3: True,
        5: True,
        10: True,
    }


def test_random_sets_meet_as_often_as_the_formula_says(rng):
    found = label_match.meets(random_tops(rng, 20_000, 60), random_tops(rng, 20_000, 60))
    for k, share in label_match.random_match(60).items():
        assert found[k].mean() == pytest.approx(share, abs=0.012)


def test_random_sets_of_1000_labels_as_known():
    found = label_match.random_match(1000)
    assert [round(100 * found[k], 2) for k in TOP_KS] == [0.10, 0.90, 2.48, 9.60]


def test_few_labels_always_meet():
    assert label_match.random_match(4) == {1: 0.25, 3: 1, 5: 1, 10: 1}


def test_shuffled_pairs_are_the_mean_over_all_other_pairs(rng, monkeypatch):
    monkeypatch.setattr(label_match, "_BLOCK_ROWS", 5)
    num = 12
    one, other = random_tops(rng, num, 20), random_tops(rng, num, 20)
    found = label_match.mean_meeting(one, other, distinct(num))
    for k in TOP_KS:
        for row in range(num):
            others = [
                bool(set(one[row, :k]) & set(other[column, :k]))
                for column in range(num)
                if column != row
            ]
            assert found[k][row] == pytest.approx(np.mean(others))


def test_what_shares_photo_or_recording_is_not_compared():
    tops = np.arange(40).reshape(4, 10)
    same = np.array([[0, 0], [0, 1], [1, 0], [2, 2]])
    found = label_match.mean_meeting(tops[[0, 0, 0, 0]], tops[[0, 0, 0, 3]], same)
    assert found[1].tolist() == [0, 1 / 2, 1 / 2, 1]


def test_within_a_class_only_its_pairs_are_compared():
    tops = np.arange(20).reshape(2, 10)
    found = label_match.mean_meeting(
        tops[[0, 0, 1]], tops[[0, 0, 1]], distinct(3), classes=np.array([0, 0, 1])
    )
    assert found[1][:2].tolist() == [1, 1]
    assert np.isnan(found[1][2]), "a class of one pair has no other to compare with"


def test_rates_grow_with_k_and_stay_in_range(rng):
    one, other = random_tops(rng, 50, 100), random_tops(rng, 50, 100)
    for found in (
        label_match.meets(one, other),
        label_match.mean_meeting(one, other, distinct(50)),
    ):
        values = np.stack([found[k].astype(float) for k in TOP_KS])
        assert values.min() >= 0 and values.max() <= 1
        assert np.all(np.diff(values, axis=0) >= 0)


def split(sound_ids, image_ids, labels):
    columns = {"sound_id": sound_ids, "image_id": image_ids, "group": sound_ids}
    columns = {key: np.array(list(values), object) for key, values in columns.items()}
    return columns | {"label": np.array(labels)}


def match(columns, generated, original, rebuilt=None):
    sounds, images = (heldout.items_of(columns, modality) for modality in ("sound", "image"))
    predictions = make_predictions(
        sounds,
        images,
        judged=JudgeOutput(original, None),
        pictures={"generated": JudgeOutput(generated, None)},
        rebuilt=JudgeOutput(original if rebuilt is None else rebuilt, None),
    )
    rows = label_match.LabelMatch().measure(predictions)["rows"]
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
    original = judge.top_labels(rng.random((600, 1000)))
    found = match(large, original, original)
    for k, share in label_match.random_match(1000).items():
        assert value(found, "generated", k) == value(found, "rebuilt", k) == 1
        assert value(found, "shuffled", k) == pytest.approx(share, abs=0.01)
        assert value(found, "real_same_class", k) == pytest.approx(share, abs=0.015)


def test_a_random_generator_scores_as_its_shuffled_pairs(large, rng):
    tops = [judge.top_labels(rng.random((600, 100))) for _ in range(2)]
    found = match(large, *tops)
    for k in TOP_KS:
        shuffled = value(found, "shuffled", k)
        four_errors = 4 * (shuffled * (1 - shuffled) / 600) ** 0.5
        assert value(found, "generated", k) == pytest.approx(shuffled, abs=four_errors)


def test_a_constant_generator_scores_exactly_its_shuffled_pairs(large, rng):
    original = judge.top_labels(rng.random((600, 30)))
    found = match(large, np.repeat(original[:1], 600, 0), original)
    for k in TOP_KS:
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

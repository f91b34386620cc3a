import numpy as np
import pytest

from s2i_tf.evaluation import label_match
from s2i_tf.evaluation.label_match import TOP_KS


def random_tops(rng, num, num_labels=1000):
    return label_match.top_labels(rng.random((num, num_labels)))


def distinct(num):
    """Pairs that share neither photo nor recording."""
    return np.stack([np.arange(num)] * 2, axis=1)


def test_top_labels_are_the_highest_scores_in_order(rng):
    scores = rng.normal(size=(20, 50))
    tops = label_match.top_labels(scores, 10)
    for row, top in zip(scores, tops, strict=True):
        assert list(row[top]) == sorted(row, reverse=True)[:10]


def test_tied_scores_go_to_the_first_labels():
    assert label_match.top_labels(np.zeros((1, 20)), 3).tolist() == [[0, 1, 2]]


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

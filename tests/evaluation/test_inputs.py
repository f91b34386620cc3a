import numpy as np

from tests.evaluation.conftest import make_items

LABELS = np.array([0] * 14 + [1] * 4 + [2] * 2)


def test_each_class_has_its_turn():
    chosen = make_items(LABELS).of_each_class(7, seed=0)
    assert LABELS[chosen].tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert len(set(chosen)) == 7


def test_the_draw_depends_on_the_seed():
    items = make_items(LABELS)
    assert items.of_each_class(5, seed=1) != items.of_each_class(5, seed=2)


def test_no_more_than_there_are():
    assert sorted(make_items(LABELS).of_each_class(100, seed=0)) == list(range(20))
    assert make_items(LABELS).drawn(np.array([3, 5]), 9, "salt") in ([3, 5], [5, 3])

import errno
import os

import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.evaluation.inputs import Scratch
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


def test_scratch_arrays_lie_on_disk_and_leave_nothing_behind(tmp_path):
    array = Scratch(str(tmp_path)).array((1000, 8), "float16")
    array[:] = np.arange(8)
    assert array[999].tolist() == list(range(8)) and array.dtype == np.float16
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no posix_fallocate here")
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "no room for 1 MB .*No space left.*free some space there"),
        (errno.EROFS, "nothing can be written there .Read-only.*; choose another results folder"),
    ],
)
def test_a_place_without_room_is_one_sentence(tmp_path, monkeypatch, number, message):
    def refused(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refused)
    with pytest.raises(UserError, match=message):
        Scratch(str(tmp_path)).array((10,), "uint8")

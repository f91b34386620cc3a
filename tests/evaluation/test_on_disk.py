import errno
import os

import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.evaluation.on_disk import Scratch


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

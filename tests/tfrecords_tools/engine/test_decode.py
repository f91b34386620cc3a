"""Items are read ahead by threads: in order, not all at once, and the bad ones named."""

import numpy as np
import pytest

pytest.importorskip("apache_beam")

from s2i_tf.media import image
from tfrecords_tools.engine import decode
from tfrecords_tools.engine.rows import Item

NUM_ITEMS = 40
MISSING = 7


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(NUM_ITEMS):
        if index != MISSING:
            picture = np.full((4, 4, 3), index, np.uint8)
            (folder / f"{index}.png").write_bytes(image.encode_png(picture))
    names = [f"{index}.png" for index in range(NUM_ITEMS)]
    return str(folder), [Item(name, "image", name, name, "") for name in names]


def load_all(items, quarantined, prepare=lambda item, decoded: decoded):
    root, rows = items
    return decode.load_all(rows, root, "test", prepare, quarantined.append)


def test_items_come_in_their_order_and_the_bad_are_named(items):
    quarantined = []
    values = [int(picture[0, 0, 0]) for _, picture in load_all(items, quarantined)]
    assert values == [index for index in range(NUM_ITEMS) if index != MISSING]
    assert [(row.path, row.reason) for row in quarantined] == [(f"{MISSING}.png", "missing")]


def test_no_more_is_read_than_two_batches_ahead(items):
    root, rows = items
    asked = []
    loaded = load_all((root, (asked.append(row.id) or row for row in rows)), [])
    next(loaded)
    assert len(asked) == 1 + decode._ITEMS_AHEAD
    loaded.close()
    assert len(asked) == 1 + decode._ITEMS_AHEAD


def test_a_surprise_in_preparing_is_quarantined(items):
    def prepare(item, decoded):
        raise RuntimeError("never\nmet")

    quarantined = []
    assert not list(load_all(items, quarantined, prepare))
    assert {row.reason for row in quarantined} == {"missing", decode.DECODER_ERROR}

import numpy as np

from s2i_tf.media.sheet import contact_sheet, to_uint8


def test_a_sheet_has_room_for_all():
    pictures = [np.zeros((8, 8, 3), np.uint8)] * 5
    sheet = contact_sheet(pictures, ["a long caption"] * 5, num_columns=3)
    assert sheet.shape == (2 * (8 + 6 + 18) + 6, 3 * (8 + 6) + 6, 3)


def test_pictures_outside_their_range_are_clipped():
    np.testing.assert_array_equal(to_uint8(np.array([-1.0, 0.5, 2.0])), [0, 128, 255])


def test_long_names_are_told_apart_by_their_ends():
    pictures = [np.zeros((8, 128, 3), np.uint8)] * 2
    captions = [f"rain\nField recording 2026-11-01 forest {number}" for number in (1, 2)]
    sheet = contact_sheet(pictures, captions)
    assert sheet.shape == (8 + 6 + 2 * 18 + 6, 2 * (128 + 6) + 6, 3)
    one, other = sheet[14:, 6 : 6 + 128], sheet[14:, 12 + 128 : 12 + 256]
    assert np.array_equal(one[:18], other[:18]) and not np.array_equal(one[18:], other[18:])

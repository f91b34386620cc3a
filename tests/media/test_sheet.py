import numpy as np

from s2i_tf.media.sheet import contact_sheet, to_uint8


def test_a_sheet_has_room_for_all():
    pictures = [np.zeros((8, 8, 3), np.uint8)] * 5
    sheet = contact_sheet(pictures, ["a long caption"] * 5, num_columns=3)
    assert sheet.shape == (2 * (8 + 6 + 18) + 6, 3 * (8 + 6) + 6, 3)


def test_pictures_outside_their_range_are_clipped():
    np.testing.assert_array_equal(to_uint8(np.array([-1.0, 0.5, 2.0])), [0, 128, 255])

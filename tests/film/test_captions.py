import numpy as np

from s2i_tf.film.captions import Caption, _minutes, captions, strip, web_vtt


def test_equal_moments_become_one_caption_that_ends_half_way_to_the_next():
    assert captions(["rain", "rain", "dog", "rain"], 2.0, 7.5) == [
        Caption(0.0, 3.0, "rain"),
        Caption(3.0, 5.0, "dog"),
        Caption(5.0, 7.5, "rain"),
    ]


def test_web_vtt_has_hours_and_milliseconds():
    text = web_vtt([Caption(0.0, 1.25, "rain"), Caption(1.25, 3723.0, "dog")])
    assert text == (
        "WEBVTT made by s2i_tf\n\n"
        "00:00:00.000 --> 00:00:01.250\n[rain]\n\n00:00:01.250 --> 01:02:03.000\n[dog]\n"
    )


def test_a_name_may_hold_what_subtitles_mark_things_with():
    assert "[R&amp;B &lt;live&gt; --&gt; x]" in web_vtt([Caption(0.0, 1.0, "R&B <live> --> x")])


def test_a_strip_of_a_long_film_has_room_for_short_captions():
    moments = ["dog", *["rain"] * 1199]
    spoken = captions(moments, 0.5, 600.0)
    sheet = strip([np.zeros((32, 32, 3), np.uint8)] * 4, spoken, 600.0)
    assert sheet.shape[1] > 4 * 32


def test_no_minute_has_sixty_seconds():
    times = {59.94: "0:59.9", 59.97: "1:00.0", 119.96: "2:00.0", 3.25: "0:03.2"}
    assert {seconds: _minutes(seconds) for seconds in times} == times


def test_a_strip_holds_its_pictures_in_the_order_of_time():
    pictures = [np.full((32, 32, 3), value, np.uint8) for value in (10, 120, 230)]
    sheet = strip(pictures, [Caption(0, 2, "rain"), Caption(2, 3, "dog")], 3.0)
    assert sheet.shape == (32 + 2 * 18 + 3 * 8, 3 * 32 + 16, 3)
    for index, value in enumerate((10, 120, 230)):
        assert (sheet[8:40, 8 + 32 * index : 40 + 32 * index] == value).all()

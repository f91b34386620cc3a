"""Which seconds of a long sound are heard."""

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import heard_window, reasons

SECOND = spec.SAMPLE_RATE_HZ
WINDOW = 6 * SECOND


def with_events(seconds, *events):
    """Faint noise with louder noise at (second, length, level)."""
    rng = np.random.default_rng(0)
    waveform = 0.01 * rng.normal(size=seconds * SECOND)
    for begin, length, level in events:
        part = slice(int(begin * SECOND), int((begin + length) * SECOND))
        waveform[part] = level * rng.normal(size=part.stop - part.start)
    return waveform.astype(np.float32)


def test_a_short_sound_has_one_window():
    for window in ("auto", "middle", "loudest", 3.0):
        assert heard_window.starts(np.ones(WINDOW), WINDOW, window) == [0]


def test_middle_and_a_given_second():
    waveform = with_events(20, (1, 2, 9.0))
    assert heard_window.starts(waveform, WINDOW, "middle") == [7 * SECOND]
    assert heard_window.starts(waveform, WINDOW, 2.5) == [int(2.5 * SECOND)]
    assert heard_window.starts(waveform, WINDOW, 19.0) == [14 * SECOND]  # the last whole window


def test_the_loudest_holds_the_event():
    for begin in (0, 4, 11, 18):
        (start,) = heard_window.starts(with_events(20, (begin, 2, 9.0)), WINDOW, "loudest")
        assert start <= begin * SECOND <= start + WINDOW - 2 * SECOND


def test_a_short_event_is_not_at_the_edge_of_the_loudest():
    (start,) = heard_window.starts(with_events(20, (9, 1, 9.0)), WINDOW, "loudest")
    assert start + 1.5 * SECOND <= 9 * SECOND and start + WINDOW - 1.5 * SECOND >= 10 * SECOND


def test_auto_offers_loud_windows_apart_and_the_middle():
    waveform = with_events(60, (3, 2, 5.0), (29, 2, 4.0), (50, 2, 9.0))
    first, second, third, middle = heard_window.starts(waveform, WINDOW, "auto")
    for start, event in ((first, 50), (second, 3), (third, 29)):
        assert start <= event * SECOND <= start + WINDOW
    assert middle == 27 * SECOND


def test_auto_leaves_out_what_is_faint():
    (alone,) = heard_window.starts(with_events(60, (50, 2, 900.0)), WINDOW)
    assert alone <= 50 * SECOND <= alone + WINDOW


def test_it_follows_from_the_samples_alone():
    waveform = with_events(30, (3, 2, 5.0), (20, 2, 9.0))
    assert heard_window.starts(waveform, WINDOW) == heard_window.starts(waveform.copy(), WINDOW)


def test_words_and_seconds():
    assert heard_window.parse("auto") == "auto" and heard_window.parse(
        "2.5"
    ) == 2.5 == heard_window.parse(2.5)
    for wrong in ("quiet", "-1", "nan", None):
        with pytest.raises(UserError, match="allowed: auto, middle, loudest or a start"):
            heard_window.parse(wrong)


def test_a_silent_window_of_a_sound_that_is_not_is_refused():
    waveform = np.zeros(30 * SECOND, np.float32)
    waveform[: 7 * SECOND] = 9
    for window in ("auto", "loudest", 0.0, 6.9):
        heard_window.check(waveform, window, "a.wav")
    for window, begin in (("middle", 12), (7.5, 7.5), (29.0, 24)):
        message = rf"a\.wav: silent in the 6 s from {begin:.1f} s on; allowed: .*auto"
        with pytest.raises(MediaError, match=message) as caught:
            heard_window.check(waveform, window, "a.wav")
        assert caught.value.reason == reasons.SILENT


def test_a_window_behind_the_end_is_refused():
    waveform = np.ones(10 * SECOND)
    heard_window.check(waveform, 9.9, "a.wav")
    heard_window.check(waveform, "auto", "a.wav")
    heard_window.check(waveform[:WINDOW], 5.9, "a.wav")  # heard whole
    with pytest.raises(MediaError, match="6.0 s can be heard"):
        heard_window.check(waveform[:WINDOW], 6.0, "a.wav")
    with pytest.raises(MediaError, match=r"a\.wav: 10\.0 s can be heard.* begins at 10 s"):
        heard_window.check(waveform, 10.0, "a.wav")

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.film.windows import windows_along

RATE = spec.SAMPLE_RATE_HZ
HALF = spec.FEATURE_SAMPLES // 2


def pieces_of(wave, size):
    return (wave[start : start + size] for start in range(0, wave.size, size))


@pytest.mark.parametrize("seconds", [0.3, 2.0, 9.7, 31.0])
@pytest.mark.parametrize("hop_seconds", [0.5, 1.3, 17.0])
def test_each_window_has_its_moment_in_the_middle_and_mirrors_beyond_the_ends(seconds, hop_seconds):
    wave = np.arange(round(seconds * RATE), dtype=np.float32)
    padded = np.pad(wave, HALF, mode="reflect")
    found = list(windows_along(pieces_of(wave, 8 * RATE), hop_seconds))
    assert len(found) == np.ceil(seconds / hop_seconds)
    for number, window in enumerate(found):
        start = round(number * hop_seconds * RATE)
        np.testing.assert_array_equal(window, padded[start : start + 2 * HALF])


def test_pieces_of_any_size_give_the_same_windows():
    wave = np.random.default_rng(0).normal(size=20 * RATE).astype(np.float32)
    whole = list(windows_along([wave], 0.7))
    parts = list(windows_along(pieces_of(wave, 4 * RATE), 0.7))
    assert len(whole) == len(parts)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_sound_has_no_windows():
    assert not list(windows_along([], 0.5))

"""Augmented copies: the same for the same seed, within range, and what each step is said to be."""

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import sound_views

RATE = spec.SAMPLE_RATE_HZ


def tone(hertz: float, seconds: float = 2.0) -> np.ndarray:
    return (90 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype("f4")


def strongest_hz(waveform: np.ndarray) -> float:
    return np.abs(np.fft.rfft(waveform)).argmax() * RATE / len(waveform)


def decibels(loud: np.ndarray, soft: np.ndarray) -> float:
    return 20 * np.log10(sound_views._rms(loud) / sound_views._rms(soft))


def test_a_copy_follows_from_its_seed_and_stays_within_range():
    views = [
        sound_views.make_view(tone(440), np.random.default_rng(n), tone(900)) for n in range(8)
    ]
    again = sound_views.make_view(tone(440), np.random.default_rng(0), tone(900))
    np.testing.assert_array_equal(views[0], again)
    for view in views:
        assert view.dtype == np.float32
        assert np.abs(view).max() <= spec.WAVEFORM_SCALE and np.abs(view).max() > 0.1
        assert 0.9 < len(view) / (2 * RATE) < 1.1
    assert len({view.tobytes() for view in views}) == len(views)


def test_the_sound_is_still_there_at_another_speed():
    found = [
        strongest_hz(sound_views.make_view(tone(1000), np.random.default_rng(seed)))
        for seed in range(12)
    ]
    assert np.mean([945 < hertz < 1058 for hertz in found]) > 0.7  # brown noise may be louder
    assert len({round(hertz, -1) for hertz in found}) > 3


def test_a_longer_sound_gives_another_six_seconds():
    ramp = np.arange(10 * RATE, dtype=np.float32)
    starts = {sound_views._start(ramp, np.random.default_rng(seed))[0] for seed in range(20)}
    assert len(starts) == 20 and min(starts) < 1.5 * RATE and max(starts) > 2.5 * RATE
    assert len(sound_views._start(ramp, np.random.default_rng(0))) == spec.FEATURE_SAMPLES


def test_the_equaliser_changes_levels_by_no_more_than_it_says():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        change = decibels(sound_views._equalised(tone(700), rng), tone(700))
        assert 0 < abs(change) <= 9.01


def test_a_room_adds_an_echo_after_the_sound():
    click = np.zeros(RATE, np.float32)
    click[100] = 200
    wet = sound_views._in_a_room(click, np.random.default_rng(0))
    assert np.abs(wet[:100]).max() < 1e-6
    assert wet[100] == pytest.approx(200, rel=0.1)
    first, later = sound_views._rms(wet[101:1000]), sound_views._rms(wet[15000:])
    assert 0 < later < first / 10


def test_what_lies_underneath_is_fitted_and_noise_is_coloured():
    rng = np.random.default_rng(0)
    assert len(sound_views._fitted(tone(300, 0.5), 30_000, rng)) == 30_000
    spectra = [np.abs(np.fft.rfft(sound_views._noise(1 << 14, rng))) for _ in range(8)]
    tilts = [np.log10(s[1:200].mean() / s[-200:].mean()) for s in spectra]
    assert min(tilts) < 0.8 < 1.2 < max(tilts)

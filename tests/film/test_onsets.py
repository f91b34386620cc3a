import numpy as np
import pytest

from s2i_tf.film import onsets

RATE = 22_050


def flux_of(*pieces):
    meter = onsets.FluxMeter()
    for piece in pieces:
        meter.add(piece)
    return meter.flux()


def clicks(times, seconds=6.0):
    rng = np.random.default_rng(0)
    wave = rng.normal(0, 0.05, round(seconds * RATE))
    for time in times:
        start = round(time * RATE)
        wave[start : start + 2000] += 60 * rng.normal(size=2000) * np.exp(-np.arange(2000) / 400)
    return wave.astype(np.float32)


def test_onsets_lie_where_something_begins():
    times = [0.5, 1.1, 2.0, 2.3, 4.75]
    found = onsets.onset_times(flux_of(clicks(times)))
    np.testing.assert_allclose(found, times, atol=0.03)


def test_a_steady_tone_and_silence_have_none():
    tone = 100 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE).astype(np.float32)
    found = onsets.onset_times(flux_of(tone))
    assert not [time for time in found if 0.1 < time < 3.9]
    assert not onsets.onset_times(flux_of(np.zeros(4 * RATE, np.float32))).size
    assert not onsets.onset_times(flux_of()).size


@pytest.mark.parametrize("piece", [100, 3000, 22_050])
def test_pieces_give_the_flux_of_the_whole(piece):
    wave = clicks([0.5, 1.5], 3.0)
    whole = flux_of(wave)
    parts = flux_of(*(wave[i : i + piece] for i in range(0, wave.size, piece)))
    np.testing.assert_array_equal(parts, whole)

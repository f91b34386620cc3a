import dataclasses

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import foley
from s2i_tf.data.foley import dsp, sounds

RATE = spec.SAMPLE_RATE_HZ


def level_db(wave):
    return 10 * np.log10(np.mean(wave**2))


def band_share(wave, low_hz, high_hz):
    power = np.abs(np.fft.rfft(wave)) ** 2
    frequencies = np.fft.rfftfreq(len(wave), 1 / RATE)
    return power[(frequencies >= low_hz) & (frequencies < high_hz)].sum() / power.sum()


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_sounds_are_waveforms(class_name):
    scenes = [foley.scene(class_name, index) for index in range(3)]
    extremes = [
        dataclasses.replace(scenes[0], causes=dict.fromkeys(scenes[0].causes, value))
        for value in (0.0, 1.0)
    ]
    for scene in scenes + extremes:
        wave = foley.synthesize(scene)
        assert wave.dtype == np.float32
        assert 6 * RATE <= len(wave) <= 8 * RATE
        assert np.isfinite(wave).all()
        assert 1 < np.abs(wave).max() <= spec.WAVEFORM_SCALE
        # The background never stops: no quarter of a second is dead.
        assert min(np.abs(part).max() for part in np.array_split(wave, 24)) > 0


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_loudness_is_heard_where_it_is_a_cause(class_name):
    names = [c.name for c in foley.CAUSES[class_name] if c.ear.kind == "loudness"]
    scene = foley.scene(class_name, 0)
    for name in names:
        levels = [
            level_db(foley.synthesize(dataclasses.replace(scene, causes={**scene.causes, name: x})))
            for x in (0.1, 0.5, 0.9)
        ]
        assert np.all(np.diff(levels) > 5)


def test_levels_vary_without_a_cause():
    levels = [level_db(foley.synthesize(foley.scene("clock", index))) for index in range(12)]
    assert max(levels) - min(levels) > 6


def test_ring_is_the_sum_of_its_modes():
    frequencies, decays = np.array([220.0, 1000.0]), np.array([0.05, 0.01])
    amplitudes = np.array([1.0, 0.5j])
    t = np.arange(1000) / RATE
    modes = amplitudes[:, None] * np.exp(t * (2j * np.pi * frequencies - 1 / decays)[:, None])
    ring = dsp.ring(1000, frequencies, decays, amplitudes)
    np.testing.assert_allclose(ring, modes.sum(axis=0).imag, atol=1e-5)


def test_periodic_is_the_sum_of_its_harmonics():
    turns = dsp.phase(300.0, 2000)
    amplitudes = np.array([1.0, 0.0, 0.5])
    expected = np.sin(2 * np.pi * turns) + 0.5 * np.sin(6 * np.pi * turns)
    np.testing.assert_allclose(dsp.periodic(turns, amplitudes), expected, atol=5e-3)


def test_a_pluck_decays_as_the_string_loop_does(rng):
    # The loop itself: every sample is the mean of two neighbours of one round before.
    delay, num_rounds = 99, 120
    loop = np.zeros(delay * (num_rounds + 8))
    loop[:delay] = rng.standard_normal(delay)
    for n in range(delay, len(loop)):
        before = loop[n - delay - 1] if n > delay else 0.0
        loop[n] = 0.9965 * 0.5 * (loop[n - delay] + before)
    frequency = RATE / (delay + 0.5)
    string = sounds.pluck(rng, frequency, len(loop))

    def decay(wave, harmonic):
        t = np.arange(4 * delay) / RATE
        probe = np.exp(-2j * np.pi * frequency * harmonic * t) * np.hanning(len(t))
        later = num_rounds * delay
        return abs(wave[later : later + len(t)] @ probe) / abs(wave[delay : delay + len(t)] @ probe)

    for harmonic in (1, 2, 5, 9):
        assert decay(string, harmonic) == pytest.approx(decay(loop, harmonic), rel=0.1)


def test_scatter_adds_overlapping_grains():
    grains = np.ones((2, 10))
    total = dsp.scatter(20, np.array([2.5, 7.5]) / RATE, grains)
    np.testing.assert_array_equal(total, [0] * 2 + [1] * 5 + [2] * 5 + [1] * 5 + [0] * 3)


def test_noise_keeps_to_its_band(rng):
    noise = dsp.coloured_noise(rng, 100_000, dsp.band(500, 2000, order=4))
    assert dsp.level(noise) == pytest.approx(1, abs=0.02)
    assert band_share(noise, 400, 2500) > 0.95


def test_noise_repeats_without_a_seam(rng):
    noise = dsp.coloured_noise(rng, 150_000, dsp.band(20, 200))
    steps = np.abs(np.diff(noise))
    assert steps[2**16 - 3 : 2**16 + 3].max() <= steps[: 2**16 - 3].max()


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_events_come_at_their_rate(rng, jitter):
    times = dsp.event_times(rng, 400.0, 5.0, jitter)
    assert np.all(np.diff(times) >= 0)
    assert times[0] >= 0
    assert times[-1] < 400
    # Jitter draws exponential gaps, whose number varies by its square root.
    assert len(times) == pytest.approx(2000, abs=2 + 150 * jitter)


def test_events_last_to_the_end(rng):
    for _ in range(200):
        assert dsp.event_times(rng, 7.0, 10.0, 1.0)[-1] > 5.5


def test_reverberation_dies_away(rng):
    click = np.zeros(RATE, np.float32)
    click[0] = 1
    room = dsp.reverberate(rng, click, 0.5, 0.3)
    assert room[0] == 1
    assert 0 < np.abs(room[1 : RATE // 4]).max() <= 0.3
    assert np.abs(room[RATE * 6 // 10 :]).max() < 1e-3


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_every_class_has_its_synthesiser(class_name, rng):
    causes = dict.fromkeys((c.name for c in foley.CAUSES[class_name]), 0.5)
    wave = sounds.SYNTHESISERS[class_name](50_000, causes, rng)
    assert wave.shape == (50_000,)
    assert wave.dtype == np.float32

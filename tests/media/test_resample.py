import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.media.resample import resample

TO_HZ = 22_050
RATES_HZ = (8_000, 16_000, 44_100, 48_000, 96_000, 44_056, 11_127)


def sine(frequency_hz, rate_hz, seconds=1.0):
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * rate_hz)) / rate_hz).astype("f")


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("frequency_hz", [440.5, 3000.0])
def test_a_tone_stays_where_it_was_to_within_90_db(rate_hz, frequency_hz):
    out = resample(sine(frequency_hz, rate_hz), rate_hz, TO_HZ).numpy()
    assert len(out) == -(-rate_hz * TO_HZ // rate_hz)
    error = (out - sine(frequency_hz, TO_HZ)[: len(out)])[1000:-1000]
    assert 10 * np.log10(0.5 / np.mean(error**2)) > 90


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 44_056])
def test_what_lies_above_the_new_band_vanishes(rate_hz):
    out = resample(sine(13_000, rate_hz), rate_hz, TO_HZ).numpy()[1000:-1000]
    assert np.abs(out).max() < 1e-4


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_rate_known_only_in_the_graph_gives_the_same(rate_hz, rng):
    samples = rng.normal(size=5000).astype("f")
    signature = (tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32))
    traced = tf.function(lambda x, rate: resample(x, rate, TO_HZ), input_signature=signature)
    eager = resample(samples, rate_hz, TO_HZ)
    np.testing.assert_allclose(traced(samples, rate_hz), eager, atol=2e-5)


def test_the_same_rate_changes_nothing(rng):
    samples = rng.normal(size=100).astype("f")
    np.testing.assert_array_equal(resample(samples, TO_HZ, TO_HZ), samples)


def test_an_impulse_does_not_move():
    impulse = np.zeros(4000, "f")
    impulse[2000] = 1
    assert np.argmax(resample(impulse, 2 * TO_HZ, TO_HZ)) == 1000

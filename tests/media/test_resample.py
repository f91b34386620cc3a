import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.media import resample as resample_module
from s2i_tf.media.resample import resample

TO_HZ = 22_050
RATES_HZ = (8_000, 16_000, 44_100, 48_000, 96_000, 44_056, 11_127)


def sine(frequency_hz, rate_hz, seconds=1.0):
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    return np.sin(2 * np.pi * frequency_hz * times).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_a_tone_in_the_band_is_what_it_would_be_at_the_new_rate(rate_hz, share):
    frequency_hz = share * min(rate_hz, TO_HZ) / 2
    out = resample(sine(frequency_hz, rate_hz), rate_hz, TO_HZ).numpy()
    error = (out - sine(frequency_hz, TO_HZ))[1000:-1000]
    assert 10 * np.log10(0.5 / np.mean(error**2)) > 90


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 44_056, 96_000])
@pytest.mark.parametrize("frequency_hz", [11_030, 11_500, 13_000, 21_000])
def test_what_lies_above_the_new_band_is_85_db_down(rate_hz, frequency_hz):
    out = resample(sine(frequency_hz, rate_hz), rate_hz, TO_HZ).numpy()[1000:-1000]
    assert np.sqrt(2 * np.mean(out**2)) < 10 ** (-85 / 20)


def test_no_image_of_the_old_band_appears_above_it():
    out = resample(sine(3_000, 8_000), 8_000, TO_HZ).numpy()[1000:-1000]
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
    frequencies = np.fft.rfftfreq(len(out), 1 / TO_HZ)
    assert spectrum[frequencies > 4_000].max() < 10 ** (-85 / 20) * spectrum.max()


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("num_samples", [0, 1, 2, 147, 4_001])
def test_the_length_is_exact_and_the_level_of_a_constant_too(rate_hz, num_samples):
    out = resample(np.ones(num_samples, np.float32), rate_hz, TO_HZ).numpy()
    assert len(out) == -(-num_samples * TO_HZ // rate_hz)
    edge = 60 * TO_HZ // min(rate_hz, TO_HZ)
    np.testing.assert_allclose(out[edge:-edge], 1, atol=1e-5)


@pytest.mark.parametrize("rate_hz", [*RATES_HZ, TO_HZ])
def test_a_rate_known_only_when_the_graph_runs_gives_the_same(rate_hz, rng):
    samples = rng.normal(size=5000).astype(np.float32)
    signature = (tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32))
    traced = tf.function(lambda x, rate: resample(x, rate, TO_HZ), input_signature=signature)
    np.testing.assert_allclose(
        traced(samples, rate_hz), resample(samples, rate_hz, TO_HZ), atol=1e-6
    )


def test_a_batch_is_its_rows(rng):
    batch = rng.normal(size=(3, 3000)).astype(np.float32)
    rows = [resample(row, 48_000, TO_HZ) for row in batch]
    np.testing.assert_allclose(resample(batch, 48_000, TO_HZ), np.stack(rows), atol=1e-5)


def test_the_same_rate_changes_nothing(rng):
    samples = rng.normal(size=100).astype(np.float32)
    np.testing.assert_array_equal(resample(samples, TO_HZ, TO_HZ), samples)


@pytest.mark.parametrize(("rate_hz", "position"), [(44_100, 2_000), (48_000, 3_200), (8_000, 800)])
def test_an_impulse_does_not_move(rate_hz, position):
    impulse = np.zeros(4000, np.float32)
    impulse[position] = 1
    out = resample(impulse, rate_hz, TO_HZ).numpy()
    centre = position * TO_HZ // rate_hz
    assert np.argmax(out) == centre
    np.testing.assert_allclose(out[centre - 40 : centre], out[centre + 40 : centre : -1], atol=1e-6)


def test_awkward_rates_need_no_large_kernel(monkeypatch):
    # 22,050 phases of 44,101 samples each would be a kernel of 4 GB.
    sizes = []
    kernel = resample_module._windowed_sinc
    monkeypatch.setattr(
        resample_module, "_windowed_sinc", lambda x: tf.py_function(measure, [x], tf.float32)
    )

    def measure(distance):
        sizes.append(distance.shape.num_elements())
        return kernel(distance)

    samples = tf.zeros([1, 5000])
    up, down = tf.constant(22_050, tf.int64), tf.constant(44_101, tf.int64)
    assert resample_module._convolve(samples, up, down).shape == (1, 2500)
    assert max(sizes) < 100_000


@pytest.mark.parametrize("rate_hz", [0, -8_000])
def test_a_rate_of_0_or_less_is_refused(rate_hz):
    samples = np.ones(10, np.float32)
    with pytest.raises(UserError, match="above 0"):
        resample(samples, rate_hz, TO_HZ)
    with pytest.raises(tf.errors.InvalidArgumentError, match="above 0 Hz"):
        resample(samples, tf.constant(rate_hz), TO_HZ)


def test_other_lengths_and_rates_are_not_traced_again():
    resample(sine(440, 44_100), 44_100, TO_HZ)
    num_traces = resample_module._resample.experimental_get_tracing_count()
    resample(sine(440, 48_000, seconds=0.7), 48_000, TO_HZ)
    resample(np.zeros((2, 9_000), np.float32), 8_000, TO_HZ)
    assert resample_module._resample.experimental_get_tracing_count() == num_traces

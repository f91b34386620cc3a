"""Resampling in NumPy: the graph's numbers, and what they owe to no graph."""

import subprocess
import sys

import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.media import polyphase, resample

TO_HZ = 22_050


@pytest.mark.parametrize(
    "rate_hz", [8_000, 11_127, 16_000, 44_056, 44_100, 48_000, 96_000, 192_000]
)
def test_it_is_what_the_graph_makes(rate_hz, rng):
    for num_samples in (0, 1, 147, 20_001):
        samples = rng.normal(size=num_samples).astype(np.float32)
        made = polyphase.resample(samples, rate_hz, TO_HZ)
        assert made.dtype == np.float32 and len(made) == -(-num_samples * TO_HZ // rate_hz)
        expected = resample.resample(samples, rate_hz, TO_HZ)
        np.testing.assert_allclose(made, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 44_056])
def test_a_tone_in_the_band_is_what_it_would_be_at_the_new_rate(rate_hz):
    def tone(rate_hz):
        return np.sin(2 * np.pi * 3_000 * np.arange(rate_hz) / rate_hz).astype(np.float32)

    error = (polyphase.resample(tone(rate_hz), rate_hz, TO_HZ) - tone(TO_HZ))[1000:-1000]
    assert 10 * np.log10(0.5 / np.mean(error**2)) > 90


def test_the_kernels_of_usual_rates_are_made_once():
    polyphase._kernel.cache_clear()
    for num_samples in (5_000, 9_000):
        polyphase.resample(np.ones(num_samples, np.float32), 48_000, TO_HZ)
    assert polyphase._kernel.cache_info().hits == polyphase._kernel.cache_info().misses > 0


def test_rates_without_a_common_divisor_make_no_sines_for_their_kernels(monkeypatch):
    samples = np.ones(5_000, np.float32)
    polyphase.resample(samples, 44_056, TO_HZ)
    sizes = []
    monkeypatch.setattr(polyphase.np, "sinc", lambda x: sizes.append(x.size))
    monkeypatch.setattr(polyphase.np, "i0", lambda x: sizes.append(x.size))
    polyphase.resample(samples, 44_056, TO_HZ)
    polyphase.resample(samples, 96_001, TO_HZ)
    assert not sizes


def test_equal_rates_change_nothing_and_0_is_refused():
    samples = np.ones(9, np.float32)
    assert polyphase.resample(samples, TO_HZ, TO_HZ) is samples
    with pytest.raises(UserError, match="sampling rate 0 Hz; allowed: above 0"):
        polyphase.resample(samples, 0, TO_HZ)


def test_decoding_and_resampling_need_no_tensorflow(tmp_path):
    import soundfile

    tone = np.sin(np.arange(48_000) / 9)
    for name in ("a.wav", "a.flac", "a.ogg"):
        soundfile.write(tmp_path / name, tone, 48_000)
    code = (
        "import sys\n"
        "from s2i_tf.media import audio\n"
        "for path in sys.argv[1:]: assert audio.load_waveform(path).shape == (22_050,), path\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    paths = sorted(map(str, tmp_path.iterdir()))
    subprocess.run([sys.executable, "-c", code, *paths], check=True)

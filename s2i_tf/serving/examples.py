"""Sounds to try an export with: for the comparison with Keras and as warm-up requests."""

import io
import wave

import numpy as np

from s2i_tf import spec

_PEAK = 32767


def sounds(num_seconds: float, num_sounds: int = 2, seed: int = 0) -> np.ndarray:
    """Sweeps in noise that swell and fade, as unlike each other as real sounds are.

    Returns:
      Float32 [num_sounds, samples] in [-1, 1] at 22,050 Hz.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(int(num_seconds * spec.SAMPLE_RATE_HZ)) / spec.SAMPLE_RATE_HZ
    made = []
    for _ in range(num_sounds):
        pitch_hz, sweep_hz, swells_hz = rng.uniform((80, 0, 0.2), (2000, 300, 4))
        tone = np.sin(2 * np.pi * (pitch_hz + sweep_hz * time) * time)
        noise = rng.normal(scale=rng.uniform(0.02, 0.4), size=len(time))
        made.append((0.4 * tone + noise) * (1.1 + np.sin(2 * np.pi * swells_hz * time)) / 2.1)
    return np.clip(made, -1, 1).astype(np.float32)


def wav_file(samples: np.ndarray, rate_hz: int = spec.SAMPLE_RATE_HZ) -> bytes:
    """A WAV file, 16-bit PCM, of float [samples] or [samples, channels] in [-1, 1]."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(np.round(samples * _PEAK).astype("<i2").tobytes())
    return file.getvalue()

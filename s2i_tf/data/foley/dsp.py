"""Building blocks of the synthesised sounds: noise, resonances, tones, events and rooms.

Signals are float32 [samples] at 22,050 Hz of any level; `s2i_tf.data.foley` sets the level. All
blocks work on whole arrays: a loop over samples would take longer than the sound lasts.
"""

from collections.abc import Callable

import numpy as np

from s2i_tf import spec

_TABLE_SIZE = 4096
_RING_BLOCK = 256
_NOISE_LOOP = 2**16


def coloured_noise(
    rng: np.random.Generator,
    num_samples: int,
    magnitude: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Noise of level 1 (RMS) whose spectrum follows a function of the frequency in Hz.

    It joins itself without a seam after 3 s, which no ear notices in noise and halves the work.
    """
    frequencies = np.fft.rfftfreq(_NOISE_LOOP, 1 / spec.SAMPLE_RATE_HZ).astype(np.float32)
    bins = rng.standard_normal(2 * len(frequencies), dtype=np.float32).view(np.complex64)
    bins *= magnitude(frequencies)
    bins[0] = 0
    wave = np.fft.irfft(bins, _NOISE_LOOP).astype(np.float32)
    return np.resize(wave / level(wave), num_samples)


def level(wave: np.ndarray) -> float:
    """The root mean square of a signal."""
    return float(np.sqrt(np.mean(np.square(wave))))


def band(low_hz: float, high_hz: float, order: float = 2.0) -> Callable[[np.ndarray], np.ndarray]:
    """A magnitude that passes what lies between two frequencies, with soft shoulders."""

    def magnitude(frequencies: np.ndarray) -> np.ndarray:
        ratio = np.maximum(frequencies, 1.0)
        return 1 / np.sqrt(
            (1 + (low_hz / ratio) ** (2 * order)) * (1 + (ratio / high_hz) ** (2 * order))
        )

    return magnitude


def wander(rng: np.random.Generator, num_samples: int, rate_hz: float) -> np.ndarray:
    """A slow random curve within about ±2 (deviation 0.7), float32 [samples]."""
    num_knots = max(round(num_samples / spec.SAMPLE_RATE_HZ * rate_hz), 2) + 2
    knots = rng.standard_normal(num_knots)
    places = np.linspace(0, num_knots - 1, num_samples)
    return np.interp(places, np.arange(num_knots), knots).astype(np.float32)


def phase(frequency_hz: np.ndarray | float, num_samples: int) -> np.ndarray:
    """The turns that a tone of this (changing) frequency has made, float64 [samples]."""
    steps = np.broadcast_to(np.asarray(frequency_hz, np.float64), num_samples)
    return np.cumsum(steps) / spec.SAMPLE_RATE_HZ


def periodic(turns: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """A periodic wave by its phase.

    Args:
      turns: float64 [samples], as `phase` gives them.
      amplitudes: [harmonics], or complex where phases matter: that of each harmonic, from 1.

    Returns:
      float32 [samples], the sum of amplitude · sin(2π · harmonic · turns).
    """
    bins = np.zeros(_TABLE_SIZE // 2 + 1, np.complex128)
    bins[1 : len(amplitudes) + 1] = np.asarray(amplitudes) * (-0.5j * _TABLE_SIZE)
    table = np.fft.irfft(bins, _TABLE_SIZE).astype(np.float32)
    return table[(turns * _TABLE_SIZE).astype(np.int64) & (_TABLE_SIZE - 1)]


def ring(
    num_samples: int,
    frequencies_hz: np.ndarray,
    decay_seconds: np.ndarray,
    amplitudes: np.ndarray,
) -> np.ndarray:
    """A struck or plucked body: a sum of decaying modes, struck at the first sample.

    A mode is a complex number raised to the sample's number, which splits into a power for the
    block and one for the place within it, so that the sum over modes is one matrix product.

    Args:
      num_samples: length of the result.
      frequencies_hz: [modes].
      decay_seconds: [modes], the time in which a mode falls to 1/e.
      amplitudes: [modes], complex for a phase.
    """
    rate = -1 / np.asarray(decay_seconds) + 2j * np.pi * np.asarray(frequencies_hz)
    rate = rate / spec.SAMPLE_RATE_HZ
    num_blocks = -(-num_samples // _RING_BLOCK)
    blocks = np.exp(np.outer(np.arange(num_blocks) * _RING_BLOCK, rate)) * amplitudes
    places = np.exp(np.outer(rate, np.arange(_RING_BLOCK)))
    product = blocks.astype(np.complex64) @ places.astype(np.complex64)
    return product.imag.reshape(-1)[:num_samples]


def scatter(num_samples: int, times: np.ndarray, grains: np.ndarray) -> np.ndarray:
    """Adds short sounds [events, length] into silence at their times in seconds."""
    length = grains.shape[1]
    places = (times * spec.SAMPLE_RATE_HZ).astype(np.int64)[:, None] + np.arange(length)
    total = np.bincount(places.ravel(), grains.ravel(), minlength=num_samples + length)
    return total[:num_samples].astype(np.float32)


def event_times(
    rng: np.random.Generator, seconds: float, rate_hz: float, jitter: float
) -> np.ndarray:
    """Onsets in seconds at a rate: regular with jitter 0, their gaps quite random with jitter 1.

    The first lies within one gap of the start and all within the sound.
    """
    mean = seconds * rate_hz
    num = int(mean + 5 * jitter * mean**0.5) + 8  # enough to reach the end
    gaps = (1 - jitter) + jitter * rng.standard_exponential(num)
    times = (np.cumsum(gaps) - rng.random() * gaps[0]) / rate_hz
    return times[times < seconds]


def reverberate(
    rng: np.random.Generator, wave: np.ndarray, seconds: float, wet: float
) -> np.ndarray:
    """Adds a room: sparse echoes of random sign that die away by 60 dB in `seconds`."""
    delays = (rng.random(24) ** 1.5 * seconds + 0.008) * spec.SAMPLE_RATE_HZ
    signs = np.where(rng.random(24) < 0.5, -wet, wet)
    out = wave.copy()
    for delay, sign in zip(delays.astype(int).tolist(), signs.tolist(), strict=True):
        fall = 10 ** (-3 * delay / spec.SAMPLE_RATE_HZ / seconds)
        out[delay:] += np.float32(sign * fall) * wave[:-delay]
    return out

"""From channels to one waveform: their mean, unless they cancel each other.

Stereo whose sides are opposites is heard as sound by anybody, yet its mean is silence.
"""

import itertools
import logging

import numpy as np

# Energy of the sum of all channels, as a share of the strongest one's, below which they cancel.
# Unrelated channels and sound in one channel alone have 1 and more.
CANCELLED = 0.01

NO_ENERGIES = np.zeros(2)

logger = logging.getLogger(__name__)


def mono(samples: np.ndarray) -> np.ndarray | None:
    """The mean of channels, float32 [channels, samples] to [samples]; None if they cancel."""
    mixed = mean(samples)
    return mixed if loud_channel(energies(samples, mixed)) is None else None


def mean(samples: np.ndarray) -> np.ndarray:
    """The mean of channels, float32 [channels, samples] to [samples]."""
    return samples[0] if len(samples) == 1 else samples.mean(axis=0, dtype=np.float32)


def mixed(samples: np.ndarray, name: str) -> np.ndarray:
    """The mean of channels, [channels, samples] to [samples], or the strongest, if they cancel."""
    mixed = mean(samples)
    channel = loud_channel(energies(samples, mixed))
    if channel is None:
        return mixed
    warn(name, channel)
    return samples[channel]


def warn(name: str, channel: int) -> None:
    """Says that a channel of the sound of that name is used alone."""
    logger.warning(
        "%s: its channels cancel each other; channel %d, the strongest, is used alone",
        *(name, channel + 1),
    )


def energies(samples: np.ndarray, mono: np.ndarray) -> np.ndarray:
    """Energy of the channels' sum and of each channel, [1 + channels]; 0 for a single one."""
    if len(samples) == 1:
        return NO_ENERGIES
    of_sum = len(samples) ** 2 * np.dot(mono, mono)
    return np.array([of_sum, *(np.dot(channel, channel) for channel in samples)], np.float64)


def add(total: np.ndarray, more: np.ndarray) -> np.ndarray:
    """The sum of what `energies` gave for two pieces, whose numbers of channels may differ."""
    return np.array([sum(pair) for pair in itertools.zip_longest(total, more, fillvalue=0.0)])


def loud_channel(total: np.ndarray) -> int | None:
    """Number of the channel to take alone, the strongest of those that cancel; else None."""
    of_sum, *channels = total
    return int(np.argmax(channels)) if of_sum < CANCELLED * max(channels) else None

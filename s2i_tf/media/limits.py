"""What is let in: the limits behind the reasons of `s2i_tf.media.reasons`, each once."""

import numpy as np

from s2i_tf import spec

# Below it a sound tiled to 6 s is a hum of the tiling; a single bark has about twice as much.
MIN_SECONDS = 0.2
# Of sound in one piece; from longer files a part is taken with `start_seconds` and `max_seconds`.
MAX_SECONDS = 600.0

# Of all channels together: what a backend decodes that holds the whole at once.
MAX_VALUES_AT_ONCE = 32 << 20

# From below telephone quality to studio recorders.
MIN_RATE_HZ = 1_000
MAX_RATE_HZ = 192_000

# Peak of the waveform, full scale being 1 (-80 dB): a few steps of 16-bit samples, which the
# dither of an empty recording reaches.
SILENCE = 1e-4

# Of a photo or a video's picture: the largest photos of telephones have 48 million, 8K video 33.
MAX_PIXELS = 50_000_000


def can_be_held(num_values: int, rate_hz: int) -> bool:
    """Whether a backend that holds the whole at once decodes so many values of such a rate."""
    return 0 < num_values <= MAX_VALUES_AT_ONCE and MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ


def is_silent(waveform: np.ndarray) -> bool:
    """Whether a waveform within ±256, of one sample at least, has nothing to hear."""
    return peak(waveform) < SILENCE * spec.WAVEFORM_SCALE


def peak(samples: np.ndarray) -> float:
    """The greatest magnitude of samples, 0 of none; NaN, if one is."""
    return max(samples.max(), -samples.min()) if samples.size else 0.0

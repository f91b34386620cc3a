"""Band-limited resampling of a whole waveform, in NumPy alone.

The method and its figures are those of `s2i_tf.media.resample`, which does the same inside a graph:
output `n` is the input under a windowed sinc centred on `n * from_hz / to_hz`, one matrix product
for each group of neighbouring phases, in the working memory of a few signals at any pair of rates.
"""

import functools
import math

import numpy as np

from s2i_tf.errors import UserError

# Of the Nyquist frequency of the lower rate: the middle of the transition from 0.9 to 1.
CUTOFF = 0.95
# Kaiser's formulas for 90 dB over that transition; the half-width is in samples of the lower rate.
BETA = 0.1102 * (90 - 8.7)
HALF_WIDTH = 58
PHASES_PER_GROUP = 128

# Kernels of a group that are kept, 250 kB each for most rates and 1 MB for high ones.
_KEPT_KERNELS = 16
# Points of the windowed sinc that others are interpolated between, to 1e-7. Rates without a common
# divisor need some 10 million others.
_TABLE_SIZE = 1 << 18
_WINDOW_TABLE_SIZE = 1 << 14


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Changes the sampling rate.

    Args:
      samples: float32 [samples].
      from_hz: rate of the input.
      to_hz: rate of the output.

    Returns:
      float32 [ceil(samples * to_hz / from_hz)]; the input itself if the rates are equal.

    Raises:
      UserError: if a rate is not positive.
    """
    for rate_hz in (from_hz, to_hz):
        if rate_hz <= 0:
            raise UserError(f"sampling rate {rate_hz} Hz; allowed: above 0")
    if from_hz == to_hz:
        return samples
    divisor = math.gcd(from_hz, to_hz)
    up, down = to_hz // divisor, from_hz // divisor
    share = min(1.0, up / down)
    reach = math.ceil(HALF_WIDTH / share)
    num_out = -(-len(samples) * up // down)

    # Several periods together where one has few outputs: their kernels serve as many rows.
    repeats = -(-PHASES_PER_GROUP // up)
    up, down = up * repeats, down * repeats
    num_groups = -(-up // PHASES_PER_GROUP)
    group = -(-up // num_groups)
    num_periods = -(-num_out // up)
    window = group * down // up + 2 * reach + 2

    starts = [index * group * down // up for index in range(num_groups)]
    padding = (num_periods - 1) * down + starts[-1] + window - reach - len(samples)
    padded = np.pad(np.asarray(samples, np.float32), (reach, max(padding, 0)))
    made = np.empty((num_periods, num_groups * group), np.float32)
    for index, start in enumerate(starts):
        windows = np.lib.stride_tricks.as_strided(
            padded[start:],
            (num_periods, window),
            (down * padded.itemsize, padded.itemsize),
            writeable=False,
        )
        kernel = _kernel(up, down, share, reach, window, group, index)
        # Windows that overlap are copied: products of strided ones take a slow path of NumPy's.
        made[:, index * group : (index + 1) * group] = np.ascontiguousarray(windows) @ kernel
    return made[:, :up].reshape(-1)[:num_out]


@functools.cache
def _windowed_sinc() -> np.ndarray:
    """The windowed sinc at `_TABLE_SIZE` distances from 0 to `HALF_WIDTH`, and twice 0 behind."""
    distance = np.linspace(0, HALF_WIDTH, _TABLE_SIZE, endpoint=False)
    heights = np.linspace(0, 1, _WINDOW_TABLE_SIZE)
    window = np.interp(np.sqrt(1 - (distance / HALF_WIDTH) ** 2), heights, np.i0(BETA * heights))
    window /= window[0]
    return np.append(np.sinc(CUTOFF * distance) * window, [0.0, 0.0])


@functools.lru_cache(_KEPT_KERNELS)
def _kernel(
    up: int, down: int, share: float, reach: int, window: int, group: int, index: int
) -> np.ndarray:
    """The kernel [window, group] of a group of phases; columns sum to 1."""
    start = index * group * down // up
    taps = (start - reach + np.arange(window)) * up
    centres = (index * group + np.arange(group)) * down
    distance = np.abs(taps[:, None] - centres) / up * share  # in samples of the lower rate
    place = np.minimum(distance * (_TABLE_SIZE / HALF_WIDTH), _TABLE_SIZE)
    before = place.astype(np.int32)
    table = _windowed_sinc()
    kernel = table[before]
    kernel += (place - before) * (table[before + 1] - kernel)
    # Exact gain at 0 Hz for every phase; else a constant input would come out with a faint tone.
    return (kernel / kernel.sum(axis=0)).astype(np.float32)

"""Band-limited resampling with TensorFlow's core ops, the same when training and when serving.

A windowed sinc (Kaiser, over 80 dB of stop band) is evaluated where each output sample lies
between the input samples. For a ratio of small integers the weights repeat, and one strided
convolution does it; any other rate, and a rate known only when a graph runs, gathers weights from
a fine table. Output sample i lies at input position i * from_hz / to_hz: no delay.
"""

import functools
import math

import numpy as np
import tensorflow as tf

_ZERO_CROSSINGS = 32
_PASS_BAND = 0.94
_KAISER_BETA = 9.0
_MAX_KERNEL_VALUES = 1 << 20
_TABLE_PHASES = 1024
_CHUNK = 1 << 14


def resample(samples: tf.Tensor, from_hz: int | tf.Tensor, to_hz: int) -> tf.Tensor:
    """Resamples one channel.

    Args:
      samples: float32 [num].
      from_hz: rate of `samples`; an integer, or a scalar tensor inside a graph.
      to_hz: rate of the result.

    Returns:
      Float32 [ceil(num * to_hz / from_hz)].
    """
    samples = tf.convert_to_tensor(samples, tf.float32)
    if isinstance(from_hz, (int, np.integer)):
        if from_hz == to_hz:
            return samples
        divisor = math.gcd(int(from_hz), to_hz)
        up, down = to_hz // divisor, int(from_hz) // divisor
        if up * (down + 2 * _half_width(up / down)) <= _MAX_KERNEL_VALUES:
            return _by_convolution(samples, up, down)
    return _by_table(samples, tf.cast(from_hz, tf.int64), to_hz)


def _half_width(ratio: float) -> int:
    """Input samples on each side that an output sample depends on."""
    return math.ceil(_ZERO_CROSSINGS / (_PASS_BAND * min(1.0, ratio)))


def _weights(offsets: np.ndarray, ratio: float) -> np.ndarray:
    """The filter at distances in input samples."""
    band = _PASS_BAND * min(1.0, ratio)
    inside = np.clip(1 - (offsets / _half_width(ratio)) ** 2, 0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA) * (inside > 0)
    return band * np.sinc(band * offsets) * window


@functools.lru_cache(maxsize=16)
def _kernel(up: int, down: int) -> np.ndarray:
    """[taps, 1, up]: weights of the `up` outputs that `down` inputs give."""
    half = _half_width(up / down)
    taps = np.arange(-half, down + half)
    positions = np.arange(up) * down / up
    return _weights(taps[:, None] - positions, up / down)[:, None, :].astype(np.float32)


def _by_convolution(samples: tf.Tensor, up: int, down: int) -> tf.Tensor:
    half = _half_width(up / down)
    num = tf.shape(samples, tf.int64)[0]
    num_out = -(-num * up // down)
    padded = tf.pad(samples, [[half, half + down]])
    blocks = tf.nn.conv1d(padded[None, :, None], _kernel(up, down), stride=down, padding="VALID")
    return tf.reshape(blocks, [-1])[:num_out]


def _by_table(samples: tf.Tensor, from_hz: tf.Tensor, to_hz: int) -> tf.Tensor:
    """Gathers a window of the input for each output, in chunks so that memory stays bounded."""
    ratio = tf.cast(to_hz, tf.float64) / tf.cast(from_hz, tf.float64)
    band = _PASS_BAND * tf.minimum(tf.constant(1.0, tf.float64), ratio)
    half = tf.cast(tf.math.ceil(_ZERO_CROSSINGS / band), tf.int64)
    table = _table(half, band)
    num_out = -(-tf.shape(samples, tf.int64)[0] * to_hz // from_hz)
    padded = tf.pad(samples, [[half, half + 1]])
    window = tf.range(2 * half + 1)

    def chunk(start: tf.Tensor) -> tf.Tensor:
        index = tf.range(start, tf.minimum(start + _CHUNK, num_out))
        position = index * from_hz
        whole = position // to_hz
        phase = tf.cast(position % to_hz, tf.float64) / to_hz * _TABLE_PHASES
        row = tf.cast(phase, tf.int64)
        blend = tf.cast(phase - tf.cast(row, tf.float64), tf.float32)[:, None]
        weights = tf.gather(table, row) * (1 - blend) + tf.gather(table, row + 1) * blend
        return tf.reduce_sum(tf.gather(padded, whole[:, None] + window) * weights, axis=1)

    num_chunks = -(-num_out // _CHUNK)
    chunks = tf.TensorArray(tf.float32, tf.cast(num_chunks, tf.int32), infer_shape=False)
    _, chunks = tf.while_loop(
        lambda number, _: number < num_chunks,
        lambda number, done: (number + 1, done.write(tf.cast(number, tf.int32), chunk(number * _CHUNK))),
        (tf.constant(0, tf.int64), chunks),
        parallel_iterations=1,
    )
    return tf.ensure_shape(chunks.concat(), [None])


def _table(half: tf.Tensor, band: tf.Tensor) -> tf.Tensor:
    """Weights [phases + 1, 2 * half + 1] for positions between two input samples."""
    taps = tf.cast(tf.range(-half, half + 1), tf.float64)
    phases = tf.cast(tf.range(_TABLE_PHASES + 1), tf.float64) / _TABLE_PHASES
    offsets = taps - phases[:, None]
    inside = tf.maximum(1 - tf.square(offsets / tf.cast(half, tf.float64)), 0.0)
    beta = tf.constant(_KAISER_BETA, tf.float64)
    window = tf.math.bessel_i0(beta * tf.sqrt(inside)) / tf.math.bessel_i0(beta)
    window = tf.where(inside > 0, window, 0.0)
    angle = math.pi * band * offsets
    sinc = tf.where(tf.abs(angle) < 1e-12, 1.0, tf.math.divide_no_nan(tf.sin(angle), angle))
    return tf.cast(band * sinc * window, tf.float32)

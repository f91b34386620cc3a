"""Band-limited resampling with TensorFlow's core operations, inside any graph.

The same numbers as `s2i_tf.media.polyphase`, for rates that may be tensors. Time is the last axis.
Sample `n` of the output lies at `n * from_hz / to_hz` samples of the input: no delay, and silence
is assumed outside of the input. Frequencies up to 0.9 of the lower rate's Nyquist frequency pass
unchanged (ripple below 0.001 dB); those above it are attenuated by at least 85 dB, so that nothing
audible folds back.

Method: output `n` is the input under a windowed sinc centred on its position. With the ratio
reduced to `up / down`, the positions relative to the samples repeat after `up` outputs, that is
`down` inputs, so the whole is a convolution of stride `down` with `up` output phases. A kernel for
all phases at once would have `up * (down + taps)` values, a gigabyte for 44,056 Hz. Phases are
therefore taken in groups of about 128 neighbours, which share a short window of input: each group
is one matrix product of the windows of all periods with a kernel of `[window, group]`. Kernels are
made on the fly and forgotten, so the working memory is a few times the signal's, at any pair of
rates.
"""

import math

import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.media.polyphase import BETA, CUTOFF, HALF_WIDTH, PHASES_PER_GROUP

_COUNT = tf.TensorSpec([], tf.int64)


def resample(samples: tf.Tensor, from_hz: int | tf.Tensor, to_hz: int | tf.Tensor) -> tf.Tensor:
    """Changes the sampling rate.

    Args:
      samples: float32 [samples] or [batch, samples].
      from_hz: rate of the input, a number or an integer scalar tensor.
      to_hz: rate of the output, likewise.

    Returns:
      float32 [ceil(samples * to_hz / from_hz)], with the batch axis if there was one; the input
      itself if the rates are equal.

    Raises:
      UserError: if a rate given as a number is not positive; `tf.errors.InvalidArgumentError`
        when the graph runs, if it was given as a tensor.
    """
    for rate_hz in (from_hz, to_hz):
        if isinstance(rate_hz, int) and rate_hz <= 0:
            raise UserError(f"sampling rate {rate_hz} Hz; allowed: above 0")
    samples = tf.convert_to_tensor(samples, tf.float32)
    if isinstance(from_hz, int) and isinstance(to_hz, int) and from_hz == to_hz:
        return samples
    rates_hz = tf.cast(from_hz, tf.int64), tf.cast(to_hz, tf.int64)
    if samples.shape.rank == 1:
        return _resample(samples[tf.newaxis], *rates_hz)[0]
    return _resample(samples, *rates_hz)


@tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32), _COUNT, _COUNT])
def _resample(samples, from_hz, to_hz):
    positive = tf.debugging.assert_positive(
        tf.minimum(from_hz, to_hz), "a sampling rate must be above 0 Hz"
    )
    with tf.control_dependencies([positive]):
        up, down = _reduced(from_hz, to_hz)
    return tf.cond(from_hz == to_hz, lambda: samples, lambda: _convolve(samples, up, down))


def _convolve(samples: tf.Tensor, up: tf.Tensor, down: tf.Tensor) -> tf.Tensor:
    """The input [batch, samples] at `up / down` times its rate.

    Of a period of `down` inputs and `up` outputs each group of outputs sees a `window` of the
    input, which the kernel needs up to `reach` samples to each side of an output. `share` of the
    input's band is kept.
    """
    batch, num_in = tf.unstack(tf.shape(samples, tf.int64))
    num_out = -(-num_in * up // down)
    share = tf.minimum(1.0, tf.cast(up / down, tf.float32))
    reach = tf.cast(tf.math.ceil(HALF_WIDTH / share), tf.int64)
    window = PHASES_PER_GROUP * down // up + 2 * reach + 2

    # Several periods together where one is shorter than two windows. With a period in a row, any
    # group's window then lies within a row, or within one of the rows that begin half a row later.
    repeats = -(-2 * window // down)
    up, down = up * repeats, down * repeats
    num_groups = -(-up // PHASES_PER_GROUP)
    group = -(-up // num_groups)
    num_periods = -(-num_out // up)
    # A short input needs no more groups than it fills; even an empty one needs one, for its shape.
    num_groups = tf.clip_by_value(-(-num_out // group), 1, num_groups)

    half, total = down // 2, num_periods * down
    after = tf.maximum(total + half - reach - num_in, 0)
    padded = tf.pad(samples, [[0, 0], [reach, after]])
    rows = tf.reshape(padded[:, :total], [batch, num_periods, down])
    later_rows = tf.reshape(padded[:, half : half + total], [batch, num_periods, down])

    def one_group(index):
        start = index * group * down // up
        windows = tf.cond(
            start + window <= down,
            lambda: rows[:, :, start : start + window],
            lambda: later_rows[:, :, start - half : start - half + window],
        )
        # Distance of each sample of the window from each output, in input samples.
        taps = (start - reach + tf.range(window)) * up
        centres = (index * group + tf.range(group)) * down
        distance = tf.cast(taps[:, tf.newaxis] - centres, tf.float32) / tf.cast(up, tf.float32)
        return tf.matmul(windows, _windowed_sinc(distance * share))

    outputs = tf.map_fn(one_group, tf.range(num_groups), fn_output_signature=tf.float32)
    outputs = tf.reshape(
        tf.transpose(outputs, [1, 2, 0, 3]), [batch, num_periods, num_groups * group]
    )
    return tf.reshape(outputs[:, :, :up], [batch, -1])[:, :num_out]


def _windowed_sinc(distance: tf.Tensor) -> tf.Tensor:
    """The kernel [window, outputs] at distances in samples of the lower rate; columns sum to 1."""
    angle = math.pi * CUTOFF * distance
    sinc = tf.math.divide_no_nan(tf.sin(angle), angle) + tf.cast(angle == 0, tf.float32)
    height = tf.sqrt(tf.maximum(0.0, 1 - tf.square(distance / HALF_WIDTH)))
    kaiser = tf.math.bessel_i0e(BETA * height) * tf.exp(BETA * (height - 1))
    kernel = tf.where(height > 0, sinc * kaiser, 0.0)
    # Exact gain at 0 Hz for every phase; else a constant input would come out with a faint tone.
    return kernel / tf.reduce_sum(kernel, axis=0, keepdims=True)


def _reduced(from_hz: tf.Tensor, to_hz: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The ratio of the rates, `up` and `down`."""
    divisor, _ = tf.while_loop(lambda a, b: b > 0, lambda a, b: (b, a % b), (from_hz, to_hz))
    return to_hz // divisor, from_hz // divisor

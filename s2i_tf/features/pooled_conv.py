"""A convolution of a waveform for the pooling after it: many outputs of few filters at once.

A convolution of one channel to few filters uses a processor badly, and stores `pool` times as many
numbers as the pooling leaves. Here the waveform is cut into frames of as many samples as one pooled
value moves on by, and a convolution over frames gives all outputs of one pooled value as channels:
the same sums, with some products by zero added. Those that no pooled value needs are left out.
"""

import keras
import numpy as np
from keras import ops


class PooledConv1D(keras.layers.Layer):
    """Waveforms [batch, samples] to the outputs of a convolution, [batch, pooled, pool, filters].

    The weights are those of `keras.layers.Conv1D`. The maximum over the third axis is what
    `MaxPooling1D(pool)` makes of the convolution.

    Args:
      filters: outputs of the convolution.
      kernel_size: samples that an output depends on.
      stride: samples from an output to the next.
      zeros: number of zeros at either end, at least `stride * pool - 1`.
      pool: outputs that are pooled.
    """

    def __init__(
        self, filters: int, kernel_size: int, *, stride: int, zeros: int, pool: int, **kwargs
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.zeros = zeros
        self.pool = pool

    def build(self, input_shape):
        """Makes the kernel [kernel_size, 1, filters] and the bias [filters]."""
        shape = (self.kernel_size, 1, self.filters)
        self.kernel = self.add_weight(shape=shape, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, waveform):
        """The outputs that pooled values are made of."""
        num_samples = waveform.shape[1] or ops.shape(waveform)[1]
        num_outputs = (num_samples + 2 * self.zeros - self.kernel_size) // self.stride + 1
        num_pooled = num_outputs // self.pool
        frame = self.stride * self.pool
        # The last of a frame's outputs reaches into the frames that follow.
        reach = -(-(frame - self.stride + self.kernel_size) // frame)
        num_frames = num_pooled + reach - 1
        after = num_frames * frame - self.zeros - num_samples
        padded = ops.pad(waveform, ((0, 0), (self.zeros, after)))
        frames = ops.reshape(padded, (-1, num_frames, frame))
        # Output `phase` of a frame begins `phase * stride` samples after it; zeros elsewhere.
        taps = np.arange(reach * frame)[:, None] - self.stride * np.arange(self.pool)
        taps = np.where((taps >= 0) & (taps < self.kernel_size), taps, self.kernel_size)
        with_zeros = ops.pad(self.kernel[:, 0], ((0, 1), (0, 0)))
        channels = self.pool * self.filters
        kernel = ops.reshape(ops.take(with_zeros, taps, axis=0), (reach, frame, channels))
        # As Keras' own layers write it: of this shape it becomes one op with the convolution.
        bias = ops.reshape(ops.tile(self.bias, self.pool), (1, 1, channels))
        outputs = ops.add(ops.conv(frames, kernel, padding="valid"), bias)
        return ops.reshape(outputs, (-1, num_pooled, self.pool, self.filters))

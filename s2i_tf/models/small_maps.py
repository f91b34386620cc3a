"""Convolutions that halve or double a map's side, with 4×4 kernels, as pix2pix stacks them.

Next to a bottleneck maps are a few pixels wide and kernels large: 8 million weights meet 16 pixels
of an example. A convolution lays the kernel out anew for every pass, which takes longer than the
arithmetic; in training these layers are matrix products of the kernel as it lies in memory. The
sums are the same but for their order. At inference, and so in what is exported, they are plain
convolutions. Maps are [batch, side, side, channels].
"""

import keras
from keras import ops

from s2i_tf.models.layers import KERNEL_SIDE

# Of the smaller of a layer's two maps; above it the convolution is as fast.
MAX_SIDE = 4
_STRIDE = 2


@keras.saving.register_keras_serializable("s2i_tf")
class HalvingConv2D(keras.layers.Conv2D):
    """A 4×4 convolution of stride 2 from [batch, side, side, …] to half the side.

    Args:
      filters: channels of the output.
      **kwargs: of `keras.layers.Conv2D`.
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(filters, **_settings(kwargs))

    def call(self, inputs, training=False):
        """The halved maps."""
        half = inputs.shape[1] // _STRIDE
        if not training or half > MAX_SIDE:
            return super().call(inputs)
        kernel = ops.convert_to_tensor(self.kernel)  # JAX slices no variable
        if half == 1:
            kernel, patches = _middle(kernel), inputs
        else:
            patches = _patches(inputs, half)
        channels = _size(kernel.shape[:-1])
        outputs = ops.matmul(
            ops.reshape(patches, (-1, channels)), ops.reshape(kernel, (channels, self.filters))
        )
        return ops.reshape(outputs + self.bias, (-1, half, half, self.filters))


@keras.saving.register_keras_serializable("s2i_tf")
class DoublingConv2D(keras.layers.Conv2DTranspose):
    """A 4×4 transposed convolution of stride 2 from [batch, side, side, …] to twice the side.

    Args:
      filters: channels of the output.
      **kwargs: of `keras.layers.Conv2DTranspose`.
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(filters, **_settings(kwargs))

    def call(self, inputs, training=False):
        """The doubled maps."""
        side, channels = inputs.shape[1], inputs.shape[-1]
        if not training or side > MAX_SIDE:
            return super().call(inputs)
        kernel = ops.convert_to_tensor(self.kernel)  # JAX slices no variable
        if side == 1:
            kernel = _middle(kernel)
        size = _size(kernel.shape[:-1])
        # This way around neither the kernel nor its gradient is transposed in memory.
        columns = ops.matmul(
            ops.reshape(kernel, (size, channels)),
            ops.transpose(ops.reshape(inputs, (-1, channels))),
        )
        columns = ops.transpose(columns)
        if side == 1:
            return ops.reshape(columns, (-1, 2, 2, self.filters)) + self.bias
        return _laid_over(columns, side, self.filters) + self.bias


def _middle(kernel):
    """The rows and columns that meet maps of 2×2; the others meet their padding alone."""
    # A gradient through `ops.slice` is one padding, through indices it takes ten times as long.
    return ops.slice(kernel, (1, 1, 0, 0), (2, 2, *kernel.shape[2:]))


def _patches(maps, half: int):
    """[batch, half, half, 16 × channels]: what each place of the kernel sees, padding included."""
    channels = maps.shape[-1]
    maps = ops.pad(maps, [(0, 0), (1, 1), (1, 1), (0, 0)])
    maps = ops.reshape(maps, (-1, half + 1, _STRIDE, half + 1, _STRIDE, channels))
    # A patch is two neighbouring pairs of rows by two of columns.
    maps = ops.stack([maps[:, :half], maps[:, 1:]], axis=2)
    maps = ops.stack([maps[:, :, :, :, :half], maps[:, :, :, :, 1:]], axis=5)
    # batch, row, pair of rows, its row, column, pair of columns, its column, channel
    return ops.transpose(maps, (0, 1, 4, 2, 3, 5, 6, 7))


def _laid_over(columns, side: int, filters: int):
    """[batch, 2 × side, 2 × side, filters]: the sum of each pixel's 4×4 outputs, where they lie."""
    maps = ops.reshape(columns, (-1, side, side, 2, _STRIDE, 2, _STRIDE, filters))
    # pair of rows, pair of columns, batch, row, its row, column, its column, channel
    maps = ops.transpose(maps, (3, 5, 0, 1, 4, 2, 6, 7))
    maps = _shifted(maps, axis=2)
    maps = _shifted(maps, axis=3)
    maps = ops.reshape(maps, (-1, *[_STRIDE * (side + 1)] * 2, filters))
    return maps[:, 1:-1, 1:-1]


def _shifted(pair, axis: int):
    """The first of two plus the second one place further along an axis of theirs."""
    first, second = ([(0, 0)] * (len(pair.shape) - 1) for _ in range(2))
    first[axis], second[axis] = (0, 1), (1, 0)
    return ops.pad(pair[0], first) + ops.pad(pair[1], second)


def _settings(given: dict) -> dict:
    """Of either layer, as Keras' files name them too."""
    return {"kernel_size": KERNEL_SIDE, "strides": _STRIDE, "padding": "same", **given}


def _size(shape) -> int:
    rows, columns, channels = shape
    return rows * columns * channels

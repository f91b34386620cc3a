"""The 4×4 convolutions of pix2pix' networks, in the form that trains fastest.

On a processor most of a training step is these layers. There, in training, large ones go through
`s2i_tf.kernels.winograd`; next to a bottleneck, where 8 million weights meet 16 pixels of an
example and a convolution takes longer to lay out its kernel than for its arithmetic, they are
matrix products of the kernel as it lies in memory. Where bfloat16 is asked for and the processor
multiplies it, such products serve up to larger maps, and the layers beyond are plain convolutions:
transforms would cost more than they save. The numbers are the same but for rounding. At
inference, and so in what is exported, and wherever there is an accelerator, they are plain
convolutions. Maps are [batch, side, side, channels].
"""

import keras
from keras import ops

from s2i_tf.kernels import fused, winograd

KERNEL_SIDE = 4
_PADDING = 1
# Of products in bfloat16, the largest side of the outputs at which they beat a convolution.
_MAX_BFLOAT16_SIDE = 8


@keras.saving.register_keras_serializable("s2i_tf")
class PaddedConv2D(keras.layers.Conv2D):
    """A 4×4 convolution of maps with a row of zeros on each side, as published with pix2pix.

    Args:
      filters: channels of the output.
      strides: step between outputs, 1 or 2.
      **kwargs: further arguments of `keras.layers.Conv2D`.
    """

    def __init__(self, filters: int, strides: int = 1, **kwargs):
        super().__init__(filters, **_settings(kwargs, strides=strides, padding="valid"))

    def call(self, inputs, training=False):
        """The maps [batch, (side - 2) // strides + 1, …, filters]."""
        side, stride = inputs.shape[1], self.strides[0]
        geometry = winograd.Geometry(side, (side - 2) // stride + 1, KERNEL_SIDE, stride, _PADDING)
        outputs = _by_products(self, inputs, geometry) if training else None
        if outputs is None:
            rows = (_PADDING, _PADDING)
            outputs = super().call(ops.pad(inputs, [(0, 0), rows, rows, (0, 0)]))
        return outputs

    def compute_output_shape(self, input_shape):
        """That of the padded maps."""
        batch_size, *sides, channels = input_shape
        sides = [side + 2 * _PADDING for side in sides]
        return super().compute_output_shape((batch_size, *sides, channels))


@keras.saving.register_keras_serializable("s2i_tf")
class HalvingConv2D(keras.layers.Conv2D):
    """A 4×4 convolution of stride 2 from [batch, side, side, …] to half the side, an even one.

    Args:
      filters: channels of the output.
      **kwargs: further arguments of `keras.layers.Conv2D`.
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(filters, **_settings(kwargs, strides=2, padding="same"))

    def call(self, inputs, training=False):
        """The halved maps."""
        geometry = _halving(inputs.shape[1])
        outputs = _by_products(self, inputs, geometry) if training else None
        return super().call(inputs) if outputs is None else outputs


@keras.saving.register_keras_serializable("s2i_tf")
class DoublingConv2D(keras.layers.Conv2DTranspose):
    """A 4×4 transposed convolution of stride 2 from [batch, side, side, …] to twice the side.

    Args:
      filters: channels of the output.
      **kwargs: further arguments of `keras.layers.Conv2DTranspose`.
    """

    def __init__(self, filters: int, **kwargs):
        super().__init__(filters, **_settings(kwargs, strides=2, padding="same"))

    def call(self, inputs, training=False):
        """The doubled maps."""
        # What this transposes, from the outputs to the inputs.
        geometry = _halving(2 * inputs.shape[1])
        outputs = _by_products(self, inputs, geometry, transposed=True) if training else None
        return super().call(inputs) if outputs is None else outputs


def _settings(given: dict, **settings) -> dict:
    """Of each layer, as Keras' files name them too."""
    return {"kernel_size": KERNEL_SIDE, **settings, **given}


def _halving(side: int) -> winograd.Geometry:
    if side == 2:  # the outer rows and columns of the kernel meet zeros alone
        return winograd.Geometry(side, 1, taps=2, stride=2, padding=0)
    return winograd.Geometry(side, side // 2, KERNEL_SIDE, stride=2, padding=_PADDING)


def _meeting(kernel, geometry: winograd.Geometry):
    """What of the kernel meets the maps."""
    if geometry.taps == KERNEL_SIDE:
        return kernel
    # A gradient through `ops.slice` is one padding, through indices it takes ten times as long.
    return ops.slice(kernel, (1, 1, 0, 0), (geometry.taps, geometry.taps, *kernel.shape[2:]))


def _by_products(layer, inputs, geometry: winograd.Geometry, *, transposed: bool = False):
    """A layer's outputs by `winograd`; None where a plain convolution trains faster."""
    if not fused.on_processor():
        return None
    # In half precision transforms would lose too much, and products save no time elsewhere.
    if layer.compute_dtype == "bfloat16" and fused.multiplies_bfloat16():
        dtype = "bfloat16"
        tile = 1 if geometry.out_side <= _MAX_BFLOAT16_SIDE else winograd.PLAIN
    else:
        dtype = "float32"
        batch_size, *_, channels = inputs.shape
        sizes = (layer.filters, channels) if transposed else (channels, layer.filters)
        tile = winograd.best_tile(geometry, batch_size, *sizes)
    if tile == winograd.PLAIN:
        return None
    maps, kernel = (ops.cast(ops.convert_to_tensor(x), dtype) for x in (inputs, layer.kernel))
    convolve = winograd.convolve_transposed if transposed else winograd.convolve
    outputs = convolve(maps, _meeting(kernel, geometry), geometry, tile)
    outputs = ops.cast(outputs, layer.compute_dtype)
    return outputs + layer.bias if layer.use_bias else outputs

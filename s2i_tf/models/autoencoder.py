"""The discriminator of BEGAN: an auto-encoder that reproduces real targets better than made ones.

After "BEGAN: boundary equilibrium generative adversarial networks" (Berthelot et al. 2017), with
the condition beside the target at the encoder's input. The code is narrow: with a wide one it
would learn to copy anything.
"""

import math

import keras
from keras import layers, ops

from s2i_tf.errors import UserError
from s2i_tf.kernels.convolutions import HalvingConv2D
from s2i_tf.models.layers import conv_init, leaky_relu, widths
from s2i_tf.models.norms import normed
from s2i_tf.models.patchgan import pair_inputs

_CODE_SIZE = 128  # numbers between encoder and decoder
_KERNEL_SIDE_UP = 3


def build_autoencoder(
    context_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int],
    *,
    filters: int = 64,
    num_layers: int = 3,
    norm: str = "batch",
) -> keras.Model:
    """Scores [batch, side, side, channels]: minus the distance of each value to its reproduction.

    The layer `reproduction` gives what the model makes of the target.

    Args:
      context_shape: side, side and channels of what the generator was given.
      target_shape: the same side twice, and the channels of what it made or of the real thing.
      filters: channels of the first layer; they double up to eight times as many.
      num_layers: strided layers down and as many resizing ones up.
      norm: see `s2i_tf.models.norms.NORMS`; the first and last layers have none of activations.

    Raises:
      UserError: if the side is not divisible that often, or there is no such norm.
    """
    inputs = pair_inputs("autoencoder", context_shape, target_shape)
    side = target_shape[0]
    if side % 2**num_layers:
        raise UserError(
            f"{num_layers} strided layers cannot halve maps of {side}×{side}; allowed: a side "
            f"divisible by {2**num_layers}"
        )
    channels = widths(filters, num_layers)
    x = layers.Concatenate(name="pair")(inputs)
    for depth, width in enumerate(channels):
        conv = HalvingConv2D(width, kernel_initializer=conv_init(), name=f"down{depth}_conv")
        x = normed(x, conv, norm, f"down{depth}", outer=depth == 0)
        x = leaky_relu(f"down{depth}_relu")(x)
    grid = x.shape[1:]
    x = layers.Flatten(name="flat")(x)
    x = normed(x, layers.Dense(_CODE_SIZE, name="code"), norm, "code", outer=True)
    x = normed(x, layers.Dense(math.prod(grid), name="grid"), norm, "grid", outer=True)
    x = layers.Reshape(grid, name="grid_shape")(x)
    for depth in reversed(range(num_layers)):
        x = leaky_relu(f"up{depth}_relu")(x)
        x = layers.UpSampling2D(name=f"up{depth}_resize")(x)
        conv = _conv(channels[max(depth - 1, 0)], f"up{depth}_conv")
        x = normed(x, conv, norm, f"up{depth}")
    x = leaky_relu("out_relu")(x)
    last = _conv(target_shape[-1], "out_conv")
    x = normed(x, last, norm, "out", outer=True)
    x = layers.Activation("linear", dtype="float32", name="reproduction")(x)
    error = layers.Subtract(dtype="float32", name="error")([inputs[1], x])
    return keras.Model(inputs, -ops.abs(error), name="autoencoder")


def _conv(filters: int, name: str) -> layers.Layer:
    return layers.Conv2D(
        filters, _KERNEL_SIDE_UP, padding="same", kernel_initializer=conv_init(), name=name
    )

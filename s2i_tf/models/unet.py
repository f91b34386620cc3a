"""The pix2pix generator: a U-Net whose encoder layers feed the decoder layers of their size.

Section 5.1 of the paper; layer by layer as published with pix2pix: 4×4 convolutions of stride 2
down to 1×1, as many transposed ones up. The first and the 1×1 layer have no norm: at 1×1 one
example's norm would be zero everywhere.
"""

import math

import keras
from keras import layers

from s2i_tf.errors import UserError
from s2i_tf.models.layers import KERNEL_SIDE, LEAKY_SLOPE, MaskDropout, build_norm, conv_init

MAX_WIDENING = 8
NUM_DROPOUT_BLOCKS = 3


def build_unet(
    side: int,
    in_channels: int,
    out_channels: int,
    *,
    filters: int = 64,
    norm: str = "batch",
    dropout: float = 0.5,
    output_activation: str = "tanh",
    seed: int | None = None,
    name: str = "unet",
) -> keras.Model:
    """A U-Net from [batch, side, side, in_channels] to [batch, side, side, out_channels].

    Args:
      side: a power of two; 128 gives the paper's seven layers down and seven up.
      in_channels: 1 for a feature map.
      out_channels: 1 for a feature map, 3 for a picture.
      filters: channels of the first layer; they double up to eight times as many.
      norm: see `s2i_tf.models.layers.NORMS`.
      dropout: rate in the first three decoder blocks.
      output_activation: `tanh` for pictures in [-1, 1], `linear` for standardised features.
      seed: of the dropout masks.
      name: of the model.

    Raises:
      UserError: if `side` is not a power of two or the norm is unknown.
    """
    num_layers = int(math.log2(side))
    if 2**num_layers != side:
        raise UserError(f"a U-Net's side is a power of two, got {side}")
    widths = [filters * min(2**depth, MAX_WIDENING) for depth in range(num_layers)]

    inputs = keras.Input((side, side, in_channels), name="map")
    x = inputs
    skips = []
    for depth, width in enumerate(widths):
        if depth:
            x = layers.LeakyReLU(LEAKY_SLOPE, name=f"down{depth}_relu")(x)
        x = _conv(layers.Conv2D, width, f"down{depth}_conv")(x)
        if 0 < depth < num_layers - 1:
            x = _normalised(x, norm, f"down{depth}")
        skips.append(x)

    for depth in reversed(range(num_layers - 1)):
        x = layers.ReLU(name=f"up{depth}_relu")(x)
        x = _conv(layers.Conv2DTranspose, widths[depth], f"up{depth}_conv")(x)
        x = _normalised(x, norm, f"up{depth}")
        block = num_layers - 2 - depth
        if dropout and block < NUM_DROPOUT_BLOCKS:
            mask_seed = None if seed is None else seed + block
            x = MaskDropout(dropout, seed=mask_seed, name=f"up{depth}_dropout")(x)
        x = layers.Concatenate(name=f"up{depth}_skip")([x, skips[depth]])

    x = layers.ReLU(name="out_relu")(x)
    x = _conv(layers.Conv2DTranspose, out_channels, "out_conv")(x)
    # Losses and pictures are float32 whatever the policy of the layers before.
    x = layers.Activation(output_activation, dtype="float32", name="out")(x)
    return keras.Model(inputs, x, name=name)


def _conv(kind: type, filters: int, name: str) -> layers.Layer:
    return kind(
        filters,
        KERNEL_SIDE,
        strides=2,
        padding="same",
        kernel_initializer=conv_init(),
        name=name,
    )


def _normalised(x, norm: str, name: str):
    layer = build_norm(norm)
    if layer is None:
        return x
    layer.name = f"{name}_norm"
    return layer(x)

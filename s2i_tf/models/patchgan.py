"""The pix2pix discriminator: one score for each overlapping patch of a condition and its target.

Three strided layers see patches of 70×70 and give 14×14 scores for maps of 128×128.
"""

import keras
from keras import layers

from s2i_tf.models.layers import KERNEL_SIDE, LEAKY_SLOPE, build_norm, conv_init

MAX_WIDENING = 8


def build_patchgan(
    side: int,
    condition_channels: int,
    target_channels: int,
    *,
    filters: int = 64,
    num_layers: int = 3,
    norm: str = "batch",
    name: str = "patchgan",
) -> keras.Model:
    """Scores (logits) [batch, rows, columns, 1] of a condition and a target.

    Args:
      side: height and width of both inputs.
      condition_channels: channels of what the generator was given.
      target_channels: channels of what it made, or of the real thing.
      filters: channels of the first layer; they double up to eight times as many.
      num_layers: strided layers; two more of stride 1 follow.
      norm: see `s2i_tf.models.layers.NORMS`; the first and last layers have none.
      name: of the model.
    """
    condition = keras.Input((side, side, condition_channels), name="condition")
    target = keras.Input((side, side, target_channels), name="target")
    x = layers.Concatenate(name="pair")([condition, target])
    for depth in range(num_layers + 1):
        width = filters * min(2**depth, MAX_WIDENING)
        x = _conv(x, width, 2 if depth < num_layers else 1, f"conv{depth}")
        if depth and (layer := build_norm(norm)) is not None:
            layer.name = f"norm{depth}"
            x = layer(x)
        x = layers.LeakyReLU(LEAKY_SLOPE, name=f"relu{depth}")(x)
    x = _conv(x, 1, 1, "scores")
    x = layers.Activation("linear", dtype="float32", name="out")(x)
    return keras.Model([condition, target], x, name=name)


def _conv(x, filters: int, strides: int, name: str):
    # One row of zeros on each side, as published: "same" padding would give 16×16 scores.
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.Conv2D(
        filters, KERNEL_SIDE, strides=strides, kernel_initializer=conv_init(), name=name
    )(x)

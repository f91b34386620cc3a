"""Discriminators that look at features instead of pixels or square maps.

`build_projected` scores a picture by the maps that a frozen pretrained net makes of it, as in
"Projected GANs Converge Faster" (Sauer et al. 2021); `build_feature_critic` scores a feature
vector whose layout is spatial. Both are told a class or any other vector, and score by it: beside
the score of each place stands the inner product of its features with a projection of the vector
(Miyato and Koyama 2018).
"""

import functools
from collections.abc import Callable, Sequence

import keras
from keras import layers

from s2i_tf import spec
from s2i_tf.errors import UserError, unknown_name
from s2i_tf.models.decoder import TilesToGrid
from s2i_tf.models.layers import leaky_relu
from s2i_tf.models.norms import normed

_MIN_SIDE = 4
_KERNEL_SIDE = 4
_STEPS = (spec.FEATURE_STEPS, 1, spec.FEATURE_SIZE // spec.FEATURE_STEPS)

# From features [batch, 4096] to their grid: image features lie in tiles of the square, SoundNet's
# pool5 time step by time step, which makes a column.
LAYOUTS: dict[str, Callable[..., keras.layers.Layer]] = {
    "tiles": TilesToGrid,
    "steps": functools.partial(layers.Reshape, _STEPS),
}

# Of `s2i_tf.models.norms.NORMS`, those that these discriminators can have.
NORMS = ("spectral", "none")


def build_projected(
    condition_shape: tuple[int, ...],
    target_shape: Sequence[tuple[int, int, int]],
    *,
    filters: int = 64,
    num_layers: int = 2,
    norm: str = "spectral",
) -> keras.Model:
    """Scores (logits) [batch, scores] of a condition and the maps of a picture.

    Args:
      condition_shape: (size,), of a vector such as a one-hot class.
      target_shape: height, width and channels of each map.
      filters: channels of each map's first layer; later ones have twice as many.
      num_layers: strided layers at the most; a map of 4 × 4 gets none.
      norm: `spectral` or `none`.

    Raises:
      UserError: if the norm is another.
    """
    _check_norm("projected", norm)
    condition = keras.Input(condition_shape, name="condition")
    maps = [keras.Input(shape, name=f"map{i}") for i, shape in enumerate(target_shape)]
    scores = []
    for i, x in enumerate(maps):
        width = filters
        x = _conv(x, width, 1, 1, norm, f"map{i}_in")
        for depth in range(num_layers):
            if x.shape[1] <= _MIN_SIDE:
                break
            width = 2 * filters
            x = _conv(x, width, _KERNEL_SIDE, 2, norm, f"map{i}_down{depth}")
        scores.append(_scores(x, condition, width, norm, f"map{i}"))
    x = layers.Concatenate(name="scores")(scores)
    x = layers.Activation("linear", dtype="float32", name="out")(x)
    return keras.Model([condition, maps], x, name="projected")


def build_class_head(map_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Scores [batch, num_classes] of a map: a linear layer on its mean over the places, float32."""
    maps = keras.Input(map_shape, name="map")
    x = layers.GlobalAveragePooling2D(dtype="float32", name="mean")(maps)
    return keras.Model(maps, layers.Dense(num_classes, dtype="float32", name="class")(x))


def build_feature_critic(
    condition_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    *,
    filters: int = 64,
    num_layers: int = 1,
    norm: str = "spectral",
    layout: str = "tiles",
) -> keras.Model:
    """Scores (logits) [batch, scores] of a condition and features [batch, 4096].

    One score is of all the features at once, one of each place of their grid or a coarser one.

    Args:
      condition_shape: (size,).
      target_shape: (4096,).
      filters: channels of the grid's first layer; twice as many after it, eight times as many for
        the features at once.
      num_layers: strided layers of the grid.
      norm: `spectral` or `none`.
      layout: of the features, a key of `LAYOUTS`.

    Raises:
      UserError: if the target is no such vector, or the norm or the layout is another.
    """
    _check_norm("feature_critic", norm)
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    if target_shape != (spec.FEATURE_SIZE,):
        raise UserError(
            f"discriminator 'feature_critic' got targets of {target_shape}; allowed: "
            f"({spec.FEATURE_SIZE},)"
        )
    condition = keras.Input(condition_shape, name="condition")
    features = keras.Input(target_shape, name="features")
    whole = normed(features, layers.Dense(8 * filters, name="whole_dense"), norm, "whole_dense")
    whole = leaky_relu("whole_relu")(whole)
    scores = [_scores(whole, condition, 8 * filters, norm, "whole")]
    grid = _conv(LAYOUTS[layout](name="grid")(features), filters, 1, 1, norm, "grid_in")
    for depth in range(num_layers):
        grid = _conv(grid, 2 * filters, _KERNEL_SIDE, 2, norm, f"grid_down{depth}")
    scores.append(_scores(grid, condition, grid.shape[-1], norm, "grid"))
    out = layers.Concatenate(name="scores")(scores)
    out = layers.Activation("linear", dtype="float32", name="out")(out)
    return keras.Model([condition, features], out, name="feature_critic")


def _scores(x, condition, width: int, norm: str, name: str):
    """Scores [batch, places] of features [batch, …, width]: unconditional plus projected."""
    x = layers.Reshape((-1, width), name=f"{name}_places")(x)
    score = normed(x, layers.Dense(1, name=f"{name}_score"), norm, f"{name}_score")
    told = layers.Dense(width, use_bias=False, name=f"{name}_told")
    told = normed(condition, told, norm, f"{name}_told")
    match = layers.Dot(axes=(2, 1), name=f"{name}_match")([x, told])
    match = layers.Rescaling(width**-0.5, name=f"{name}_match_scale")(match)
    return layers.Add(name=f"{name}_sum")([layers.Flatten(name=f"{name}_flat")(score), match])


def _conv(x, width: int, kernel: int, stride: int, norm: str, name: str):
    # No wider than a grid of one column.
    kernels = [kernel if side > 1 else 1 for side in x.shape[1:3]]
    layer = layers.Conv2D(width, kernels, stride, padding="same", name=f"{name}_conv")
    return leaky_relu(f"{name}_relu")(normed(x, layer, norm, layer.name))


def _check_norm(name: str, norm: str) -> None:
    if norm not in NORMS:
        raise UserError(f"discriminator {name!r} got norm {norm!r}; allowed: {', '.join(NORMS)}")

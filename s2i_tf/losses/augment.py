"""DiffAugment: augments what the discriminator sees, real and generated (Zhao et al. 2020).

Every step is differentiable, so that the generator learns through it. Pictures and maps are
[batch, height, width, channels], pictures in [-1, 1]; what a shift or a hole uncovers is 0. An
example has draws of its own, which depend on the seed and its place in the batch.
"""

from collections.abc import Callable

import keras
from keras import ops

from s2i_tf.errors import unknown_name

# Published ranges, for pictures in [-1, 1].
BRIGHTNESS_RANGE = (-0.5, 0.5)
SATURATION_RANGE = (0.0, 2.0)
CONTRAST_RANGE = (0.5, 1.5)
TRANSLATION_SHARE = 1 / 8
CUTOUT_SHARE = 1 / 2

_NUM_DRAWS = 8


def diff_augment_pair(condition, pictures, policy: str, seed_generator: keras.random.SeedGenerator):
    """A condition and its pictures, of the same height and width, kept aligned.

    Args:
      condition: [batch, height, width, channels]; shifted and cut as the pictures are, its values
        left alone. `None` if there is none.
      pictures: [batch, height, width, channels] in [-1, 1]; colour may take them out of it.
      policy: keys of `AUGMENTATIONS` with commas between, applied in that order; "" for none.
      seed_generator: where the draws come from, one a call; save its state with the training's.

    Returns:
      Condition and pictures.

    Raises:
      UserError: if the policy names an unknown augmentation.
    """
    names = parse_policy(policy)
    if not names:
        return condition, pictures
    # All draws in one call: augmentations stay independent of one another whatever the generator.
    draws = ops.unstack(
        keras.random.uniform(
            (ops.shape(pictures)[0], _NUM_DRAWS), dtype="float32", seed=seed_generator
        ),
        num=_NUM_DRAWS,
        axis=1,
    )
    for name in names:
        condition, pictures = AUGMENTATIONS[name](condition, pictures, draws)
    return condition, pictures


def parse_policy(policy: str) -> tuple[str, ...]:
    """The augmentations that a policy names, "" none.

    Raises:
      UserError: if it names an unknown one.
    """
    names = tuple(name.strip() for name in policy.split(",") if name.strip())
    for name in names:
        if name not in AUGMENTATIONS:
            raise unknown_name("augmentation", name, AUGMENTATIONS)
    return names


def _color(condition, pictures, draws):
    brightness, saturation, contrast = draws[:3]
    pictures = pictures + _scaled(brightness, BRIGHTNESS_RANGE, pictures)
    grey = ops.mean(pictures, axis=3, keepdims=True)
    pictures = grey + (pictures - grey) * _scaled(saturation, SATURATION_RANGE, pictures)
    mean = ops.mean(pictures, axis=(1, 2, 3), keepdims=True)
    return condition, mean + (pictures - mean) * _scaled(contrast, CONTRAST_RANGE, pictures)


def _translation(condition, pictures, draws):
    height, width = pictures.shape[1:3]
    # A product with a matrix of one 1 a row shifts, and so does its gradient; gathering rows costs
    # a scatter on the way back.
    down = _shift_matrix(draws[3], height, pictures.dtype)
    right = _shift_matrix(draws[4], width, pictures.dtype)

    def shifted(maps):
        channels = maps.shape[3]
        maps = ops.matmul(down, ops.reshape(maps, (-1, height, width * channels)))
        maps = ops.reshape(maps, (-1, height, width, channels))
        return ops.matmul(right[:, None], maps)

    return _both(shifted, condition, pictures)


def _cutout(condition, pictures, draws):
    height, width = pictures.shape[1:3]
    rows = _hole(draws[5], height)[:, :, None, None]
    columns = _hole(draws[6], width)[:, None, :, None]
    kept = ops.logical_not(ops.logical_and(rows, columns))
    return _both(lambda maps: maps * ops.cast(kept, maps.dtype), condition, pictures)


def _flip(condition, pictures, draws):
    """Left and right exchanged, for one of two."""
    turned = ops.cast(draws[7] < 0.5, pictures.dtype)[:, None, None, None]
    return _both(lambda maps: maps + turned * (ops.flip(maps, 2) - maps), condition, pictures)


AUGMENTATIONS: dict[str, Callable] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
    "flip": _flip,
}


def _both(change: Callable, condition, pictures):
    return None if condition is None else change(condition), change(pictures)


def _scaled(draw, bounds: tuple[float, float], like):
    """Draws [batch] in [0, 1) brought to the bounds, [batch, 1, 1, 1]."""
    low, high = bounds
    return ops.cast(low + (high - low) * draw, like.dtype)[:, None, None, None]


def _integers(draw, low: int, high: int):
    """Draws [batch] in [0, 1) as integers from `low` to `high`, both included."""
    number = ops.cast(ops.floor(draw * (high - low + 1)), "int32")
    return low + ops.minimum(number, high - low)


def _shift_matrix(draw, size: int, dtype: str):
    """Matrices [batch, size, size] that move rows by up to `TRANSLATION_SHARE` either way."""
    most = int(size * TRANSLATION_SHARE + 0.5)
    shift = _integers(draw, -most, most)
    positions = ops.arange(size, dtype="int32")
    source = positions[None, :, None] - shift[:, None, None]
    return ops.cast(ops.equal(source, positions[None, None, :]), dtype)


def _hole(draw, size: int):
    """Whether each of `size` positions is in the hole, [batch, size]; its middle is drawn."""
    length = int(size * CUTOUT_SHARE + 0.5)
    start = _integers(draw, 0, size - length % 2) - length // 2
    positions = ops.arange(size, dtype="int32")[None, :]
    return ops.logical_and(positions >= start[:, None], positions < start[:, None] + length)

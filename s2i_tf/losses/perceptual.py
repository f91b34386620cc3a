"""How far two pictures are apart in the maps of a pretrained net.

As in "Generating images with perceptual similarity metrics based on deep networks" (Dosovitskiy
and Brox 2016), with each place's features brought to unit length first (Zhang et al. 2018), so
that no map counts more because its numbers are larger.
"""

from collections.abc import Sequence

from keras import ops

_EPSILON = 1e-6


def perceptual_distance(one: Sequence, other: Sequence):
    """Mean over maps and places of the squared distance of unit feature vectors, in [0, 4].

    Args:
      one: maps, each [batch, height, width, channels].
      other: the maps to compare with, of the same shapes.

    Returns:
      A float32 scalar.
    """
    distances = [
        ops.mean(ops.sum(ops.square(_unit(left) - _unit(right)), axis=-1))
        for left, right in zip(one, other, strict=True)
    ]
    return sum(distances) / len(distances)


def _unit(features):
    features = ops.cast(features, "float32")
    square = ops.sum(ops.square(features), axis=-1, keepdims=True)
    return features * ops.rsqrt(square + _EPSILON)

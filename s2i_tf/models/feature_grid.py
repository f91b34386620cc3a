"""Image features whose own layout is spatial: 8 × 8 tiles of a 64 × 64 square, one for each place.

So `efficientnet_lite2_map` lays them out; a tile holds the 64 values of its place, row by row.
"""

from keras import ops

from s2i_tf import spec

GRID_SIDE = 8
TILE_SIDE = spec.FEATURE_SIDE // GRID_SIDE


def to_grid(features):
    """Features [batch, 4096] as a grid [batch, 8, 8, 64], a place's values in its channels."""
    x = ops.reshape(features, (-1, GRID_SIDE, TILE_SIDE, GRID_SIDE, TILE_SIDE))
    x = ops.transpose(x, (0, 1, 3, 2, 4))
    return ops.reshape(x, (-1, GRID_SIDE, GRID_SIDE, TILE_SIDE**2))


def mean_over_places(features):
    """The mean [batch, 64] of the places of features [batch, 4096]."""
    return ops.mean(to_grid(features), axis=(1, 2))

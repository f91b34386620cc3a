"""Fixed linear maps from a net's outputs to as many numbers as are wanted.

They depend on sizes and a seed alone, so that a feature is the same on every machine.
"""

import functools

import numpy as np

SEED = 0


def area_pooling(size: int, places: int) -> np.ndarray:
    """Weights [places, size] that average over equal stretches, whatever `size` is.

    A cell that lies in two stretches counts in each by its share.
    """
    edges = np.arange(places + 1) * size / places
    cells = np.arange(size)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return (np.clip(overlap, 0, 1) * places / size).astype(np.float32)


@functools.lru_cache
def orthogonal(num_inputs: int, num_outputs: int) -> np.ndarray:
    """A random matrix [num_inputs, num_outputs] whose columns, or if fewer rows, are orthonormal.

    It keeps as much of distances as its rank allows: all, where there are no fewer outputs.
    """
    rng = np.random.default_rng(SEED)
    shape = max(num_inputs, num_outputs), min(num_inputs, num_outputs)
    q, r = np.linalg.qr(rng.standard_normal(shape))
    matrix = (q * np.sign(np.diag(r))).astype(np.float32)
    matrix.flags.writeable = False
    return matrix if num_inputs >= num_outputs else matrix.T

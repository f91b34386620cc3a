"""Products of queries with a tile of targets, and the scores that distances make of them.

TensorFlow converts and multiplies, on all cores: NumPy turns float16 into float32 one number at a
time, and its wheels can be several times slower at products on a processor that their BLAS does
not know yet.
"""

import mmap

import numpy as np
import tensorflow as tf

DISTANCES = ("euclidean", "cosine")

# Targets at once: more make no product faster, and what a block holds of products stays small.
TILE_ROWS = 2048

Rows = slice | np.ndarray


class Targets:
    """Vectors that queries are multiplied with, a tile at a time, and their norms.

    Args:
      vectors: [targets, size], any float dtype; may be memory-mapped.
    """

    def __init__(self, vectors: np.ndarray):
        self._vectors = vectors
        # By target, found when it is read for the first time: until then not a number.
        self._half_squares = np.full(len(vectors), np.nan, np.float32)
        self._inverse_norms = np.full(len(vectors), np.nan, np.float32)

    def __len__(self) -> int:
        return len(self._vectors)

    def products(self, queries: tf.Tensor, rows: Rows) -> np.ndarray:
        """Dot products [queries, rows] of float32 queries with some targets."""
        tile = read(self._vectors, rows)
        if np.isnan(self._half_squares[rows]).any():
            squares = squared_norms(tile)
            with np.errstate(divide="ignore"):
                self._inverse_norms[rows] = np.where(squares > 0, 1 / np.sqrt(squares), 0)
            self._half_squares[rows] = squares / 2
        # As an array it is the same memory; `numpy()` would copy.
        return np.asarray(tf.matmul(queries, tile, transpose_b=True))

    def scores(self, products: np.ndarray, rows: Rows) -> dict[str, np.ndarray]:
        """How near the targets are by each distance, [queries, rows], larger is nearer.

        The nearest by Euclidean distance has the largest x·y - |y|²/2, as |x|² is constant. A zero
        vector's cosine counts as 0.
        """
        return {
            "euclidean": products - self._half_squares[rows],
            "cosine": products * self._inverse_norms[rows],
        }


def read(vectors: np.ndarray, rows: Rows) -> tf.Tensor:
    """Some of the vectors, float32 [rows, size]."""
    read_rows = tf.cast(tf.constant(vectors[rows]), tf.float32)
    _forget(vectors)
    return read_rows


def squared_norms(vectors: tf.Tensor) -> np.ndarray:
    """Of float32 vectors, summed in float64: only products should have a rounding error."""
    values = np.asarray(vectors)
    return np.einsum("ij,ij->i", values, values, dtype=np.float64)


def _forget(vectors: np.ndarray) -> None:
    """Gives the pages back that were read of a memory-mapped file: they count as memory."""
    if isinstance(vectors, np.memmap) and vectors.mode == "r":
        vectors._mmap.madvise(mmap.MADV_DONTNEED)

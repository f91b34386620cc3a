"""Distances between sets of vectors, in float64 and in blocks that fit into memory."""

import numpy as np

_BLOCK_ROWS = 256


def euclidean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances float64 [ones, others] between the rows of two matrices."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None]
    return np.sqrt(np.maximum(squares - 2 * one @ other.T, 0))


def nearest(queries: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each query's nearest target by Euclidean distance.

    Args:
      queries: [queries, …], any dtype.
      targets: [targets, …], at least one; the same shape behind the first axis.

    Returns:
      Int [queries], the first of those that tie, and float64 [queries], its distance, taken from
      the difference itself, so that equal vectors have distance 0.
    """
    starts = range(0, len(queries), _BLOCK_ROWS)
    parts = [_nearest(queries[start : start + _BLOCK_ROWS], targets) for start in starts]
    found, apart = (np.concatenate(column) for column in zip(*parts, strict=True))
    return found, apart


def _nearest(queries: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same of one block of queries."""
    rows = np.asarray(queries, np.float64).reshape(len(queries), -1)
    best = np.full(len(rows), np.inf)
    found = np.zeros(len(rows), np.int64)
    for start in range(0, len(targets), _BLOCK_ROWS):
        block = np.asarray(targets[start : start + _BLOCK_ROWS], np.float64)
        block = block.reshape(len(block), -1)
        scores = (block**2).sum(axis=1)[None] - 2 * rows @ block.T
        place = np.argmin(scores, axis=1)
        score = scores[np.arange(len(rows)), place]
        found = np.where(score < best, start + place, found)
        best = np.minimum(score, best)
    chosen = np.asarray(targets[found], np.float64).reshape(len(rows), -1)
    return found, np.linalg.norm(rows - chosen, axis=1)

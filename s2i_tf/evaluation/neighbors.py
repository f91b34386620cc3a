"""Nearest neighbours of many vectors among many others, in bounded memory.

`rank` says for each query where the first target of its class stands, by two distances; `nearest`
and, of pictures, `nearest_pictures` which target is the nearest; `euclidean` gives all distances of
two small sets.

Targets at the same distance share the credit: a measure is its expectation over the orders of
tied targets, so that a model that maps everything to one point scores chance and no more. As
products are float32, distances that differ by less than their rounding error count as tied.

Nearly all the time goes into the products of all queries with all targets. They are made for a
block of queries at a time, so memory does not grow with the number of vectors, if these are
memory-mapped. TensorFlow converts and multiplies, on all cores: NumPy turns float16 into float32
one number at a time, and its wheels can be several times slower at products on a processor that
their BLAS does not know yet.
"""

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from concurrent import futures

import numpy as np
import tensorflow as tf

from s2i_tf.evaluation import on_disk

DISTANCES = ("euclidean", "cosine")
MEASURES = ("top_1", "top_5", "mrr")

# Targets that are read at once: more make no product faster.
TILE_ROWS = 2048

_BLOCK_BYTES = 1 << 29

# The most that a float32 product of 4096 equal terms is wrong by, relative to the two norms. Made
# in another shape, such as that of one query, the same product differs by less.
TIE = 8e-6

# What rounding errors are relative to, of a query's squared norm and the best own score. The
# Euclidean one bounds |x|² and |y|² of the targets at about the distance of the best own one.
_SLACK: dict[str, Callable[[float, float], float]] = {
    "euclidean": lambda square, best: 2 * (square + abs(square - 2 * best)),
    "cosine": lambda square, best: np.sqrt(square),
}


def euclidean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances float64 [ones, others] between the rows of two matrices."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None]
    return np.sqrt(np.maximum(squares - 2 * one @ other.T, 0))


def nearest(queries: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each query's nearest target by Euclidean distance.

    Args:
      queries: [queries, …], any dtype; may be memory-mapped.
      targets: [targets, …], at least one; the same shape behind the first axis.

    Returns:
      Int [queries], the first of those that tie, and float64 [queries], its distance, taken from
      the difference itself, so that equal vectors have distance 0.
    """
    found = np.zeros(len(queries), np.int64)
    apart = np.zeros(len(queries))
    for rows in on_disk.blocks(queries, 4 * on_disk.READ_BYTES):
        block = on_disk.read_doubles(queries, rows)
        best = np.full(len(block), -np.inf)
        for tile in on_disk.blocks(targets):
            others = on_disk.read_doubles(targets, tile)
            score = block @ others.T
            score -= (others**2).sum(axis=1) / 2
            place = np.argmax(score, axis=1)
            highest = score[np.arange(len(score)), place]
            found[rows] = np.where(highest > best, tile.start + place, found[rows])
            best = np.maximum(best, highest)
        for start in range(0, len(block), 64):
            some = slice(start, start + 64)
            difference = block[some] - on_disk.read_doubles(targets, found[rows][some])
            apart[rows][some] = np.linalg.norm(difference, axis=1)
    return found, apart


def nearest_pictures(queries: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest`, of pictures uint8 [items, height, width, channels], about five times as fast.

    Pictures are at least as far apart as copies of a quarter of their sides, so that the copies
    rule out nearly all targets.
    """
    copies, squares = _copies(queries)
    found = np.zeros(len(queries), np.int64)
    closest = np.full(len(queries), np.inf)
    for tile in on_disk.blocks(targets):
        pictures = np.array(targets[tile])
        on_disk.forget(targets)
        others, other_squares = _copies(pictures)
        sums = squares[:, None] + other_squares
        # What rounding could add to the bounds is taken from them.
        bounds = sums - 2 * (copies @ others.T) - TIE * sums
        for row in np.flatnonzero(bounds.min(axis=1) <= closest):
            order = np.argsort(bounds[row])
            for some in np.split(order, range(16, len(order), 16)):
                some = some[bounds[row, some] <= closest[row]]
                if not len(some):
                    break
                difference = pictures[some].astype(np.float32) - queries[row]
                apart = np.square(difference).sum(axis=(1, 2, 3), dtype=np.float64)
                first = np.lexsort((some, apart))[0]
                nearer = apart[first], tile.start + some[first]
                closest[row], found[row] = min(nearer, (closest[row], found[row]))
        on_disk.forget(queries)
    return found, np.sqrt(closest)


def _copies(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Small copies, flat, whose distances bound those of pictures, and their squared norms.

    Args:
      pictures: uint8 [pictures, height, width, channels].

    Returns:
      Float32 [pictures, size] and float64 [pictures].
    """
    num, height, width, channels = pictures.shape
    step = math.gcd(height, width, 4)
    copies = np.empty((num, height // step, width // step, channels), np.float32)
    for rows in on_disk.blocks(pictures):
        parts = pictures[rows].reshape(-1, height // step, step, width // step, step, channels)
        copies[rows] = parts.sum(axis=(2, 4), dtype=np.float32) / step - 127.5 * step
        on_disk.forget(pictures)
    copies = copies.reshape(num, -1)
    return copies, np.einsum("ij,ij->i", copies, copies, dtype=np.float64)


@dataclasses.dataclass(frozen=True)
class Ranking:
    """How each query's ranking of the targets agrees with its class.

    Attributes:
      measures: float [queries] by name: `top_1` and `top_5` (is the class among the nearest 1, 5),
        `mrr` (one over the rank of the first target of the class; 0 if no target has it).
      nearest: int [queries], the nearest target; the first of those that tie.
    """

    measures: dict[str, np.ndarray]
    nearest: np.ndarray


def rank(
    queries: np.ndarray,
    query_labels: np.ndarray,
    targets: np.ndarray,
    target_labels: np.ndarray,
    *,
    block_bytes: int = _BLOCK_BYTES,
) -> dict[str, Ranking]:
    """Ranks the targets for each query, by both distances from one product.

    For each block of queries all targets are read once.

    Args:
      queries: [queries, size], any float dtype; may be memory-mapped, such as `np.load(…, "r")`.
      query_labels: int [queries], the classes of the queries.
      targets: [targets, size], likewise.
      target_labels: int [targets], the classes of the targets.
      block_bytes: bound of the block of queries and products held at once, which is nearly all
        the memory that this takes beside its arguments.

    Returns:
      A ranking by the name of the distance.
    """
    query_labels, target_labels = np.asarray(query_labels), np.asarray(target_labels)
    own_of = {label: np.flatnonzero(target_labels == label) for label in np.unique(query_labels)}
    num_rows = max(1, block_bytes // (4 * (targets.shape[1] + len(targets))))
    ranked: list[list[tuple]] = []
    # A graphics card's product could be rounded more coarsely than ties allow for.
    with futures.ThreadPoolExecutor(os.cpu_count()) as threads, tf.device("CPU:0"):
        for start in range(0, len(queries), num_rows):
            rows = slice(start, start + num_rows)
            own = [own_of[label] for label in query_labels[rows]]
            ranked += _rank_block(on_disk.read(queries, rows), targets, own, threads)
    columns = np.array(ranked).reshape(len(ranked), len(DISTANCES), 1 + len(MEASURES)).T
    return {
        name: Ranking(
            dict(zip(MEASURES, columns[1:, place], strict=True)), columns[0, place].astype(np.int64)
        )
        for place, name in enumerate(DISTANCES)
    }


def _rank_block(
    queries: tf.Tensor, targets: np.ndarray, own: Sequence[np.ndarray], threads: futures.Executor
) -> list[list[tuple]]:
    """For each query by each distance the nearest target, and the measures.

    Args:
      queries: float32 [queries, size].
      targets: [targets, size].
      own: for each query the targets of its class, int [own].
      threads: the threads that share the ranking.
    """
    squares = squared_norms(queries)
    products, target_squares = _products(queries, targets)
    half_squares = (target_squares / 2).astype(np.float32)
    norms = np.sqrt(np.where(target_squares > 0, target_squares, np.inf))
    inverse_norms = (1 / norms).astype(np.float32)  # a zero vector's cosine counts as 0

    def ranked(row: int) -> list[tuple]:
        # Larger is nearer; that of |x|² all targets have in common.
        product = products[row]
        scores = {"euclidean": product - half_squares, "cosine": product * inverse_norms}
        return [
            _ranked(score, own[row], squares[row], _SLACK[name]) for name, score in scores.items()
        ]

    return list(threads.map(ranked, range(len(own))))


def _ranked(
    score: np.ndarray, own: np.ndarray, square: float, slack: Callable[[float, float], float]
) -> tuple:
    """The nearest target of one query, and the measures.

    Args:
      score: float32 [targets], how near each is.
      own: int [own], the targets of the query's class.
      square: the query's squared norm.
      slack: one of `_SLACK`.
    """
    best = float(score[own].max(initial=-np.inf))
    tolerance = TIE * slack(square, best if len(own) else 0.0)
    # Bounds are float32 as scores are, or comparisons would turn these into float64.
    lower, upper = np.float32(best - tolerance), np.float32(best + tolerance)
    num_nearer = np.count_nonzero(score > upper)
    num_tied = np.count_nonzero(score >= lower) - num_nearer
    num_own_tied = np.count_nonzero(score[own] >= lower)  # none of them is above the best
    nearest = np.argmax(score >= np.float32(score.max() - tolerance))
    return nearest, *credit(num_nearer, num_own_tied, num_tied - num_own_tied)


def credit(num_nearer: int, num_own_tied: int, num_other_tied: int) -> tuple[float, float, float]:
    """The measures, expected over the orders of the tied targets."""
    if not num_own_tied:
        return 0.0, 0.0, 0.0
    if not num_other_tied:
        first = num_nearer + 1
        return float(first <= 1), float(first <= 5), 1 / first
    # behind[w]: the chance that w or more of the others come before the first of the class.
    drawn = np.arange(num_other_tied)
    steps = (num_other_tied - drawn) / (num_own_tied + num_other_tied - drawn)
    behind = np.concatenate([[1.0], np.cumprod(steps), [0.0]])
    ranks = num_nearer + 1 + np.arange(num_other_tied + 1)
    chances = behind[:-1] - behind[1:]
    return (
        float(chances[ranks <= 1].sum()),
        float(chances[ranks <= 5].sum()),
        float((chances / ranks).sum()),
    )


def _products(queries: tf.Tensor, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dot products [queries, targets] with float32 queries, and the squared norms [targets]."""
    products = np.empty((len(queries), len(targets)), np.float32)
    squares = np.empty(len(targets))
    for start in range(0, len(targets), TILE_ROWS):
        rows = slice(start, start + TILE_ROWS)
        tile = on_disk.read(targets, rows)
        products[:, rows] = tf.matmul(queries, tile, transpose_b=True)
        squares[rows] = squared_norms(tile)
    return products, squares


def squared_norms(vectors: tf.Tensor) -> np.ndarray:
    """Of float32 vectors, summed in float64: only products should have a rounding error."""
    values = np.asarray(vectors)
    return np.einsum("ij,ij->i", values, values, dtype=np.float64)

"""Nearest neighbours of many vectors among many others, in bounded memory.

`rank` says for each query where the first target of its class stands, by two distances; `nearest`
which target is the nearest; `euclidean` gives all distances of two small sets.

Targets at the same distance share the credit: a measure is its expectation over the orders of
tied targets, so that a model that maps everything to one point scores chance and no more. As
products are float32, distances that differ by less than their rounding error count as tied.

Nearly all the time goes into the products of all queries with all targets. They are made for a
block of queries and a tile of targets at a time, and forgotten once the tile has been ranked, so
memory does not grow with the number of vectors, if these are memory-mapped. TensorFlow converts and
multiplies, on all cores: NumPy turns float16 into float32 one number at a time, and its wheels can
be several times slower at products on a processor that their BLAS does not know yet.
"""

import dataclasses
import mmap
import os
from collections.abc import Callable, Iterator
from concurrent import futures

import numpy as np
import tensorflow as tf

DISTANCES = ("euclidean", "cosine")
MEASURES = ("top_1", "top_5", "mrr")

# Targets at once: more make no product faster, and what a block holds of products stays small.
TILE_ROWS = 2048

_BLOCK_BYTES = 1 << 29
_CHUNK_VALUES = 1 << 17  # scores that are ranked at once: they fit in a core's cache
_READ_BYTES = 1 << 26

# The most that a float32 product of 4096 equal terms is wrong by, relative to the two norms. Made
# in another shape, such as that of one query, the same product differs by less.
_TIE = 8e-6

# What rounding errors are relative to, of the queries' squared norms and the best own scores. The
# Euclidean one bounds |x|² and |y|² of the targets at about the distance of the best own one.
_SLACK: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "euclidean": lambda squares, best: 2 * (squares + np.abs(squares - 2 * best)),
    "cosine": lambda squares, best: np.sqrt(squares),
}

Rows = slice | np.ndarray


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
    for rows in blocks(queries, 4 * _READ_BYTES):
        block = _doubles(queries, rows)
        best = np.full(len(block), -np.inf)
        for tile in blocks(targets):
            others = _doubles(targets, tile)
            score = block @ others.T - (others**2).sum(axis=1) / 2
            place = np.argmax(score, axis=1)
            highest = score[np.arange(len(score)), place]
            found[rows] = np.where(highest > best, tile.start + place, found[rows])
            best = np.maximum(best, highest)
        for start in range(0, len(block), 64):
            some = slice(start, start + 64)
            difference = block[some] - _doubles(targets, found[rows][some])
            apart[rows][some] = np.linalg.norm(difference, axis=1)
    return found, apart


def blocks(vectors: np.ndarray, num_bytes: int = _READ_BYTES) -> Iterator[slice]:
    """Consecutive rows of vectors, as many at once as take so many bytes as float64."""
    num_rows = max(1, num_bytes // (8 * int(np.prod(vectors.shape[1:]))))
    for start in range(0, len(vectors), num_rows):
        yield slice(start, min(start + num_rows, len(vectors)))


def _doubles(vectors: np.ndarray, rows: Rows) -> np.ndarray:
    """Some of the vectors [vectors, …], flat: float64 [rows, size]."""
    chosen = np.asarray(vectors[rows], np.float64)
    forget(vectors)
    return chosen.reshape(len(chosen), -1)


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

    Queries are read once, and for each block of them all targets once and those of their classes
    once more: each query's best score among the targets of its class is what a tile is ranked by.

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
    labels = np.asarray(query_labels), np.asarray(target_labels)
    size = targets.shape[1]
    num_rows = max(1, block_bytes // (4 * (size + min(TILE_ROWS, len(targets)))))
    found = {name: np.zeros(len(queries), np.int64) for name in DISTANCES}
    credits = {name: np.zeros((len(queries), len(MEASURES))) for name in DISTANCES}
    # A graphics card's product could be rounded more coarsely than ties allow for.
    with futures.ThreadPoolExecutor(os.cpu_count()) as threads, tf.device("CPU:0"):
        all_targets = Targets(targets)
        for start in range(0, len(queries), num_rows):
            rows = slice(start, start + num_rows)
            block_labels = labels[0][rows], labels[1]
            ranks = _rank_block(all_targets, read(queries, rows), block_labels, threads)
            for name, ranked in ranks.items():
                found[name][rows] = ranked.nearest
                credits[name][rows] = ranked.credits()
    return {
        name: Ranking(dict(zip(MEASURES, credits[name].T, strict=True)), found[name])
        for name in DISTANCES
    }


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


class Ranks:
    """What the tiles so far say about the ranks of some queries, by one distance.

    Products of the same vectors can be rounded differently in another tile. So the best own score
    only sets the bounds, which allow for that, and every target is counted by its score in its
    tile, those of the class as well.

    Args:
      distance: name of the distance, one of `DISTANCES`.
      squares: the queries' squared norms [rows].
      best: the best own scores [rows]; -inf where there are none.

    Attributes:
      nearest: int [rows], the nearest target so far; the first of those that tie.
    """

    def __init__(self, distance: str, squares: np.ndarray, best: np.ndarray):
        self._has_own = np.isfinite(best)
        known = np.where(self._has_own, best, 0).astype(np.float64)
        self._tolerance = _TIE * _SLACK[distance](squares, known)
        # Bounds are float32 as scores are, or comparisons would turn these into float64.
        out = np.where(self._has_own, known, np.inf)
        self._lower = (out - self._tolerance).astype(np.float32)
        self._upper = (out + self._tolerance).astype(np.float32)
        # The nearest target has at least this score.
        self._least = np.where(self._has_own, self._lower, np.float32(-np.inf))
        self._highest = np.full(len(best), -np.inf, np.float32)
        self._nearest_score = np.full(len(best), -np.inf, np.float32)
        self.nearest = np.zeros(len(best), np.int64)
        self._num_nearer, self._num_own_tied, self._num_other_tied = np.zeros(
            (3, len(best)), np.int64
        )

    def add(
        self,
        score: np.ndarray,
        rows: slice,
        query_labels: np.ndarray,
        first_target: int,
        target_labels: np.ndarray,
    ) -> None:
        """Counts the targets of one tile for some queries.

        Args:
          score: [rows, tile], larger is nearer.
          rows: the places of these queries among those of the block.
          query_labels: int [rows], their classes.
          first_target: position of the tile's first target.
          target_labels: int [tile], the classes of its targets.
        """
        # Mostly a tile has nothing for a query, which its maximum tells; one that isn't a number
        # tells nothing.
        highest = score.max(axis=1)
        near = np.flatnonzero(~(highest < self._least[rows]))
        score, at, query_labels = score[near], rows.start + near, query_labels[near]
        self._find_nearest(score, highest[near], at, first_target)
        lower, upper = self._lower[at, np.newaxis], self._upper[at, np.newaxis]
        num_as_near, num_nearer = _count(score >= lower), _count(score > upper)
        self._num_nearer[at] += num_nearer
        # Few tiles have a tie or the best own target itself, so the rest is for few queries.
        tied = np.flatnonzero(num_as_near > num_nearer)
        is_tied = (score[tied] >= lower[tied]) & (score[tied] <= upper[tied])
        is_own = query_labels[tied, np.newaxis] == target_labels
        self._num_own_tied[at[tied]] += _count(is_tied & is_own)
        self._num_other_tied[at[tied]] += _count(is_tied & ~is_own)

    def _find_nearest(
        self, score: np.ndarray, highest: np.ndarray, at: np.ndarray, first_target: int
    ) -> None:
        highest = np.maximum(self._highest[at], highest)
        bound = (highest - self._tolerance[at]).astype(np.float32)
        nearer = np.flatnonzero(self._nearest_score[at] < bound)
        found = np.argmax(score[nearer] >= bound[nearer, np.newaxis], axis=1)
        self._highest[at] = highest
        self._nearest_score[at[nearer]] = score[nearer, found]
        self.nearest[at[nearer]] = first_target + found

    def credits(self) -> np.ndarray:
        """The measures [rows, measures] after all tiles."""
        # The best own target ties with itself, however it was rounded.
        num_own_tied = np.where(self._has_own, np.maximum(self._num_own_tied, 1), 0)
        counts = np.stack([self._num_nearer, num_own_tied, self._num_other_tied], axis=1)
        return np.array([credit(*row) for row in counts.tolist()])


def _count(is_so: np.ndarray) -> np.ndarray:
    """How many are so in each row of a tile: several times as fast as `count_nonzero`."""
    return is_so.view(np.uint8).sum(axis=1, dtype=np.uint16)


class Targets:
    """Vectors that queries are multiplied with, a tile at a time, and their norms.

    Args:
      vectors: [targets, …], any dtype; may be memory-mapped.
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
    """Some of the vectors [vectors, …], flat: float32 [rows, size]."""
    chosen = vectors[rows]
    found = tf.cast(tf.constant(chosen.reshape(len(chosen), -1)), tf.float32)
    forget(vectors)
    return found


def squared_norms(vectors: tf.Tensor) -> np.ndarray:
    """Of float32 vectors, summed in float64: only products should have a rounding error."""
    values = np.asarray(vectors)
    return np.einsum("ij,ij->i", values, values, dtype=np.float64)


def forget(vectors: np.ndarray) -> None:
    """Gives the pages back that were read of a memory-mapped array: they count as memory."""
    if getattr(vectors, "mode", None) in ("r", "r+", "w+"):  # a copy of some rows has none
        vectors._mmap.madvise(mmap.MADV_DONTNEED)


def _rank_block(
    all_targets: Targets,
    queries: tf.Tensor,
    labels: tuple[np.ndarray, np.ndarray],
    threads: futures.Executor,
) -> dict[str, Ranks]:
    """Ranks all targets for some float32 queries [rows, size], a tile at a time.

    Args:
      all_targets: the targets, which are read in tiles.
      queries: the queries of the block, [rows, size].
      labels: the classes of the queries and of the targets.
      threads: the threads that share the ranking.
    """
    query_labels, target_labels = labels
    squares = squared_norms(queries)
    best = _best_own(all_targets, queries, query_labels, target_labels)
    ranks = {name: Ranks(name, squares, best[name]) for name in best}
    num_rows = max(1, _CHUNK_VALUES // min(TILE_ROWS, len(all_targets)))
    for start in range(0, len(all_targets), TILE_ROWS):
        tile = slice(start, min(start + TILE_ROWS, len(all_targets)))
        products = all_targets.products(queries, tile)

        def rank_chunk(first: int, tile: slice = tile, products: np.ndarray = products) -> None:
            rows = slice(first, first + num_rows)
            for name, score in all_targets.scores(products[rows], tile).items():
                ranks[name].add(score, rows, query_labels[rows], tile.start, target_labels[tile])

        list(threads.map(rank_chunk, range(0, len(query_labels), num_rows)))
    return ranks


def _best_own(
    all_targets: Targets, queries: tf.Tensor, query_labels: np.ndarray, target_labels: np.ndarray
) -> dict[str, np.ndarray]:
    """Each query's best score among the targets of its class, by distance; -inf if it has none."""
    best = {name: np.full(len(query_labels), -np.inf, np.float32) for name in DISTANCES}
    for label in np.unique(query_labels):
        rows = np.flatnonzero(query_labels == label)
        own = np.flatnonzero(target_labels == label)
        of_class = tf.gather(queries, rows)
        for start in range(0, len(own), TILE_ROWS):
            tile = own[start : start + TILE_ROWS]
            products = all_targets.products(of_class, tile)
            for name, score in all_targets.scores(products, tile).items():
                best[name][rows] = np.maximum(best[name][rows], score.max(axis=1))
    return best

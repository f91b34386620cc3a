"""Does the nearest sound of a photo have the photo's class (paper section 5.3)?

Vectors of one modality are queries, those of the other are targets, and each query ranks all
targets by distance. Everything follows from the rank of the first target that has the query's
class. A sound or photo that forms several pairs counts once: the caller passes each one once.

Targets at the same distance share the credit: a measure is its expectation over the orders of
tied targets, so that a model that maps everything to one point scores chance and no more. As
products are float32, distances that differ by less than their rounding error count as tied.

Nearly all the time goes into the products of all queries with all targets, which are TensorFlow's:
NumPy's wheels can be several times slower on a processor that their BLAS does not know yet. Memory
does not grow with the number of vectors, if these are memory-mapped; nothing is read twice but the
targets, once for each block of queries.
"""

import dataclasses
import functools
import mmap
import os
from collections.abc import Callable, Sequence
from concurrent import futures

import numpy as np
import tensorflow as tf

DISTANCES = ("euclidean", "cosine")
MEASURES = ("top_1", "top_5", "mrr")

# Section 5.3, image → sound by Euclidean distance, keyed by split and layer.
PAPER_TOP_1 = {
    ("train", "before"): 0.282,
    ("eval", "before"): 0.163,
    ("train", "after"): 0.471,
    ("eval", "after"): 0.253,
}

_BLOCK_BYTES = 1 << 30
_MOST_QUERY_ROWS = 4096  # more rows make no product faster
_TARGET_ROWS = 4096
# TensorFlow shares an array's memory if it begins at a multiple of this.
_ALIGNMENT_BYTES = 64
_CHUNK_VALUES = 1 << 17  # products that are ranked at once: they fit in a core's cache
# Twice the rounding error of a float32 product of 4096 equal terms, relative to the two norms.
_TIE = 4e-6


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

    Args:
      queries: [queries, size], any float dtype; may be memory-mapped, such as `np.load(…, "r")`.
      query_labels: int [queries].
      targets: [targets, size], likewise.
      target_labels: int [targets].
      block_bytes: bound of the block of queries and products held at once, which is nearly all
        the memory that this takes beside its arguments.

    Returns:
      A ranking by the name of the distance.
    """
    members = {label: np.flatnonzero(target_labels == label) for label in np.unique(query_labels)}
    owns = [members[label] for label in query_labels]
    num_rows = block_bytes // (4 * (len(targets) + targets.shape[1]))
    num_rows = max(1, min(num_rows, _MOST_QUERY_ROWS, len(queries)))
    all_products = _Products(targets, num_rows)
    # Nothing yet, in the form in which blocks are found.
    nearest = {name: [np.zeros(0, np.int64)] for name in DISTANCES}
    credits = {name: [np.zeros((0, len(MEASURES)))] for name in DISTANCES}
    with futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        for start in range(0, len(queries), num_rows):
            rows = slice(start, start + num_rows)
            block = np.asarray(queries[rows], np.float32)
            for found in _rank_block(all_products, block, owns[rows], threads):
                for name in DISTANCES:
                    nearest[name].append(found[name][0])
                    credits[name].append(found[name][1])
            _forget(queries)
    return {
        name: Ranking(
            dict(zip(MEASURES, np.concatenate(credits[name]).T, strict=True)),
            np.concatenate(nearest[name]),
        )
        for name in DISTANCES
    }


def chance(query_labels: np.ndarray, target_labels: np.ndarray) -> dict[str, np.ndarray]:
    """The measures of a ranking that knows nothing: every target equally near.

    Args:
      query_labels: int [queries].
      target_labels: int [targets].

    Returns:
      Float [queries] by measure.
    """
    by_label = {}
    for label in np.unique(query_labels):
        num_own = int(np.sum(target_labels == label))
        by_label[label] = _credit(0, num_own, len(target_labels) - num_own)
    return dict(zip(MEASURES, np.array([by_label[label] for label in query_labels]).T, strict=True))


def expected_targets_hit(num_queries: int, num_targets: int) -> float:
    """How many distinct targets are the nearest of some query, if each is drawn evenly."""
    return num_targets * (1 - (1 - 1 / num_targets) ** num_queries)


class _Products:
    """Dot products of queries with all targets, and the targets' norms, found on the way.

    The targets are read a tile at a time into one float32 buffer, by all cores.

    Args:
      targets: [targets, size].
      num_rows: the most queries at once.

    Attributes:
      half_squares: half the squared norms, float32 [targets], after the first product.
      inverse_norms: one over the norms, 0 for a zero vector.
    """

    def __init__(self, targets: np.ndarray, num_rows: int):
        self._targets = targets
        self._products = np.empty((num_rows, len(targets)), np.float32)
        self._tile = _aligned(min(_TARGET_ROWS, len(targets)), targets.shape[1])
        self._tensor = tf.experimental.dlpack.from_dlpack(self._tile.__dlpack__())
        self._squares: np.ndarray | None = None
        self.half_squares = self.inverse_norms = np.empty(0, np.float32)

    def of(self, block: np.ndarray, threads: futures.Executor) -> np.ndarray:
        """The products [rows, targets] of float32 queries; the next call overwrites them."""
        products = self._products[: len(block)]
        squares = np.empty(len(self._targets))
        # A graphics card's product could be rounded more coarsely than `_TIE` allows for.
        with tf.device("CPU:0"):
            queries = tf.constant(block)
            for start in range(0, len(self._targets), _TARGET_ROWS):
                stop = min(start + _TARGET_ROWS, len(self._targets))
                self._read(start, stop, squares, threads)
                tile = self._tensor[: stop - start]
                products[:, start:stop] = tf.matmul(queries, tile, transpose_b=True).numpy()
        if self._squares is None:
            self._keep_norms(squares)
        return products

    def scores(self, products: np.ndarray) -> dict[str, np.ndarray]:
        """How near the targets are by each distance, [rows, targets], larger is nearer.

        The nearest by Euclidean distance has the largest x·y - |y|²/2, as |x|² is constant.
        """
        return {
            "euclidean": products - self.half_squares,
            "cosine": products * self.inverse_norms,
        }

    def _read(self, start: int, stop: int, squares: np.ndarray, threads: futures.Executor) -> None:
        """Fills the buffer with some targets, and at the first time also their squared norms."""

        def read(part: range) -> None:
            rows = self._tile[part.start - start : part.stop - start]
            np.copyto(rows, self._targets[part.start : part.stop], casting="same_kind")
            if self._squares is None:
                squares[part.start : part.stop] = np.einsum(
                    "ij,ij->i", rows, rows, dtype=np.float64
                )

        num_rows = -(-(stop - start) // (os.cpu_count() or 1))
        firsts = range(start, stop, num_rows)
        list(threads.map(read, (range(first, min(first + num_rows, stop)) for first in firsts)))
        _forget(self._targets)

    def _keep_norms(self, squares: np.ndarray) -> None:
        norms = np.sqrt(squares).astype(np.float32)
        with np.errstate(divide="ignore"):
            self.inverse_norms = np.where(norms > 0, 1 / norms, 0).astype(np.float32)
        self.half_squares = (squares / 2).astype(np.float32)
        self._squares = squares


def _aligned(num_rows: int, size: int) -> np.ndarray:
    """An empty float32 array [num_rows, size] whose memory TensorFlow can share."""
    num_bytes = 4 * num_rows * size
    memory = np.empty(num_bytes + _ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT_BYTES
    return memory[start : start + num_bytes].view(np.float32).reshape(num_rows, size)


def _forget(vectors: np.ndarray) -> None:
    """Gives the pages back that were read of a memory-mapped file: they count as memory."""
    if isinstance(vectors, np.memmap) and vectors.mode == "r":
        vectors._mmap.madvise(mmap.MADV_DONTNEED)


# What rounding errors are relative to, of the queries' squared norms and the best own scores. The
# Euclidean one bounds |x|² and |y|² of the targets at about the distance of the best own one.
_SLACK: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "euclidean": lambda squares, best: 2 * (squares + np.abs(squares - 2 * best)),
    "cosine": lambda squares, best: np.sqrt(squares),
}


def _rank_block(
    all_products: _Products,
    block: np.ndarray,
    owns: Sequence[np.ndarray],
    threads: futures.Executor,
) -> list[dict[str, tuple[np.ndarray, np.ndarray]]]:
    """What `_rank_rows` finds for chunks of some float32 queries, by distance."""
    products = all_products.of(block, threads)
    squares = np.einsum("ij,ij->i", block, block).astype(np.float64)
    num_rows = max(1, _CHUNK_VALUES // products.shape[1])

    def rank_chunk(start: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        rows = slice(start, start + num_rows)
        return {
            name: _rank_rows(score, owns[rows], functools.partial(_SLACK[name], squares[rows]))
            for name, score in all_products.scores(products[rows]).items()
        }

    return list(threads.map(rank_chunk, range(0, len(block), num_rows)))


def _rank_rows(
    score: np.ndarray, owns: Sequence[np.ndarray], slack: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest target of some queries, and their credits.

    Args:
      score: [rows, targets], larger is nearer.
      owns: which targets have the query's class, by row.
      slack: of the best own scores [rows], 0 where there are none: what `_TIE` is relative to.

    Returns:
      The nearest [rows] and the credits [rows, measures].
    """
    own_scores = [row[own] for row, own in zip(score, owns, strict=True)]
    best = np.array([own.max() if len(own) else 0.0 for own in own_scores])
    tolerance = _TIE * slack(best)
    nearest = np.argmax(score >= _column(score.max(axis=1) - tolerance), axis=1)
    is_as_near = score >= _column(best - tolerance)
    is_nearer = score > _column(best + tolerance)
    credits = np.zeros((len(score), len(MEASURES)))
    for row, own in enumerate(own_scores):
        if len(own):
            num_own_tied = np.count_nonzero(own >= np.float32(best[row] - tolerance[row]))
            num_nearer = np.count_nonzero(is_nearer[row])
            num_tied = np.count_nonzero(is_as_near[row]) - num_nearer
            credits[row] = _credit(num_nearer, num_own_tied, num_tied - num_own_tied)
    return nearest, credits


def _column(values: np.ndarray) -> np.ndarray:
    """Bounds [rows] for float32 scores [rows, targets], without turning these into float64."""
    return values.astype(np.float32)[:, np.newaxis]


def _credit(num_nearer: int, num_own_tied: int, num_other_tied: int) -> tuple[float, float, float]:
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

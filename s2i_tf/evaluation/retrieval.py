"""Does the nearest sound of a photo have the photo's class (paper section 5.3)?

Vectors of one modality are queries, those of the other are targets, and each query ranks all
targets by distance. Everything follows from the rank of the first target that has the query's
class. A sound or photo that forms several pairs counts once: the caller passes each one once.

Targets at the same distance share the credit: a measure is its expectation over the orders of
tied targets, so that a model that maps everything to one point scores chance and no more. As
products are float32, distances that differ by less than their rounding error count as tied.

Nearly all the time goes into the products of all queries with all targets. They are made for a
block of queries and a tile of targets at a time, and forgotten once the tile has been ranked, so
memory does not grow with the number of vectors, if these are memory-mapped. What a tile is ranked
by, each query's best score among the targets of its class, comes from a pass over its class alone.
So queries are read once, and for each block of them all targets once and those of their classes
once more.
"""

import dataclasses
import os
from concurrent import futures

import numpy as np
import tensorflow as tf

from s2i_tf.evaluation.retrieval_products import DISTANCES, TILE_ROWS, Targets, read, squared_norms
from s2i_tf.evaluation.retrieval_ranks import MEASURES, Ranks, credit

# Section 5.3, image → sound by Euclidean distance, keyed by split and layer.
PAPER_TOP_1 = {
    ("train", "before"): 0.282,
    ("eval", "before"): 0.163,
    ("train", "after"): 0.471,
    ("eval", "after"): 0.253,
}

_BLOCK_BYTES = 1 << 29
_CHUNK_VALUES = 1 << 17  # scores that are ranked at once: they fit in a core's cache


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
    labels = np.asarray(query_labels), np.asarray(target_labels)
    size = targets.shape[1]
    num_rows = max(1, block_bytes // (4 * (size + min(TILE_ROWS, len(targets)))))
    nearest = {name: np.zeros(len(queries), np.int64) for name in DISTANCES}
    credits = {name: np.zeros((len(queries), len(MEASURES))) for name in DISTANCES}
    # A graphics card's product could be rounded more coarsely than ties allow for.
    with futures.ThreadPoolExecutor(os.cpu_count()) as threads, tf.device("CPU:0"):
        all_targets = Targets(targets)
        for start in range(0, len(queries), num_rows):
            rows = slice(start, start + num_rows)
            block_labels = labels[0][rows], labels[1]
            ranks = _rank_block(all_targets, read(queries, rows), block_labels, threads)
            for name, ranked in ranks.items():
                nearest[name][rows] = ranked.nearest
                credits[name][rows] = ranked.credits()
    return {
        name: Ranking(dict(zip(MEASURES, credits[name].T, strict=True)), nearest[name])
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
        by_label[label] = credit(0, num_own, len(target_labels) - num_own)
    return dict(zip(MEASURES, np.array([by_label[label] for label in query_labels]).T, strict=True))


def expected_targets_hit(num_queries: int, num_targets: int) -> float:
    """How many distinct targets are the nearest of some query, if each is drawn evenly."""
    return num_targets * (1 - (1 - 1 / num_targets) ** num_queries)


def _rank_block(
    all_targets: Targets,
    queries: tf.Tensor,
    labels: tuple[np.ndarray, np.ndarray],
    threads: futures.Executor,
) -> dict[str, Ranks]:
    """Ranks all targets for some float32 queries [rows, size], a tile at a time.

    Args:
      all_targets: in tiles.
      queries: [rows, size].
      labels: of the queries and of the targets.
      threads: that share the ranking.
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

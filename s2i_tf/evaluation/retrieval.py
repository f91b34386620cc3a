"""Does the nearest sound of a photo have the photo's class (paper section 5.3)?

Vectors of one modality are queries, those of the other are targets, and each query ranks all
targets by distance. Everything follows from the rank of the first target that has the query's
class. A sound or photo that forms several pairs counts once: the caller passes each one once.

Targets at the same distance share the credit: a measure is its expectation over the orders of
tied targets, so that a model that maps everything to one point scores chance and no more. As
products are float32, distances that differ by less than their rounding error count as tied.
"""

import dataclasses

import numpy as np

DISTANCES = ("euclidean", "cosine")
MEASURES = ("top_1", "top_5", "mrr")

# Section 5.3, image → sound by Euclidean distance, keyed by split and layer.
PAPER_TOP_1 = {
    ("train", "before"): 0.282,
    ("eval", "before"): 0.163,
    ("train", "after"): 0.471,
    ("eval", "after"): 0.253,
}

_BLOCK_BYTES = 128 << 20
_TARGET_ROWS = 4096
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
      queries: [queries, size], any float dtype; may be memory-mapped.
      query_labels: int [queries].
      targets: [targets, size], likewise.
      target_labels: int [targets].
      block_bytes: bound of the block of products held at once, which is nearly all the memory
        that this takes beside its arguments.

    Returns:
      A ranking by the name of the distance.
    """
    half_squares, norms = _target_norms(targets)
    with np.errstate(divide="ignore"):
        inverse_norms = np.where(norms > 0, 1 / norms, 0).astype(np.float32)
    members = {label: np.flatnonzero(target_labels == label) for label in np.unique(query_labels)}
    credits = {name: np.zeros((len(queries), len(MEASURES))) for name in DISTANCES}
    nearest = {name: np.zeros(len(queries), np.int64) for name in DISTANCES}

    num_rows = max(1, block_bytes // (4 * len(targets)))
    for start in range(0, len(queries), num_rows):
        block = np.asarray(queries[start : start + num_rows], np.float32)
        for row, products in enumerate(_products(block, targets), start):
            own = members[query_labels[row]]
            square = float(block[row - start] @ block[row - start])
            # The nearest by Euclidean distance has the largest x·y - |y|²/2, as |x|² is constant.
            scores = {"euclidean": products - half_squares, "cosine": products * inverse_norms}
            slack = {"euclidean": _euclidean_slack(square, scores, own), "cosine": square**0.5}
            for name, score in scores.items():
                tolerance = _TIE * slack[name]
                nearest[name][row] = np.argmax(score >= score.max() - tolerance)
                credits[name][row] = _credit(*_count(score, own, tolerance))
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
        by_label[label] = _credit(0, num_own, len(target_labels) - num_own)
    return dict(zip(MEASURES, np.array([by_label[label] for label in query_labels]).T, strict=True))


def expected_targets_hit(num_queries: int, num_targets: int) -> float:
    """How many distinct targets are the nearest of some query, if each is drawn evenly."""
    return num_targets * (1 - (1 - 1 / num_targets) ** num_queries)


def _target_norms(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the squared norms, and the norms, float32 [targets]."""
    squares = np.empty(len(targets))
    for start in range(0, len(targets), _TARGET_ROWS):
        rows = np.asarray(targets[start : start + _TARGET_ROWS], np.float32)
        squares[start : start + _TARGET_ROWS] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return (squares / 2).astype(np.float32), np.sqrt(squares).astype(np.float32)


def _products(block: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Dot products [rows, targets] without a float32 copy of all targets."""
    products = np.empty((len(block), len(targets)), np.float32)
    for start in range(0, len(targets), _TARGET_ROWS):
        rows = np.asarray(targets[start : start + _TARGET_ROWS], np.float32)
        np.matmul(block, rows.T, out=products[:, start : start + len(rows)])
    return products


def _euclidean_slack(square: float, scores: dict[str, np.ndarray], own: np.ndarray) -> float:
    """Bounds |x|² and |y|² of the targets at about the distance of the best own one."""
    best = float(scores["euclidean"][own].max()) if len(own) else 0.0
    return 2 * (square + abs(square - 2 * best))


def _count(score: np.ndarray, own: np.ndarray, tolerance: float) -> tuple[int, int, int]:
    """How many targets of other classes are nearer than the best own one, and who ties with it.

    Args:
      score: [targets], larger is nearer.
      own: which targets have the query's class.
      tolerance: scores that differ by less are tied.

    Returns:
      The numbers of nearer targets, of tied ones of the class, and of tied ones of others.
    """
    if not len(own):
        return len(score), 0, 0
    own_scores = score[own]
    best = own_scores.max()
    num_nearer = np.count_nonzero(score > best + tolerance)
    num_own_tied = np.count_nonzero(own_scores >= best - tolerance)
    num_tied = np.count_nonzero(score >= best - tolerance) - num_nearer
    return num_nearer, num_own_tied, num_tied - num_own_tied


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

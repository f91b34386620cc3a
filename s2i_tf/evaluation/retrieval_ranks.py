"""The rank of each query's first target of its class, counted a tile of targets at a time.

Ranks are not sorted: once a query's best own score is known, the targets that are nearer and those
that tie with it are counted. Each measure is then its expectation over the orders of the tied.
"""

from collections.abc import Callable

import numpy as np

MEASURES = ("top_1", "top_5", "mrr")

# The most that a float32 product of 4096 equal terms is wrong by, relative to the two norms. Made
# in another shape, such as that of one query, the same product differs by less.
_TIE = 8e-6

# What rounding errors are relative to, of the queries' squared norms and the best own scores. The
# Euclidean one bounds |x|² and |y|² of the targets at about the distance of the best own one.
_SLACK: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "euclidean": lambda squares, best: 2 * (squares + np.abs(squares - 2 * best)),
    "cosine": lambda squares, best: np.sqrt(squares),
}


class Ranks:
    """What the tiles so far say about the ranks of some queries, by one distance.

    Products of the same vectors can be rounded differently in another tile. So the best own score
    only sets the bounds, which allow for that, and every target is counted by its score in its
    tile, those of the class as well.

    Args:
      distance: which.
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
          rows: which queries.
          query_labels: [rows].
          first_target: of the tile.
          target_labels: [tile].
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

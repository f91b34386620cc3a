"""How sure a rate is: 95 % intervals by drawing recordings anew.

Clips of one recording say much the same, so what is drawn with replacement is whole groups, not
items. All values are shares in [0, 1]; NaN marks an item for which a measure is not defined and
that is left out of it. NumPy only; the same seed gives the same interval.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

CONFIDENCE = 0.95
NUM_RESAMPLES = 2000
MIN_GROUPS = 8

# Two-sided normal quantile of CONFIDENCE.
_QUANTILE = 1.959964
_MAX_WEIGHTS = 4_000_000


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A share with the bounds of its 95 % interval; NaN where nothing was measured."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Rate:
    """A share over labelled items.

    Attributes:
      micro: every item counts the same.
      macro: every class counts the same.
      per_class: by label, for the labels that occur.
    """

    micro: Estimate
    macro: Estimate
    per_class: dict[int, Estimate]


def rates(
    measures: Mapping[str, np.ndarray],
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> dict[str, Rate]:
    """The means of several measures of the same items, with percentile intervals.

    Every measure sees the same draws. A class that a draw misses is left out of that draw's macro
    mean. Draws from fewer than `MIN_GROUPS` groups, or draws that all agree, would claim a
    certainty that is not there: such an estimate has `wilson`'s interval for the number of groups.

    Args:
      measures: by name, float [items] in [0, 1], or NaN.
      labels: int [items], at least one.
      groups: [items], what is drawn anew: the recording that an item comes from.
      num_resamples: how many draws.
      seed: of the draws.

    Returns:
      The rate of each measure.
    """
    values = np.stack([np.asarray(column, np.float64) for column in measures.values()], axis=1)
    _, group_of_item = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    num_groups = int(group_of_item.max()) + 1
    classes = np.unique(labels)
    tallies = [_Tally(values[labels == label], group_of_item[labels == label]) for label in classes]

    draws = [_means(tallies, weights) for weights in _draws(num_groups, num_resamples, seed)]
    drawn, drawn_by_class = (np.concatenate(parts) for parts in zip(*draws, strict=True))
    (whole,), (whole_by_class,) = _means(tallies, np.ones((1, num_groups)))

    return {
        name: Rate(
            micro=_estimate(whole[0, column], drawn[:, 0, column], num_groups),
            macro=_estimate(whole[1, column], drawn[:, 1, column], num_groups),
            per_class={
                int(label): _estimate(
                    whole_by_class[position, column],
                    drawn_by_class[:, position, column],
                    len(np.unique(tallies[position].groups)),
                )
                for position, label in enumerate(classes)
            },
        )
        for column, name in enumerate(measures)
    }


def statistic(
    function: Callable[..., np.ndarray],
    groups: Sequence[np.ndarray],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Any number computed from weighted items, with its percentile interval.

    Args:
      function: takes float [draws, items] for each set of items, how often each item was drawn,
        and gives the number for each draw, float [draws], not finite where it is not defined.
      groups: str [items] for each set of items; a recording that stands in several sets is drawn
        in all of them or in none.
      num_resamples: how many draws.
      seed: of the draws.

    Returns:
      The number for all items once; its bounds are NaN with fewer than `MIN_GROUPS` groups.
    """
    names, positions = np.unique(
        np.concatenate([np.asarray(column).astype(str) for column in groups]), return_inverse=True
    )
    edges = np.cumsum([len(column) for column in groups])[:-1]
    of_set = np.split(positions.reshape(-1), edges)

    def values(weights: np.ndarray) -> np.ndarray:
        return np.asarray(function(*(weights[:, chosen] for chosen in of_set)), np.float64)

    (value,) = values(np.ones((1, len(names))))
    drawn = np.concatenate([values(weights) for weights in _draws(len(names), num_resamples, seed)])
    drawn = drawn[np.isfinite(drawn)]
    value = float(value) if np.isfinite(value) else float("nan")
    if np.isnan(value) or len(names) < MIN_GROUPS or not drawn.size:
        return Estimate(value, float("nan"), float("nan"))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(value, float(low), float(high))


def wilson(share: float, num_trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of independent trials.

    Args:
      share: of hits, in [0, 1].
      num_trials: how many trials, at least one.

    Returns:
      The bounds, within [0, 1].
    """
    ratio = _QUANTILE**2 / num_trials
    centre = (share + ratio / 2) / (1 + ratio)
    half = np.sqrt(share * (1 - share) * ratio + ratio**2 / 4) / (1 + ratio)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


class _Tally:
    """One class's sums and counts by group."""

    def __init__(self, values: np.ndarray, group_of_item: np.ndarray):
        self.groups, position = np.unique(group_of_item, return_inverse=True)
        self.sums = np.zeros((len(self.groups), values.shape[1]))
        self.counts = np.zeros_like(self.sums)
        np.add.at(self.sums, position, np.nan_to_num(values))
        np.add.at(self.counts, position, np.isfinite(values))


def _draws(num_groups: int, num_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each group is drawn, float [block, groups], in blocks of bounded size."""
    generator = np.random.default_rng(seed)
    block = max(1, _MAX_WEIGHTS // num_groups)
    for start in range(0, num_resamples, block):
        size = min(block, num_resamples - start)
        chances = np.full(num_groups, 1 / num_groups)
        yield generator.multinomial(num_groups, chances, size=size).astype(np.float64)


def _means(tallies: list[_Tally], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Micro and macro means [draws, 2, measures] and class means [draws, classes, measures]."""
    sums = np.stack([weights[:, tally.groups] @ tally.sums for tally in tallies], axis=1)
    counts = np.stack([weights[:, tally.groups] @ tally.counts for tally in tallies], axis=1)
    with np.errstate(invalid="ignore"):
        by_class = sums / counts
        micro = sums.sum(axis=1) / counts.sum(axis=1)
        defined = counts > 0
        macro = np.where(defined, by_class, 0).sum(axis=1) / defined.sum(axis=1)
    return np.stack([micro, macro], axis=1), by_class


def _estimate(value: float, drawn: np.ndarray, num_groups: int) -> Estimate:
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not drawn.size:
        return Estimate(float("nan"), float("nan"), float("nan"))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    if num_groups < MIN_GROUPS or high - low < 1e-12:
        low, high = wilson(float(np.clip(value, 0, 1)), num_groups)
    return Estimate(float(value), float(low), float(high))

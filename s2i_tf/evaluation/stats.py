"""How sure a figure is: 95 % intervals by drawing recordings anew.

Clips of one recording say much the same, so what is drawn with replacement is whole groups, not
items; what the draws are off by on average is taken off. An estimate is `{"value", "low", "high"}`
as it stands in `metrics.json`, None for what could not be measured; a rate is `{"micro", "macro",
"per_class", "per_source"}` of them. NaN marks an item for which a measure is not defined and that
is left out of it. NumPy only; the same seed gives the same interval.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

CONFIDENCE = 0.95
NUM_RESAMPLES = 2000
MIN_GROUPS = 8

Estimate = dict[str, float | None]
Rate = dict[str, Any]

NOTHING: Estimate = {"value": None, "low": None, "high": None}

# Two-sided normal quantile of CONFIDENCE.
_QUANTILE = 1.959964
_MAX_WEIGHTS = 4_000_000


def rates(
    measures: Mapping[Hashable, np.ndarray],
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    class_names: Sequence[str] | None = None,
    sources: np.ndarray | None = None,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> dict[Hashable, Rate]:
    """The means of several measures of the same items, with their intervals.

    Every measure sees the same draws. A class that a draw misses is left out of that draw's macro
    mean. Draws from fewer than `MIN_GROUPS` groups, or draws that all agree, would claim a
    certainty that is not there: such an estimate has `wilson`'s interval for the number of groups.
    A group counts if the measure is defined for one of its items.

    Args:
      measures: the measures by name, float [items] in [0, 1], or NaN.
      labels: the class of each item, int [items], at least one.
      groups: [items], what is drawn anew: the recording that an item comes from.
      class_names: names of the classes by label, the keys of `per_class`; by default the labels.
      sources: str [items], the collection that each item is from; empty where it is not known.
      num_resamples: how many draws.
      seed: random seed of the draws.

    Returns:
      A rate for each measure: `micro` counts every item the same, `macro` every class; `per_class`
      has the classes that occur, `per_source` the collections that are known.
    """
    values = np.stack([np.asarray(column, np.float64) for column in measures.values()], axis=1)
    _, group_of_item = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    whole = _Tally(values, group_of_item)
    classes = np.unique(labels)
    collections = np.unique(sources[sources != ""]) if sources is not None else np.array([])
    members = [labels == label for label in classes]
    members += [sources == collection for collection in collections]
    tallies = [_Tally(values[chosen], group_of_item[chosen]) for chosen in members]
    blocks = [
        _means(tallies, len(classes), weights)
        for weights in _weights(len(whole.groups), num_resamples, seed)
    ]
    overall, by_part = (np.concatenate(found) for found in zip(*blocks, strict=True))
    names = [class_names[label] if class_names else int(label) for label in classes]

    def rate(column: int) -> Rate:
        of_parts = [
            _estimate(by_part[:, part, column], tally.num_defined[column])
            for part, tally in enumerate(tallies)
        ]
        return {
            "micro": _estimate(overall[:, 0, column], whole.num_defined[column]),
            "macro": _estimate(overall[:, 1, column], whole.num_defined[column]),
            "per_class": dict(zip(names, of_parts, strict=False)),
            "per_source": dict(zip(collections.tolist(), of_parts[len(classes) :], strict=True)),
        }

    return {name: rate(column) for column, name in enumerate(measures)}


def statistic(
    function: Callable[..., np.ndarray],
    groups: Sequence[np.ndarray],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Any number computed from weighted items, with its interval.

    Args:
      function: takes float [draws, items] for each set of items, how often each item was drawn,
        and gives the number for each draw, float [draws], not finite where it is not defined.
      groups: str [items] for each set of items; a recording that stands in several sets is drawn
        in all of them or in none. Items of which nothing is known are left out beforehand, as
        their groups would count.
      num_resamples: how many draws.
      seed: random seed of the draws.

    Returns:
      The number for all items once; it has no bounds with fewer than `MIN_GROUPS` groups in a
      set.
    """
    names, positions = np.unique(
        np.concatenate([np.asarray(column).astype(str) for column in groups]), return_inverse=True
    )
    if not len(names):
        return dict(NOTHING)
    edges = np.cumsum([len(column) for column in groups])[:-1]
    of_set = np.split(positions, edges)

    def values(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(function(*(weights[:, chosen] for chosen in of_set)), np.float64)

    draws = _weights(len(names), num_resamples, seed)
    (value,) = values(next(draws))
    if not np.isfinite(value):
        return dict(NOTHING)
    if min(len(np.unique(chosen)) for chosen in of_set) < MIN_GROUPS:
        return {**NOTHING, "value": float(value)}
    drawn = np.concatenate([values(weights) for weights in draws])
    return _with_bounds(value, drawn[np.isfinite(drawn)])


def mean(values: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> Estimate:
    """The mean of the values [items] that are defined, with its interval, see `statistic`."""
    defined = np.isfinite(values)
    values = values[defined]

    def value(weights: np.ndarray) -> np.ndarray:
        return (weights @ values) / weights.sum(axis=1)

    return statistic(value, [groups[defined]], seed=seed)


def as_share(estimate: Estimate) -> Estimate:
    """An estimate of what lies in [0, 1], whose bounds then do too."""
    if estimate["low"] is None:
        return estimate
    return {
        **estimate,
        "low": max(estimate["low"], 0.0),
        "high": min(estimate["high"], 1.0),
    }


def wilson(share: float, num_trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of independent trials.

    Args:
      share: share of hits, in [0, 1].
      num_trials: how many trials, at least one.

    Returns:
      The bounds, within [0, 1].
    """
    ratio = _QUANTILE**2 / num_trials
    centre = (share + ratio / 2) / (1 + ratio)
    half = np.sqrt(share * (1 - share) * ratio + ratio**2 / 4) / (1 + ratio)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def medians(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted medians [draws] of values [items]; the mean of the two middle ones if they differ.

    Args:
      values: float [items].
      weights: float [draws, items], how often each item was drawn.
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    reached = np.cumsum(weights[:, order], axis=1)
    half = reached[:, -1:] / 2
    low = np.argmax(reached >= half, axis=1)
    high = np.argmax(reached > half, axis=1)
    found = (ordered[low] + ordered[high]) / 2
    return np.where(reached[:, -1] > 0, found, np.nan)


def over_pairs(values: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Sums [draws] of what each pair of items has, as often as both of them are drawn.

    Args:
      values: float [ones, others].
      one: float [draws, ones], how often each item was drawn.
      other: float [draws, others].
    """
    return ((one @ values) * other).sum(axis=1)


def of_all_pairs(
    as_one: np.ndarray, as_other: np.ndarray, labels: np.ndarray | None = None
) -> np.ndarray:
    """Values [items] to draw for a mean over pairs of items, see Hoeffding's projection.

    An item that is drawn twice counts twice in both of its parts; drawn for one of them alone, the
    interval of the mean would be too narrow.

    Args:
      as_one: the mean of each item over its partners, float [items].
      as_other: the mean over those whose partner it is, float [items].
      labels: int [items]; with them the means of classes stay those of `as_one`, else the whole's.
    """
    values = as_one.astype(np.float64)
    labels = np.zeros(len(values), int) if labels is None else labels
    for label in np.unique(labels):
        of_class = np.flatnonzero((labels == label) & np.isfinite(as_one) & np.isfinite(as_other))
        if of_class.size:
            values[of_class] += as_other[of_class] - as_other[of_class].mean()
    return values


def mean_by_item(values: np.ndarray, item_of_pair: np.ndarray, num_items: int) -> np.ndarray:
    """The mean over the pairs of each item, of those for which it is defined, float [items].

    Args:
      values: a measure of each pair, [pairs], NaN where it is not defined.
      item_of_pair: int [pairs], the sound, or the photo, of each pair.
      num_items: how many items there are.
    """
    values = values.astype(np.float64)
    defined = np.isfinite(values)
    sums = np.bincount(item_of_pair, np.where(defined, values, 0), num_items)
    with np.errstate(invalid="ignore"):
        return sums / np.bincount(item_of_pair, defined, num_items)


def micro_and_macro(values: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """The mean of values [items], every item counting the same, and every class of the labels.

    Of those that are not NaN; None of none.
    """
    values, labels = values[np.isfinite(values)], labels[np.isfinite(values)]
    if not len(values):
        return {"micro": None, "macro": None}
    of_classes = [values[labels == label].mean() for label in np.unique(labels)]
    return {"micro": float(values.mean()), "macro": float(np.mean(of_classes))}


def sample_of(num_items: int, num_wanted: int, seed: int) -> np.ndarray:
    """Positions of all items, or of as many as are wanted, drawn by the seed."""
    if num_items <= num_wanted:
        return np.arange(num_items)
    return np.sort(np.random.default_rng(seed).choice(num_items, num_wanted, replace=False))


class _Tally:
    """The sums and counts of the items, or of a part such as a class, by group."""

    def __init__(self, values: np.ndarray, group_of_item: np.ndarray):
        self.groups, position = np.unique(group_of_item, return_inverse=True)
        self.sums = np.zeros((len(self.groups), values.shape[1]))
        self.counts = np.zeros_like(self.sums)
        np.add.at(self.sums, position, np.nan_to_num(values))
        np.add.at(self.counts, position, np.isfinite(values))
        # Groups with an item for which the measure is defined, int [measures]; others say nothing.
        self.num_defined = np.count_nonzero(self.counts, axis=0)


def _weights(num_groups: int, num_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each group counts, float [block, groups]: once, then as often as it is drawn.

    The draws come in blocks of bounded size.
    """
    yield np.ones((1, num_groups))
    generator = np.random.default_rng(seed)
    block = max(1, _MAX_WEIGHTS // num_groups)
    chances = np.full(num_groups, 1 / num_groups)
    for start in range(0, num_resamples, block):
        size = min(block, num_resamples - start)
        yield generator.multinomial(num_groups, chances, size=size).astype(np.float64)


def _means(
    tallies: list[_Tally], num_classes: int, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Micro and macro means [draws, 2, measures], and each part's mean [draws, parts, measures].

    Args:
      tallies: those of the classes, by which the former two go, and then of other parts.
      num_classes: how many of them are classes.
      weights: how often each group counts, float [draws, groups].
    """
    sums = np.stack([weights[:, tally.groups] @ tally.sums for tally in tallies], axis=1)
    counts = np.stack([weights[:, tally.groups] @ tally.counts for tally in tallies], axis=1)
    with np.errstate(invalid="ignore"):
        by_part = sums / counts
        sums, counts = sums[:, :num_classes], counts[:, :num_classes]
        micro = sums.sum(axis=1) / counts.sum(axis=1)
        defined = counts > 0
        macro = np.where(defined, by_part[:, :num_classes], 0).sum(axis=1) / defined.sum(axis=1)
    return np.stack([micro, macro], axis=1), by_part


def _estimate(values: np.ndarray, num_groups: int) -> Estimate:
    """From the value of all items, the first, and those of the draws, of so many groups."""
    value, drawn = values[0], values[1:]
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not drawn.size:
        return dict(NOTHING)
    found = as_share(_with_bounds(value, drawn))
    if num_groups < MIN_GROUPS or found["high"] - found["low"] < 1e-12:
        found["low"], found["high"] = wilson(float(np.clip(value, 0, 1)), num_groups)
    return found


def _with_bounds(value: float, drawn: np.ndarray) -> Estimate:
    """A value and the quantiles of its draws, moved by what these are off by on average.

    Off they are where much hangs on one group: a class that is mostly of one large source has
    another mean in all draws without it.
    """
    if not drawn.size:
        return {**NOTHING, "value": float(value)}
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]) - drawn.mean() + value
    return {"value": float(value), "low": float(low), "high": float(high)}

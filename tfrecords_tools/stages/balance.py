"""Stage 5, balance: equally many pairs of every class (paper section 3: 52 classes of 2,000).

Rows in and out: `Pair`. Classes that are large enough are eligible; `num_classes` of them, and in
each `instances_per_class` pairs, are drawn by a salted stable hash. Where the pairs know their side
of the split already, each side keeps its share. With a maximum in place of a number, small classes
stay as they are.
"""

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from s2i_tf import spec
from s2i_tf.data import splits
from tfrecords_tools.engine import grouping
from tfrecords_tools.engine.rows import Pair, TooFewLeft

NAME = "balance"


def balance(
    pairs: Iterable[Pair],
    seed: int,
    train_share: float,
    num_classes: int = 0,
    instances_per_class: int = 0,
    max_pairs_per_class: int = 0,
) -> Iterator[Pair]:
    """The pairs that are drawn; all of them where neither number is set.

    Args:
      pairs: the pairs; read twice.
      seed: random seed of the draws.
      train_share: share of the pairs on the training side, where they know their side.
      num_classes: how many classes to draw among those large enough; 0 for all.
      instances_per_class: how many pairs each must have, and gets.
      max_pairs_per_class: most pairs of a class instead, smaller classes being kept.
    """
    wanted = instances_per_class or max_pairs_per_class
    if not wanted:
        yield from pairs
        return
    counts = Counter((pair.class_name, pair.split) for pair in pairs)
    chosen = {name for name, _ in counts}
    if instances_per_class:
        chosen = set(choose_classes(counts, num_classes, instances_per_class, train_share, seed))
    kept = (pair for pair in pairs if pair.class_name in chosen)
    for _, group in grouping.grouped(kept, lambda pair: f"{pair.split}/{pair.class_name}"):
        first = next(group)
        yield from heapq.nsmallest(
            quota(wanted, first.split, train_share),
            itertools.chain([first], group),
            key=lambda pair: (
                pair.rank,
                splits.stable_fraction(pair.id, f"{seed}/{NAME}"),
                pair.id,
            ),
        )


def quota(wanted: int, side: str, train_share: float) -> int:
    """How many of a class's pairs one side of the split gets; all if there are no sides yet."""
    if not side:
        return wanted
    num_train = min(max(math.floor(wanted * train_share + 0.5), 1), max(wanted - 1, 1))
    return num_train if side == spec.TRAIN_SPLIT else wanted - num_train


def choose_classes(
    counts: Mapping[tuple[str, str], int],
    num_classes: int,
    instances_per_class: int,
    train_share: float,
    seed: int,
) -> list[str]:
    """The classes that are drawn.

    Args:
      counts: number of pairs by class and side of the split (`""` before the split).
      num_classes: how many to draw; 0 for all that are large enough.
      instances_per_class: how many pairs each must have.
      train_share: share of the pairs on the training side.
      seed: random seed of the draw.

    Raises:
      UserError: if too few are large enough.
    """
    names, sides = {name for name, _ in counts}, {side for _, side in counts}
    large = {
        name
        for name in names
        if all(
            counts.get((name, side), 0) >= quota(instances_per_class, side, train_share)
            for side in sides
        )
    }
    needed = num_classes or 1
    if len(large) < needed:
        sizes = sorted(
            (sum(counts.get((name, side), 0) for side in sides) for name in names), reverse=True
        )
        raise TooFewLeft(
            f"{len(large)} classes have {instances_per_class} pairs; {needed} are needed; "
            f"the largest classes have {', '.join(map(str, sizes[:5]))}"
        )
    return sorted(splits.stable_order(large, f"{seed}/classes")[: num_classes or None])

"""Stage 5, balance: equally many pairs of every class (paper section 3: 52 classes of 2,000).

Rows in and out: `Pair`. Classes that are large enough are eligible; `num_classes` of them, and in
each `instances_per_class` pairs, are drawn by a salted stable hash. Where the pairs know their side
of the split already, each side keeps its share. With a maximum in place of a number, small classes
stay as they are.
"""

import math
from collections.abc import Mapping

import apache_beam as beam

from s2i_tf import spec
from s2i_tf.data import splits
from s2i_tf.errors import UserError
from tfrecords_tools.engine.rows import Pair

NAME = "balance"


class Balance(beam.PTransform):
    """Beam transform: `Pair`s to fewer `Pair`s; all of them where neither number is set."""

    def __init__(
        self,
        seed: int,
        train_share: float,
        num_classes: int = 0,
        instances_per_class: int = 0,
        max_pairs_per_class: int = 0,
    ):
        super().__init__()
        self._seed = seed
        self._train_share = train_share
        self._num_classes = num_classes
        self._instances_per_class = instances_per_class
        self._wanted = instances_per_class or max_pairs_per_class

    def expand(self, pcoll):
        """Counts, chooses the classes, and keeps the first pairs of each by rank and hash."""
        if not self._wanted:
            return pcoll
        by_class = pcoll | "By class" >> beam.WithKeys(lambda pair: (pair.class_name, pair.split))
        if self._instances_per_class:
            chosen = beam.pvalue.AsSingleton(
                by_class
                | "Count" >> beam.combiners.Count.PerKey()
                | "All counts" >> beam.combiners.ToDict()
                | "Choose" >> beam.Map(self._choose)
            )
            by_class = by_class | "Chosen" >> beam.Filter(
                lambda row, chosen: row[0][0] in chosen, chosen
            )
        kept = []
        for side in ("", *spec.SPLITS):
            quota = self._quota(side)
            kept.append(
                by_class
                | f"Side {side}" >> beam.Filter(lambda row, side=side: row[0][1] == side)
                | f"First {side}"
                >> beam.combiners.Top.PerKey(quota, key=self._draw_key, reverse=True)
                | f"Pairs {side}" >> beam.FlatMap(lambda row: row[1])
            )
        return kept | beam.Flatten()

    def _quota(self, side: str) -> int:
        return quota(self._wanted, side, self._train_share)

    def _choose(self, counts: Mapping[tuple[str, str], int]) -> set[str]:
        return set(
            choose_classes(
                counts, self._num_classes, self._instances_per_class, self._train_share, self._seed
            )
        )

    def _draw_key(self, pair: Pair) -> tuple[int, float, str]:
        return pair.rank, splits.stable_fraction(pair.id, f"{self._seed}/{NAME}"), pair.id


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
      train_share: of the sides.
      seed: of the draw.

    Raises:
      UserError: if too few are large enough.
    """
    sides = {side for _, side in counts}
    large = {
        name
        for name, _ in counts
        if all(
            counts.get((name, side), 0) >= quota(instances_per_class, side, train_share)
            for side in sides
        )
    }
    needed = num_classes or 1
    if len(large) < needed:
        names = {name for name, _ in counts}
        sizes = sorted(
            (sum(counts.get((name, side), 0) for side in sides) for name in names), reverse=True
        )
        raise UserError(
            f"{len(large)} classes have {instances_per_class} pairs; {needed} are needed; "
            f"the largest classes have {', '.join(map(str, sizes[:5]))}"
        )
    return sorted(splits.stable_order(large, f"{seed}/classes")[: num_classes or None])

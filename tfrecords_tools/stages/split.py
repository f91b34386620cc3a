"""Stage 6, split: which recordings train and which evaluate (paper section 3: 90 to 10).

Rows in and out: anything with a `group`, a `class_name` and digests of its files; the rows come out
with their `split`. Groups are split, never clips, class by class so that each class keeps the
share. Groups that hold the same file under two names become one first.

For an evaluation of a model on data of any origin the split is given instead: what the model was
trained on trains, all else evaluates.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import TypeVar

import apache_beam as beam

from s2i_tf import spec
from s2i_tf.data import splits
from s2i_tf.data.trained_on import TrainedOn
from tfrecords_tools.engine.rows import Item, Pair

NAME = "split"

Row = TypeVar("Row", Item, Pair)


class Split(beam.PTransform):
    """Beam transform: rows to rows with their `split` and merged `group`."""

    def __init__(self, seed: int, train_share: float, trained_on: TrainedOn | None = None):
        super().__init__()
        self._seed = seed
        self._train_share = train_share
        self._trained_on = trained_on

    def expand(self, pcoll):
        """Merges groups, splits the groups of each stratum, and joins the outcome to the rows."""
        merged = beam.pvalue.AsSingleton(
            pcoll
            | "Files" >> beam.FlatMap(_contents)
            | "Same file" >> beam.GroupByKey()
            | "Links" >> beam.FlatMapTuple(_links)
            | "All links" >> beam.combiners.ToList()
            | "Merge" >> beam.Map(merge_groups)
        )
        rows = pcoll | "Rename" >> beam.Map(_renamed, merged)
        if self._trained_on is None:
            sides = (
                rows
                | "Strata" >> beam.Map(lambda row: (row.group, stratum(row)))
                | "Home" >> beam.CombinePerKey(min)
                | "Swap" >> beam.KvSwap()
                | "Group strata" >> beam.GroupByKey()
                | "Split" >> beam.FlatMapTuple(self._split_stratum)
            )
        else:  # a group is known if any of its rows is: "train" is the larger word
            sides = (
                rows
                | "Known" >> beam.Map(lambda row: (row.group, _known_side(row, self._trained_on)))
                | "Side" >> beam.CombinePerKey(max)
            )
        grouped = rows | "By group" >> beam.WithKeys(lambda row: row.group)
        return (
            {"rows": grouped, "sides": sides}
            | beam.CoGroupByKey()
            | "Assign" >> beam.FlatMapTuple(_assigned)
        )

    def _split_stratum(self, key: str, groups: Iterable[str]) -> Iterator[tuple[str, str]]:
        yield from splits.split_groups(groups, f"{self._seed}/{key}", self._train_share).items()


def _known_side(row: Row, trained_on: TrainedOn) -> str:
    if isinstance(row, Pair):
        sides = (("sound", row.sound_id, row.group), ("image", row.image_id, row.group))
        known = any(trained_on.knows(*side, content) for side in sides for content in row.contents)
    else:
        known = trained_on.knows(row.modality, row.id, row.group, row.content)
    return spec.TRAIN_SPLIT if known else spec.EVAL_SPLIT


def merge_groups(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Groups that are linked, directly or through others, by the name of the first of them.

    Args:
      links: pairs of groups that must not be parted.

    Returns:
      The new name of each linked group; groups that are not in it keep theirs.
    """
    roots: dict[str, str] = {}

    def root(group: str) -> str:
        while roots.setdefault(group, group) != group:
            group = roots[group]
        return group

    for first, second in links:
        low, high = sorted((root(first), root(second)))
        roots[high] = low
    return {group: root(group) for group in list(roots)}


def stratum(row: Row) -> str:
    """What keeps its own share of training: a class, sounds and photos apart where they come so."""
    return f"{row.class_name}/{getattr(row, 'modality', 'pair')}"


def _contents(row: Row) -> Iterator[tuple[str, str]]:
    for content in row.contents if isinstance(row, Pair) else (row.content,):
        yield content, row.group


def _links(content: str, groups: Iterable[str]) -> Iterator[tuple[str, str]]:
    first, *others = sorted(set(groups))
    for other in others:
        yield first, other


def _renamed(row: Row, merged: dict[str, str]) -> Row:
    return dataclasses.replace(row, group=merged.get(row.group, row.group))


def _assigned(group: str, found: dict[str, Iterable]) -> Iterator[Row]:
    (side,) = found["sides"]
    for row in found["rows"]:
        yield dataclasses.replace(row, split=side)

"""Stage 6, split: which recordings train and which evaluate (paper section 3: 90 to 10).

Rows in and out: anything with a `group`, a `class_name` and digests of its files; the rows come out
with their `split`. Groups are split, never clips, class by class so that each class keeps the
share. Groups that hold the same file under two names become one first.

For an evaluation of a model on data of any origin the split is given instead: what the model was
trained on trains, all else evaluates.
"""

import collections
import dataclasses
from collections.abc import Iterable, Iterator
from typing import TypeVar

from s2i_tf import spec
from s2i_tf.data import splits
from s2i_tf.data.trained_on import TrainedOn
from tfrecords_tools.engine.rows import Item, Pair

NAME = "split"

Row = TypeVar("Row", Item, Pair)


def split(
    rows: Iterable[Row],
    seed: int,
    train_share: float,
    trained_on: TrainedOn | None = None,
    *,
    by_source: bool = False,
) -> Iterator[Row]:
    """Rows with their `split` and merged `group`.

    Args:
      rows: sounds and pictures, or pairs; read several times.
      seed: random seed of the split.
      train_share: share of the groups that train.
      trained_on: what a model was trained on, if that decides.
      by_source: the groups of sounds are whole collections, of many classes each.
    """
    merged = merge_groups(_links(rows))

    def renamed() -> Iterator[Row]:
        for row in rows:
            yield dataclasses.replace(row, group=merged.get(row.group, row.group))

    sides: dict[str, str] = {}
    if trained_on is None and by_source:
        sounds = (row for row in renamed() if row.modality == "sound")
        counts = collections.Counter((row.group, row.class_name) for row in sounds)
        sides |= splits.split_sources(counts, f"{seed}/sources", train_share)
    if trained_on is None:
        others = ((row.group, stratum(row)) for row in renamed() if row.group not in sides)
        sides |= splits.split_strata(others, str(seed), train_share)
    else:  # a group is known if any of its rows is: "train" is the larger word
        for row in rows:  # a model knows a group by the name that it had before it was merged
            side, group = _known_side(row, trained_on), merged.get(row.group, row.group)
            sides[group] = max(side, sides.get(group, side))
    for row in renamed():
        yield dataclasses.replace(row, split=sides[row.group])


def _known_side(row: Row, trained_on: TrainedOn) -> str:
    if isinstance(row, Pair):
        sides = (("sound", row.sound_id, [row.group]), ("image", row.image_id, [row.group]))
        known = any(trained_on.knows(*side, content) for side in sides for content in row.contents)
    else:
        known = trained_on.knows(row.modality, row.id, [row.group], row.content)
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


def _links(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Groups that hold the same file."""
    first: dict[str, str] = {}
    for row in rows:
        for content in row.contents if isinstance(row, Pair) else (row.content,):
            if first.setdefault(content, row.group) != row.group:
                yield first[content], row.group

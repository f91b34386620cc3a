"""Stage 4, refine: keep the pairs whose sound and picture are called alike (paper section 3).

Rows in: `Pair` and `Labels`; rows out: `Verdict`, for the dropped pairs too, so that nothing is
lost unaccounted. The paper keeps a pair when the top-3 label sets of the two classifiers meet; k
and the rule are settings. A pair that has no class yet gets the label on which the two agree best.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from s2i_tf.errors import UserError
from tfrecords_tools.engine import grouping
from tfrecords_tools.engine.rows import Labels, Pair

NAME = "refine"
AGREE = "agree"
DISAGREE = "labels_disagree"
UNLABELLED = "unlabelled"

Rule = Callable[[Sequence[str], Sequence[str]], list[str]]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of a pair.

    Attributes:
      id: id of the pair.
      pair: the pair, with its class if it was kept.
      reason: `agree` if it was kept, else why it was dropped.
      sound_labels: the sound's labels, best first.
      image_labels: the picture's labels, best first.
    """

    id: str
    pair: Pair
    reason: str
    sound_labels: tuple[str, ...] = ()
    image_labels: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the pair goes on."""
        return self.reason == AGREE


def kept_pair(verdict: Verdict) -> Pair | None:
    """The pair that goes on; None of one that was dropped."""
    return verdict.pair if verdict.kept else None


def sets_meet(sound: Sequence[str], image: Sequence[str]) -> list[str]:
    """The paper's rule: the labels in both lists, the best placed in both together first."""
    return sorted(
        set(sound) & set(image), key=lambda name: (sound.index(name) + image.index(name), name)
    )


def first_in_other(sound: Sequence[str], image: Sequence[str]) -> list[str]:
    """Stricter: the first label of one side must be among the other's."""
    return [name for name in sets_meet(sound, image) if name in (sound[0], image[0])]


def first_equal(sound: Sequence[str], image: Sequence[str]) -> list[str]:
    """Strictest: both sides agree on their first label, whatever k is."""
    return [sound[0]] if sound[0] == image[0] else []


# Each gives the labels on which two lists agree, the best first; none if they don't.
RULES: dict[str, Rule] = {
    "sets_meet": sets_meet,
    "first_in_other": first_in_other,
    "first_equal": first_equal,
}


def judge(
    pair: Pair, sound: Labels | None, image: Labels | None, rule: Rule, top_k: int
) -> Verdict:
    """Decides on one pair.

    Args:
      pair: the pair.
      sound: the labels of its sound, or None if it could not be read.
      image: the labels of its picture, or None if it could not be read.
      rule: function that tells on which labels two lists agree.
      top_k: how many labels of each side count.
    """
    if sound is None or image is None:
        return Verdict(pair.id, pair, UNLABELLED)
    common = rule(sound.names[:top_k], image.names[:top_k])
    if not common:
        return Verdict(pair.id, pair, DISAGREE, sound.names, image.names)
    named = dataclasses.replace(pair, class_name=pair.class_name or common[0])
    return Verdict(pair.id, named, AGREE, sound.names, image.names)


def check_labels(sound_names: Sequence[str], image_names: Sequence[str]) -> None:
    """Refuses two classifiers that never could agree.

    Raises:
      UserError: if they have no label in common.
    """
    if not set(sound_names) & set(image_names):
        raise UserError(
            f"--label_sound and --label_image have no label in common ({sound_names[0]!r} … and "
            f"{image_names[0]!r} …); allowed: classifiers of the same labels"
        )


def refine(
    pairs: Iterable[Pair], labels: Iterable[Labels], rule: str, top_k: int
) -> Iterator[Verdict]:
    """Joins the labels to the pairs, first by sound and then by picture, and judges each.

    Args:
      pairs: the pairs.
      labels: the labels of their sounds and pictures; read twice.
      rule: a key of `RULES`.
      top_k: how many labels of each side count.
    """
    with_sound = _join(((pair,) for pair in pairs), labels, side=0)
    for pair, sound, image in _join(with_sound, labels, side=1):
        yield judge(pair, sound, image, RULES[rule], top_k)


def _join(rows: Iterable[tuple], labels: Iterable[Labels], side: int) -> Iterator[tuple]:
    """Rows that begin with a pair, with the labels of its sound or picture at their end."""

    def key(row: tuple | Labels) -> str:
        return row.key if isinstance(row, Labels) else row[0].item_keys[side]

    for _, group in grouping.grouped(itertools.chain(labels, rows), key):
        found = None  # labels come first, as they went in first
        for row in group:
            if isinstance(row, Labels):
                found = row
            else:
                yield *row, found

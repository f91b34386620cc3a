"""Augmented copies of the training sounds, each a pair and an item of its own.

A copy is marked by its id (`…#view=2`) and has the group of its sound, so it never crosses a split.
`s2i_tf.data.sound_views` says what it is made of; the extraction makes it, and nothing of it is
stored but its features.
"""

import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Iterator

from s2i_tf import spec
from s2i_tf.data import source_sounds, splits
from tfrecords_tools.engine.rows import Item, Pair


def with_views(pairs: Iterable[Pair], num_views: int) -> Iterator[Pair]:
    """The pairs, each training pair followed by as many of copies of its sound and its picture."""
    for pair in pairs:
        yield pair
        for number in range(1, num_views + 1) if pair.split == spec.TRAIN_SPLIT else ():
            sound_id = source_sounds.view_id(pair.sound_id, number)
            yield dataclasses.replace(pair, id=f"{sound_id}|{pair.image_id}", sound_id=sound_id)


def view_items(
    items: Iterable[Item], pairs: Iterable[Pair], wanted: Collection[str], seed: int
) -> Iterator[Item]:
    """The items that are wanted, and the copies of sounds that are.

    Args:
      items: all sounds and pictures; gone through twice where there are copies.
      pairs: all pairs, those of copies among them.
      wanted: keys of items and of copies.
      seed: random seed of the copies, and of what lies underneath.
    """
    copies: dict[str, set[str]] = {}
    classes: dict[str, str] = {}
    for pair in pairs:
        original = source_sounds.original_id(pair.sound_id)
        if original != pair.sound_id:
            copies.setdefault(original, set()).add(pair.sound_id)
            classes[original] = pair.class_name
    training = sorted(classes)
    originals = (item for item in items if item.id in classes) if classes else ()
    contents = {item.id: item.content for item in originals}
    for item in items:
        if item.key in wanted:
            yield item
        for view_id in sorted(copies.get(item.id, ())) if item.modality == "sound" else ():
            underneath = _underneath(view_id, training, classes, seed)
            view = dataclasses.replace(
                item,
                id=view_id,
                content=f"{item.content}+{contents.get(underneath, '')}",
                view_seed=_number(f"{seed}/{view_id}"),
                underneath=underneath,
            )
            if view.key in wanted:
                yield view


def _underneath(view_id: str, training: list[str], classes: dict[str, str], seed: int) -> str:
    """A training sound of another class, if there is one."""
    own = classes[source_sounds.original_id(view_id)]
    first = int(splits.stable_fraction(view_id, f"{seed}/underneath") * len(training))
    turned = (training[(first + step) % len(training)] for step in range(len(training)))
    return next((sound_id for sound_id in turned if classes[sound_id] != own), "")


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") or 1

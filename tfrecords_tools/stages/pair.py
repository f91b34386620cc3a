"""Stage 3, pair: which sound stands with which picture.

Rows in: `Item`; rows out: `Pair`. What belongs together by nature (the sound and the frame of one
window, a rendered scene) is paired so. In a folder by class every other sound of a class is paired
with a photo of the class and of the same side of the split, as the paper's pairs are: because both
are of one class. Every sound and every photo is used; the smaller side goes round again, in another
order each time.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from s2i_tf.data import splits
from tfrecords_tools.engine import grouping
from tfrecords_tools.engine.rows import Item, Pair, Quarantined

NAME = "pair"


def pair_items(items: Iterable[Item], seed: int | str, by_class: bool) -> Iterator[Pair]:
    """Pairs what belongs together and, where that is wanted, the rest by class and side.

    Args:
      items: sounds and pictures; read twice.
      seed: random seed of the draw.
      by_class: whether items that belong to nothing are paired within their class.
    """

    def key(item: Item) -> str:
        natural = (item.belongs_to, item.class_name)
        return "/".join(natural if item.belongs_to else (item.class_name, item.split))

    for natural in (True, False) if by_class else (True,):
        chosen = (item for item in items if bool(item.belongs_to) == natural)
        for name, group in grouping.grouped(chosen, key):
            sides: dict[str, list[Item]] = {"sound": [], "image": []}
            for item in group:
                sides[item.modality].append(item)
            yield from draw(sides["sound"], sides["image"], f"{seed}/{name}")


def draw(sounds: Sequence[Item], images: Sequence[Item], salt: str) -> list[Pair]:
    """Pairs every sound and every image at least once.

    Args:
      sounds: sounds of one class and one side of the split.
      images: photos of the same class and side.
      salt: text that seeds the order.

    Returns:
      As many pairs as the larger side has items, or none if one side is empty.
    """
    if not sounds or not images:
        return []
    num_pairs = max(len(sounds), len(images))
    drawn = zip(_rounds(sounds, salt), _rounds(images, salt), strict=False)
    return [
        _pair(sound, image, rank)
        for rank, (sound, image) in enumerate(itertools.islice(drawn, num_pairs))
    ]


def unpaired(items: Sequence[Item], pairs: Iterable[Pair]) -> list[Quarantined]:
    """The items of a folder by class that no pair holds, and why.

    Args:
      items: sounds and pictures that can be used.
      pairs: the pairs that were made of them.
    """
    paired = {key for pair in pairs for key in pair.item_keys}
    present = {(item.modality, item.class_name) for item in items}
    found = []
    for item in items:
        if item.key in paired:
            continue
        other, noun = ("image", "photo") if item.modality == "sound" else ("sound", "sound")
        if (other, item.class_name) not in present:
            text = f"its class, {item.class_name!r}, has no {noun} that can be used"
        elif item.belongs_to:
            text = f"no {noun} that it belongs to can be used"
        else:
            text = f"no {noun} of its class is on its side of the split"
        found.append(Quarantined(item.path, NAME, "unpaired", text))
    return found


def _rounds(items: Sequence[Item], salt: str) -> Iterator[Item]:
    """The items without end, each round in another order."""
    by_id = {item.id: item for item in items}
    for number in itertools.count():
        for item_id in splits.stable_order(by_id, f"{salt}/{items[0].modality}/{number}"):
            yield by_id[item_id]


def _pair(sound: Item, image: Item, rank: int) -> Pair:
    same = sound.id == image.id
    return Pair(
        id=sound.id if same else f"{sound.id}|{image.id}",
        sound_id=sound.id,
        image_id=image.id,
        group=sound.group,
        contents=tuple(sorted({sound.content, image.content})),
        class_name=sound.class_name,
        split=sound.split,
        rank=rank,
    )

"""Stage 3, pair: which sound stands with which picture.

Rows in: `Item`; rows out: `Pair`. What belongs together by nature (the sound and the frame of one
window, a rendered scene) is paired so. In a folder by class every other sound of a class is paired
with a photo of the class and of the same side of the split, as the paper's pairs are: because both
are of one class. Every sound and every photo is used; the smaller side goes round again, in another
order each time.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam

from s2i_tf.data import splits
from tfrecords_tools.engine.rows import Item, Pair

NAME = "pair"


class PairItems(beam.PTransform):
    """Beam transform: `Item`s to `Pair`s."""

    def __init__(self, seed: int, by_class: bool):
        super().__init__()
        self._seed = seed
        self._by_class = by_class

    def expand(self, pcoll):
        """Groups by what belongs together, and by class and side for the rest."""
        pairs = [
            pcoll
            | "Natural" >> beam.Filter(lambda item: bool(item.belongs_to))
            | "By moment" >> beam.WithKeys(lambda item: (item.belongs_to, item.class_name))
            | "Group moments" >> beam.GroupByKey()
            | "Pair moments" >> beam.FlatMapTuple(self._pair_group)
        ]
        if self._by_class:
            pairs.append(
                pcoll
                | "Loose" >> beam.Filter(lambda item: not item.belongs_to)
                | "By class" >> beam.WithKeys(lambda item: (item.class_name, item.split))
                | "Group classes" >> beam.GroupByKey()
                | "Pair classes" >> beam.FlatMapTuple(self._pair_group)
            )
        return pairs | beam.Flatten()

    def _pair_group(self, key: tuple[str, str], items: Iterable[Item]) -> list[Pair]:
        sides = {"sound": [], "image": []}
        for item in items:
            sides[item.modality].append(item)
        return draw(sides["sound"], sides["image"], f"{self._seed}/{'/'.join(key)}")


def draw(sounds: Sequence[Item], images: Sequence[Item], salt: str) -> list[Pair]:
    """Pairs every sound and every image at least once.

    Args:
      sounds: of one class and one side of the split.
      images: of the same.
      salt: seed of the order.

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

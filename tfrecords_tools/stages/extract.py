"""Stage 7, extract: the features of every sound and picture that a pair needs, once each.

Rows in: `Item`; rows out: `Extracted`, which say where in the part's `.bin` file an item lies: its
features as float32, and after a picture's features the square picture as JPEG. The next stage
reads single items by their place, so nothing has to be sorted or held in memory.
"""

import dataclasses
import functools
from typing import Any

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.features.base import Modality
from s2i_tf.media import image
from tfrecords_tools.engine import clock, nets, parts, rows, storage
from tfrecords_tools.engine.row_tables import Table
from tfrecords_tools.engine.rows import Item, OfItem

JPEG_QUALITY = 95
_FEATURE_BYTES = spec.FEATURE_SIZE * 4
_INDICES_IN_MEMORY = 1024


@dataclasses.dataclass(frozen=True)
class Extracted(OfItem):
    """Where an item's features lie."""

    offset: int
    num_bytes: int


@dataclasses.dataclass(frozen=True)
class Extract(nets.NetStage):
    """The stage; its nets are extractors.

    Attributes:
      image_side: width and height of the pictures that are kept.
    """

    image_side: int = spec.IMAGE_SIDE

    name = "extract"
    seconds_per_row = 0.03

    def config(self) -> dict[str, Any]:
        """The nets' fingerprints and the pictures' form."""
        picture = {"image_side": self.image_side, "jpeg_quality": JPEG_QUALITY}
        return {**picture, **super().config()}

    def run(self, items: list[Item], output: parts.Output) -> list[str]:
        """Extracts the items of one part."""
        index: list[Extracted] = []
        pictures: dict[str, bytes] = {}

        def keep(item: Item, decoded: np.ndarray) -> None:
            if item.modality == "image":
                square = image.square(decoded, self.image_side)
                pictures[item.id] = image.encode_jpeg(square, JPEG_QUALITY)

        found = self.outputs(items, output, keep)
        with storage.writing(output.path(".bin")) as temporary, open(temporary, "wb") as file:
            for net, item, features in found:
                if features.shape != (spec.FEATURE_SIZE,):
                    raise UserError(
                        f"extractor {net.name!r} gives features of {features.shape}; allowed: "
                        f"({spec.FEATURE_SIZE},)"
                    )
                payload = features.astype("<f4").tobytes() + pictures.pop(item.id, b"")
                with clock.measure("write"):
                    index.append(Extracted(item.id, item.modality, file.tell(), len(payload)))
                    file.write(payload)
        output.add(".bin")
        output.write(".jsonl", rows.to_lines(index))
        return [row.key for row in index]


class FeatureStore:
    """Reads what the stage wrote, item by item, by a few bytes at a known place.

    Args:
      rounds: the stage's output, of each time that it ran.
    """

    def __init__(self, rounds: tuple[Table, ...]):
        self._rounds = rounds
        self._index = functools.lru_cache(_INDICES_IN_MEMORY)(self._read_index)

    def read(self, modality: Modality, item_id: str) -> tuple[np.ndarray, bytes]:
        """The features float32 [4096] and, of a picture, its JPEG.

        Raises:
          KeyError: if the item was not extracted.
        """
        for table in self._rounds:
            path = table.paths[parts.place(item_id, len(table.paths))]
            if found := self._index(path).get(rows.item_key(modality, item_id)):
                with storage.open_for_reading(path.removesuffix(".jsonl") + ".bin") as file:
                    file.seek(found.offset)
                    payload = file.read(found.num_bytes)
                return np.frombuffer(payload[:_FEATURE_BYTES], "<f4"), payload[_FEATURE_BYTES:]
        raise KeyError(item_id)

    def _read_index(self, path: str) -> dict[str, Extracted]:
        return {row.key: row for row in rows.from_lines(Extracted, storage.read(path))}

"""Stage 8, write: the shards, `NAME-SPLIT.tfrecord-00003-of-00016`.

Rows in: the `Pair`s of one shard, in their order; out: its TFRecord file. The pairs' order follows
from a stable hash of their ids, so classes are mixed and the order is always the same. Features are
raw bytes and pictures JPEG, uncompressed at file level.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf import spec
from s2i_tf.data import dataset_info, splits
from tfrecords_tools.engine import clock, parts, rows, storage
from tfrecords_tools.engine.row_tables import Table
from tfrecords_tools.engine.rows import Pair, TooFewLeft
from tfrecords_tools.stages import extract

SHARD_BYTES = 128 << 20
MIN_TRAIN_SHARDS = 4
_JPEG_BYTES_PER_PIXEL = 0.6


@dataclasses.dataclass(frozen=True)
class Write(parts.Stage):
    """The stage.

    Attributes:
      rounds: tables of the extracted features.
      class_names: names of the classes in the order of the labels.
      feature_dtype: dtype of the features in the records.
      fingerprints: digests by key, as the records hold them.
      features_digest: digest of all that was extracted.
    """

    rounds: tuple[Table, ...]
    class_names: tuple[str, ...]
    feature_dtype: str
    fingerprints: tuple[tuple[str, str], ...]
    features_digest: str

    name = "write"
    row_type = Pair
    seconds_per_row = 0.002

    def config(self) -> dict[str, Any]:
        """What the records depend on beside the pairs."""
        return {
            "features_digest": self.features_digest,
            "class_names": self.class_names,
            "feature_dtype": self.feature_dtype,
            **dict(self.fingerprints),
        }

    def begin(self, folder: str) -> None:
        """Removes the description of what was there, which would pass for that of new shards."""
        if storage.exists(storage.join(folder, dataset_info.FILE_NAME)):
            storage.remove(folder, [dataset_info.FILE_NAME])

    def run(self, pairs: list[Pair], output: parts.Output) -> list[str]:
        """Writes one shard."""
        import tensorflow as tf

        store = extract.FeatureStore(self.rounds)
        with clock.measure("write"):
            with storage.writing(output.path("")) as path, tf.io.TFRecordWriter(path) as writer:
                for pair in pairs:
                    writer.write(self._record(pair, store))
            output.add("")
        return [pair.id for pair in pairs]

    def _record(self, pair: Pair, store: extract.FeatureStore) -> bytes:
        from s2i_tf.data import schema

        sound_features, _ = store.read("sound", pair.sound_id)
        image_features, picture = store.read("image", pair.image_id)
        record = schema.PairRecord(
            id=pair.id,
            label=self.class_names.index(pair.class_name),
            group=pair.group,
            sound_features=sound_features,
            image_features=image_features,
            image=picture,
            sound_id=pair.sound_id,
            image_id=pair.image_id,
            **dict(self.fingerprints),
        )
        return schema.encode(record, self.feature_dtype)


def plan(dealt: Mapping[str, Mapping[str, Sequence[Pair]]], folder: str) -> Table:
    """Writes down which pairs go into which shard.

    Args:
      dealt: what `deal` gave.
      folder: folder that gets the rows of each shard.

    Returns:
      The rows of the shards, of the splits in turn.
    """
    pairs_of = {shard: pairs for found in dealt.values() for shard, pairs in found.items()}
    for shard, pairs in pairs_of.items():
        storage.write(storage.join(folder, f"{shard}.jsonl"), rows.to_lines(pairs))
    parts.remove_strangers(folder, set(pairs_of))
    return Table(folder, tuple(pairs_of))


def deal(
    chosen: Iterable[Pair],
    name: str,
    shards: int,
    feature_dtype: str,
    image_side: int,
    seed: int,
    *,
    needed: Sequence[str] = spec.SPLITS,
) -> dict[str, dict[str, list[Pair]]]:
    """Deals the pairs to shards.

    Args:
      chosen: all pairs that are wanted.
      name: prefix of the shards.
      shards: number of training shards, or 0 to choose by size.
      feature_dtype: dtype of the features in the records.
      image_side: width and height of the pictures in the records.
      seed: random seed of the order.
      needed: the splits that must not be empty.

    Returns:
      By split, the pairs of each shard by its name.

    Raises:
      UserError: if a split would be empty that is needed.
    """
    by_split: dict[str, list[Pair]] = {split: [] for split in spec.SPLITS}
    for row in chosen:
        by_split[row.split].append(row)
    for split, pairs in by_split.items():
        if not pairs and split in needed:
            raise TooFewLeft(
                f"no pair is left for {split}; allowed: at least two recordings and two photos "
                "that can be read and belong together"
            )
    counts = {split: len(pairs) for split, pairs in by_split.items()}
    num_shards = num_shards_for(counts, shards, feature_dtype, image_side)
    dealt: dict[str, dict[str, list[Pair]]] = {}
    for split, pairs in by_split.items():
        num = num_shards[split]
        # The shards are equal slices of this order.
        pairs.sort(key=lambda row: (splits.stable_fraction(row.id, f"{seed}/order"), row.id))
        dealt[split] = {
            f"{name}-{split}.tfrecord-{index:05d}-of-{num:05d}": pairs[
                len(pairs) * index // num : len(pairs) * (index + 1) // num
            ]
            for index in range(num)
        }
    return dealt


def num_shards_for(
    counts: Mapping[str, int], wanted: int, feature_dtype: str, image_side: int
) -> dict[str, int]:
    """How many shards each split gets; those of evaluation are about as large.

    Args:
      counts: number of pairs of each split.
      wanted: number of training shards, or 0 to choose by size.
      feature_dtype: dtype of the features in the records.
      image_side: width and height of the pictures in the records.
    """
    num_train, num_eval = counts[spec.TRAIN_SPLIT], counts[spec.EVAL_SPLIT]
    record_bytes = 2 * spec.FEATURE_SIZE * np.dtype(feature_dtype).itemsize
    record_bytes += _JPEG_BYTES_PER_PIXEL * image_side**2
    by_size = math.ceil(num_train * record_bytes / SHARD_BYTES)
    train = min(wanted or max(by_size, MIN_TRAIN_SHARDS), num_train)
    of_eval = train * num_eval / num_train if num_train else num_eval * record_bytes / SHARD_BYTES
    return {spec.TRAIN_SPLIT: train, spec.EVAL_SPLIT: min(max(1, round(of_eval)), num_eval)}

"""Stage 8, write: the shards, `NAME-SPLIT.tfrecord-00003-of-00016`.

Rows in: the `Pair`s of one shard, in their order; out: its TFRecord file. A pair's shard and its place
there follow from a stable hash of its id, so classes are mixed and the order is the same
always. Features are raw bytes and pictures JPEG, uncompressed at file level.
"""

import dataclasses
import math
from typing import Any

from s2i_tf import spec
from s2i_tf.data import splits
from tfrecords_tools import clock, extract, files, parts, rows
from tfrecords_tools.rows import Pair

SHARD_BYTES = 128 << 20
MIN_TRAIN_SHARDS = 4
_JPEG_BYTES = 10_000


@dataclasses.dataclass(frozen=True)
class Write(parts.Stage):
    """The stage.

    Attributes:
      features: folder of the extracted features.
      rounds: the parts of each round of extraction.
      features_digest: of these parts' contents.
      class_names: in the order of the labels.
      feature_dtype: of the records.
      fingerprints: digests by key, as the records hold them.
    """

    features: str
    rounds: tuple[tuple[str, ...], ...]
    features_digest: str
    class_names: tuple[str, ...]
    feature_dtype: str
    fingerprints: tuple[tuple[str, str], ...]

    name = "write"

    def config(self) -> dict[str, Any]:
        """What the records depend on beside the pairs."""
        return {
            "features_digest": self.features_digest,
            "class_names": self.class_names,
            "feature_dtype": self.feature_dtype,
            **dict(self.fingerprints),
        }

    def run(self, part: parts.Part, output: parts.Output) -> list[str]:
        """Writes one shard."""
        import tensorflow as tf

        store = extract.FeatureStore(self.features, self.rounds)
        pairs = rows.from_lines(Pair, files.read(part.source))
        with clock.measure("write"):
            with files.writing(output.path("")) as path, tf.io.TFRecordWriter(path) as writer:
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


def num_shards_for(num_train: int, num_eval: int, wanted: int, feature_bytes: int) -> dict[str, int]:
    """How many shards each split gets.

    Args:
      num_train: training pairs.
      num_eval: evaluation pairs, which get shards of about the same size.
      wanted: training shards, or 0 to choose by size.
      feature_bytes: of one number.
    """
    record_bytes = 2 * spec.FEATURE_SIZE * feature_bytes + _JPEG_BYTES
    by_size = math.ceil(num_train * record_bytes / SHARD_BYTES)
    train = max(1, min(wanted or max(by_size, MIN_TRAIN_SHARDS), num_train))
    return {
        spec.TRAIN_SPLIT: train,
        spec.EVAL_SPLIT: max(1, round(train * num_eval / max(num_train, 1))),
    }


def order_key(pair: Pair, seed: int) -> tuple[float, str]:
    """Places a pair among its split: the shards are equal slices of this order."""
    return splits.stable_fraction(pair.id, f"{seed}/order"), pair.id


if __name__ == "__main__":
    from tfrecords_tools import commands

    commands.main(Write.name)

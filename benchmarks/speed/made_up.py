"""Prepared data sets of random features and made-up pictures, for benchmarks."""

import hashlib
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.data import dataset_info, schema

_NAME = "made_up"
_FINGERPRINTS = {"sound_fingerprint": "made up", "image_fingerprint": "made up"}


def write_dataset(
    folder: pathlib.Path,
    splits: Mapping[str, Sequence[int]],
    class_names: Sequence[str],
    picture: Callable[[int, np.random.Generator], bytes],
    feature_dtype: str = "float16",
) -> None:
    """Writes shards and what describes them into a new folder.

    Args:
      folder: that is not there yet.
      splits: how many records each shard of a split has. The classes take turns in a shard.
      class_names: by label.
      picture: from a label and a source of random numbers to an encoded picture.
      feature_dtype: of the features.
    """
    folder.mkdir()
    rng = np.random.default_rng(0)
    written = {}
    for split, sizes in splits.items():
        shards = []
        for shard, num_records in enumerate(sizes):
            path = folder / f"{_NAME}-{split}.tfrecord-{shard:05}-of-{len(sizes):05}"
            with tf.io.TFRecordWriter(str(path)) as writer:
                for index in range(num_records):
                    sound, photo = rng.standard_normal((2, spec.FEATURE_SIZE), np.float32)
                    label = index % len(class_names)
                    record = schema.PairRecord(
                        id=f"{split}/{shard}/{index}",
                        label=label,
                        group=f"recording {split}/{shard}/{index}",
                        sound_features=sound,
                        image_features=photo,
                        image=picture(label, rng),
                        sound_id=f"sounds/{shard}/{index}.wav",
                        image_id=f"images/{shard}/{index}.jpg",
                        **_FINGERPRINTS,
                    )
                    writer.write(schema.encode(record, feature_dtype))
            contents = path.read_bytes()
            digest = hashlib.sha256(contents).hexdigest()
            shards.append(dataset_info.Shard(path.name, num_records, len(contents), digest))
        written[split] = tuple(shards)
    dataset_info.DatasetInfo(
        name=_NAME,
        class_names=tuple(class_names),
        feature_dtype=feature_dtype,
        fingerprints=_FINGERPRINTS,
        extractors={"sound": _NAME, "image": _NAME},
        nets={},
        splits=written,
        source=str(folder),
    ).save(folder)

"""Shards to batches: a `tf.data` pipeline for training and whole splits as arrays for evaluation.

Every shard is checked when the pipeline is built (present, of the size and count that
`dataset_info.json` says, of this schema version, with the data set's fingerprints), so that a
wrong shard is one clear error at the start and not a surprise hours later.
"""

import os
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from s2i_tf.data import dataset_info, schema
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError

_READ_BYTES = 8 << 20
_CYCLE_LENGTH = 4
_SHUFFLE_RECORDS = 4096
_EVALUATION_BATCH = 256


def build_dataset(
    data_dir: str | os.PathLike,
    split: str,
    batch_size: int,
    *,
    seed: int = 0,
    with_image: bool = True,
    skip_batches: int = 0,
) -> tf.data.Dataset:
    """Endless shuffled batches of a split, the same for the same seed.

    Args:
      data_dir: folder that `s2i prepare` wrote.
      split: `train` or `eval`.
      batch_size: pairs in a batch; every batch is full.
      seed: of the order, which differs from epoch to epoch.
      with_image: also decode the pictures.
      skip_batches: how many to leave out at the start, cheaply: for a run that goes on.

    Returns:
      A data set of mappings as of `schema.parse_batch`.

    Raises:
      UserError: if the data set is missing, damaged, too small or of another version.
    """
    info = dataset_info.load(data_dir)
    shards = _checked_shards(pathlib.Path(data_dir), info, split)
    num_records = info.num_records(split)
    if num_records == 0:
        raise UserError(f"{data_dir}: the split {split!r} is empty")

    files = tf.data.Dataset.from_tensor_slices([str(shard) for shard in shards])
    files = files.shuffle(len(shards), seed=seed)
    records = files.interleave(
        lambda file: tf.data.TFRecordDataset(file, buffer_size=_READ_BYTES),
        cycle_length=_CYCLE_LENGTH,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    records = records.shuffle(min(num_records, _SHUFFLE_RECORDS), seed=seed).repeat()
    batches = records.batch(batch_size, drop_remainder=True).skip(skip_batches)
    batches = batches.map(
        lambda serialized: schema.parse_batch(
            serialized, info.feature_dtype, with_image=with_image
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return batches.prefetch(tf.data.AUTOTUNE)


def load_split(
    data_dir: str | os.PathLike, split: str, *, with_image: bool = True
) -> dict[str, np.ndarray]:
    """A whole split in memory, in the order of its shards.

    Returns:
      Arrays by key as of `schema.parse_batch`, the strings as objects of type `str`.

    Raises:
      UserError: if the data set is missing, damaged or of another version.
    """
    info = dataset_info.load(data_dir)
    shards = _checked_shards(pathlib.Path(data_dir), info, split)
    batches = list(_parsed(shards, info, with_image))
    if not batches:
        raise UserError(f"{data_dir}: the split {split!r} is empty")
    columns = {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
    for key, column in columns.items():
        if column.dtype == object:
            columns[key] = np.array([value.decode() for value in column], dtype=object)
    return columns


def _parsed(
    shards: list[pathlib.Path], info: DatasetInfo, with_image: bool
) -> Iterator[dict[str, np.ndarray]]:
    for shard in shards:
        dataset = tf.data.TFRecordDataset(str(shard), buffer_size=_READ_BYTES)
        for serialized in dataset.batch(_EVALUATION_BATCH):
            batch = schema.parse_batch(serialized, info.feature_dtype, with_image=with_image)
            batch = {key: value.numpy() for key, value in batch.items()}
            schema.check(batch, info.fingerprints, str(shard))
            yield batch


def _checked_shards(folder: pathlib.Path, info: DatasetInfo, split: str) -> list[pathlib.Path]:
    if split not in info.splits:
        raise UserError(f"unknown split {split!r}; known: {', '.join(sorted(info.splits))}")
    paths = []
    for shard in info.splits[split]:
        path = folder / shard.file
        try:
            num_bytes = path.stat().st_size
        except OSError:
            raise UserError(f"{path}: the shard is missing") from None
        if num_bytes != shard.num_bytes:
            raise UserError(
                f"{path}: {num_bytes} bytes; {dataset_info.FILE_NAME} says {shard.num_bytes}"
            )
        if shard.num_records:
            _check_first_record(path, info)
            paths.append(path)
    return paths


def _check_first_record(path: pathlib.Path, info: DatasetInfo) -> None:
    try:
        first = next(iter(tf.data.TFRecordDataset(str(path)).take(1).batch(1)))
        parsed = schema.parse_batch(first, info.feature_dtype, with_image=False)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, StopIteration) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is empty"
        raise UserError(f"{path}: not a shard of this data set: {reason}") from None
    schema.check(parsed, info.fingerprints, str(path))

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
    shards = checked_shards(data_dir, info, split)
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


def build_balanced_dataset(
    data_dir: str | os.PathLike,
    split: str,
    batch_size: int,
    *,
    seed: int = 0,
    with_image: bool = True,
    skip_batches: int = 0,
    repair_pairs: bool = False,
) -> tf.data.Dataset:
    """Endless batches in which every class has the same share, drawn from a split in memory.

    The classes of a batch are a random order of all, again and again until it is full; within its
    class each record, or each sound and each photo, is drawn with the same chance. What batch n
    holds follows from the seed and n alone, so that leaving out batches costs nothing. The records
    stay in memory as they are on disk, their pictures encoded: 27 MB for 1,000 pairs.

    Args:
      data_dir: folder that `s2i prepare` wrote.
      split: `train` or `eval`.
      batch_size: pairs in a batch.
      seed: of the draws.
      with_image: also decode the pictures.
      skip_batches: how many to leave out at the start.
      repair_pairs: pair a random sound of the class with a random photo of the class instead of
        drawing whole records: for data whose pairs have nothing in common but their class.

    Returns:
      A data set of mappings as of `schema.parse_batch`.

    Raises:
      UserError: as `build_dataset`.
    """
    info = dataset_info.load(data_dir)
    shards = checked_shards(data_dir, info, split)
    if not shards:
        raise UserError(f"{data_dir}: the split {split!r} is empty")
    columns, records = _columns_and_records(shards, info)
    records = tf.constant(records)
    labels = columns[schema.KEY_LABEL]
    draw_sound = _RowsByClass(labels, columns[schema.KEY_SOUND_ID] if repair_pairs else None)
    draw_image = _RowsByClass(labels, columns[schema.KEY_IMAGE_ID] if repair_pairs else None)
    num_classes = len(np.unique(labels))

    def batch_of(number: tf.Tensor) -> dict[str, tf.Tensor]:
        # One row of draws a purpose: the order of the classes, the sounds, the photos.
        salt = tf.stack([tf.constant(seed, tf.int64), number])
        num_rounds = -(-batch_size // num_classes)
        order = tf.random.stateless_uniform([num_rounds, num_classes], salt)
        classes = tf.reshape(tf.argsort(order, axis=1), [-1])[:batch_size]
        draws = tf.random.stateless_uniform([2, batch_size], salt + [1 << 32, 0])
        sounds = draw_sound(classes, draws[0])
        if not repair_pairs:
            return parse(tf.gather(records, sounds), with_image)
        images = draw_image(classes, draws[1])
        return _repaired(
            parse(tf.gather(records, sounds), False), parse(tf.gather(records, images), with_image)
        )

    def parse(serialized: tf.Tensor, with_image: bool) -> dict[str, tf.Tensor]:
        return schema.parse_batch(serialized, info.feature_dtype, with_image=with_image)

    numbers = tf.data.Dataset.range(skip_batches, np.iinfo(np.int64).max)
    batches = numbers.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def take_apart(sounds: tf.data.Dataset, photos: tf.data.Dataset) -> tf.data.Dataset:
    """Batches of the sound features of the one and the image features of the other."""
    return tf.data.Dataset.zip((sounds, photos)).map(
        lambda sound, photo: {
            schema.KEY_SOUND_FEATURES: sound[schema.KEY_SOUND_FEATURES],
            schema.KEY_IMAGE_FEATURES: photo[schema.KEY_IMAGE_FEATURES],
        }
    )


class _RowsByClass:
    """Draws a row of a class: any, or the first row of any item where rows repeat items."""

    def __init__(self, labels: np.ndarray, ids: np.ndarray | None):
        rows = np.arange(len(labels))
        if ids is not None:
            first_row = {}
            for row, item in enumerate(zip(labels, ids, strict=True)):
                first_row.setdefault(item, row)
            rows = np.array(list(first_row.values()))
        rows = rows[np.argsort(labels[rows], kind="stable")]
        _, first, counts = np.unique(labels[rows], return_index=True, return_counts=True)
        self._rows, self._first, self._counts = map(tf.constant, (rows, first, counts))

    def __call__(self, classes: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
        """Rows [batch] of the classes [batch], by their place among those present."""
        counts = tf.gather(self._counts, classes)
        place = tf.cast(tf.cast(draws, tf.float64) * tf.cast(counts, tf.float64), tf.int64)
        return tf.gather(self._rows, tf.gather(self._first, classes) + place)


def _repaired(sound: dict[str, tf.Tensor], image: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The pairs of the sounds of some records and the photos of others."""
    taken = {key: value for key, value in image.items() if key.startswith(schema.KEY_IMAGE)}
    pair_id = tf.strings.join([sound[schema.KEY_SOUND_ID], image[schema.KEY_IMAGE_ID]], "|")
    return {**sound, **taken, schema.KEY_ID: pair_id}


def _columns_and_records(
    shards: list[pathlib.Path], info: DatasetInfo
) -> tuple[dict[str, np.ndarray], list[bytes]]:
    """Label and ids of all records of the shards, and the records as they are."""
    keys = (schema.KEY_LABEL, schema.KEY_SOUND_ID, schema.KEY_IMAGE_ID)
    parts = [{key: batch[key] for key in keys} for batch in _parsed(shards, info, False)]
    columns = {key: np.concatenate([part[key] for part in parts]) for key in keys}
    files = (tf.data.TFRecordDataset(str(shard), buffer_size=_READ_BYTES) for shard in shards)
    return columns, [record for file in files for record in file.as_numpy_iterator()]


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
    shards = checked_shards(data_dir, info, split)
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


def checked_shards(
    data_dir: str | os.PathLike, info: DatasetInfo, split: str
) -> list[pathlib.Path]:
    """The shards of a split that hold records, after every check but that of each record.

    Raises:
      UserError: if the split is unknown, or a shard missing, damaged or of another version.
    """
    paths = list(dataset_info.shard_files(data_dir, info, split))
    for path in paths:
        _check_first_record(path, info)
    return paths


def _check_first_record(path: pathlib.Path, info: DatasetInfo) -> None:
    try:
        first = next(iter(tf.data.TFRecordDataset(str(path)).take(1).batch(1)))
        parsed = schema.parse_batch(first, info.feature_dtype, with_image=False)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, StopIteration) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is empty"
        raise UserError(f"{path}: not a shard of this data set: {reason}") from None
    schema.check(parsed, info.fingerprints, str(path))

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

from s2i_tf.data import damage, dataset_info, schema
from s2i_tf.data.dataset_info import DatasetInfo

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
      seed: random seed of the order, which differs from epoch to epoch.
      with_image: whether to decode the pictures too.
      skip_batches: number of batches to leave out at the start, cheaply: for a run that goes on.

    Returns:
      A data set of mappings as of `schema.parse_batch`.

    Raises:
      UserError: if the data set is missing, damaged, too small or of another version.
    """
    info = dataset_info.load(data_dir)
    records = build_records(data_dir, info, split, seed=seed)
    batches = records.batch(batch_size, drop_remainder=True).skip(skip_batches)
    batches = batches.map(
        lambda serialized: schema.parse_batch(
            serialized, info.feature_dtype, image_side=info.image_side, with_image=with_image
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return batches.prefetch(tf.data.AUTOTUNE)


def build_records(
    data_dir: str | os.PathLike, info: DatasetInfo, split: str, *, seed: int = 0
) -> tf.data.Dataset:
    """The serialised records of a split, endlessly, in the order that `build_dataset` takes them.

    Args:
      data_dir: folder of the data set.
      info: description of the data set.
      split: `train` or `eval`.
      seed: random seed of the order.

    Raises:
      UserError: as `build_dataset`.
    """
    shards = damage.checked_shards(data_dir, info, split)
    files = tf.data.Dataset.from_tensor_slices([str(shard) for shard in shards])
    files = files.shuffle(len(shards), seed=seed)
    # One after the other: to hand single records from thread to thread costs half of reading them.
    records = files.interleave(
        lambda file: tf.data.TFRecordDataset(file, buffer_size=_READ_BYTES),
        cycle_length=_CYCLE_LENGTH,
        num_parallel_calls=None,
    )
    return records.shuffle(min(info.num_records(split), _SHUFFLE_RECORDS), seed=seed).repeat()


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
    are read once and stay in memory as they are on disk, features in their dtype and pictures as
    files: 27 MB for 1,000 pairs.

    Args:
      data_dir: folder that `s2i prepare` wrote.
      split: `train` or `eval`.
      batch_size: pairs in a batch.
      seed: random seed of the draws.
      with_image: whether to decode the pictures too.
      skip_batches: number of batches to leave out at the start.
      repair_pairs: pair a random sound of the class with a random photo of the class instead of
        drawing whole records: for data whose pairs have nothing in common but their class.

    Returns:
      A data set of mappings as of `schema.parse_batch`.

    Raises:
      UserError: as `build_dataset`.
    """
    info = dataset_info.load(data_dir)
    shards = damage.checked_shards(data_dir, info, split)
    with damage.named(data_dir, split):
        parts = list(_parsed(shards, info, with_image))
        columns = {key: tf.concat([part[key] for part in parts], axis=0) for key in parts[0]}
    labels = columns[schema.KEY_LABEL].numpy()
    sound_ids, image_ids = (
        columns[key].numpy() if repair_pairs else None
        for key in (schema.KEY_SOUND_ID, schema.KEY_IMAGE_ID)
    )
    draw_sound, draw_image = _RowsByClass(labels, sound_ids), _RowsByClass(labels, image_ids)
    num_classes = len(np.unique(labels))

    def batch_of(number: tf.Tensor) -> dict[str, tf.Tensor]:
        # One row of draws a purpose: the order of the classes, the sounds, the photos.
        salt = tf.stack([tf.constant(seed, tf.int64), number])
        num_rounds = -(-batch_size // num_classes)
        order = tf.random.stateless_uniform([num_rounds, num_classes], salt)
        classes = tf.reshape(tf.argsort(order, axis=1), [-1])[:batch_size]
        draws = tf.random.stateless_uniform([2, batch_size], salt + [1 << 32, 0])
        sounds = draw_sound(classes, draws[0])
        images = draw_image(classes, draws[1]) if repair_pairs else sounds
        batch = {
            key: tf.gather(column, images if key.startswith(schema.KEY_IMAGE) else sounds)
            for key, column in columns.items()
        }
        if repair_pairs:
            names = [batch[schema.KEY_SOUND_ID], batch[schema.KEY_IMAGE_ID]]
            batch[schema.KEY_ID] = tf.strings.join(names, "|")
        return schema.decode_columns(batch, info.image_side)

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
        rows = schema.rows_by_class(labels, ids)
        counts = np.array([len(of_class) for of_class in rows])
        self._rows = tf.constant(np.concatenate(rows))
        self._first = tf.constant(np.cumsum(counts) - counts)
        self._counts = tf.constant(counts)

    def __call__(self, classes: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
        """Rows [batch] of the classes [batch], by their place among those present."""
        counts = tf.gather(self._counts, classes)
        place = tf.cast(tf.cast(draws, tf.float64) * tf.cast(counts, tf.float64), tf.int64)
        return tf.gather(self._rows, tf.gather(self._first, classes) + place)


def load_split(
    data_dir: str | os.PathLike, split: str, *, with_image: bool = True
) -> dict[str, np.ndarray]:
    """A whole split in memory, in the order of its shards.

    Returns:
      Arrays by key as of `schema.parse_batch`, the strings as objects of type `str`.

    Raises:
      UserError: if the data set is missing, damaged or of another version.
    """
    batches = []
    for batch in split_batches(data_dir, split, with_image=with_image):
        for key in schema.FEATURES:
            batch[key] = tf.cast(batch[key], tf.float32).numpy()
        batches.append(batch)
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def split_batches(
    data_dir: str | os.PathLike, split: str, *, with_image: bool = True
) -> Iterator[dict[str, np.ndarray]]:
    """As `load_split`, some records at a time, features in the dtype that they were written with.

    Raises:
      UserError: as `load_split`.
    """
    info = dataset_info.load(data_dir)
    shards = damage.checked_shards(data_dir, info, split)
    with damage.named(data_dir, split):
        for columns in _parsed(shards, info, with_image):
            decoded = schema.decode_columns(columns, info.image_side)
            stored = {key: columns[key] for key in schema.FEATURES}
            batch = {key: value.numpy() for key, value in (decoded | stored).items()}
            for key, column in batch.items():
                if column.dtype == object:
                    batch[key] = np.array([value.decode() for value in column], dtype=object)
            yield batch


def _parsed(
    shards: list[pathlib.Path], info: DatasetInfo, with_image: bool
) -> Iterator[dict[str, tf.Tensor]]:
    """Batches as of `schema.parse_columns`, each record read once and checked."""
    for shard in shards:
        dataset = tf.data.TFRecordDataset(str(shard), buffer_size=_READ_BYTES)
        for serialized in dataset.batch(_EVALUATION_BATCH):
            columns = schema.parse_columns(serialized, info.feature_dtype, with_image=with_image)
            schema.check(columns, info.fingerprints, str(shard))
            yield columns

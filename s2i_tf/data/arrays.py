"""The data of `s2i_tf.data.pipeline` as NumPy arrays, read without TensorFlow.

Same functions, same arguments, other draws. What batch n holds follows from the seed and n alone,
so that a run goes on anywhere at once. Threads make the next batches while one is trained on.
"""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from s2i_tf.data import damage, dataset_info, schema, tfrecords
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.iterating import ahead
from s2i_tf.media.image import load_image

_BATCHES_AHEAD = 4
_MAX_THREADS = 8

Batch = dict[str, np.ndarray]


class Batches:
    """Endless batches, made ahead by threads; each iteration starts at the same one.

    Args:
      make: from the number of a batch to the batch.
      start: number of the first.
    """

    def __init__(self, make: Callable[[int], Batch], start: int):
        self.make = make
        self.start = start

    def __iter__(self) -> Iterator[Batch]:
        num_threads = min(os.cpu_count() or 1, _MAX_THREADS)
        made = ahead(self.make, itertools.count(self.start), _BATCHES_AHEAD, num_threads)
        return (batch for _, batch in made)


def build_dataset(
    data_dir: str | os.PathLike,
    split: str,
    batch_size: int,
    *,
    seed: int = 0,
    with_image: bool = True,
    skip_batches: int = 0,
) -> Batches:
    """Endless batches of a split, each epoch in an order of its own.

    Args:
      data_dir: folder that `s2i prepare` wrote.
      split: `train` or `eval`.
      batch_size: pairs in a batch; every batch is full.
      seed: random seed of the order.
      with_image: whether to decode the pictures too.
      skip_batches: number of batches to leave out at the start.

    Returns:
      Mappings as of `schema.parse_batch`, of what is a number alone.

    Raises:
      UserError: if the data set is missing, damaged, too small or of another version.
    """
    info, records = _open(data_dir, split)
    num = len(records)

    def make(number: int) -> Batch:
        places = range(number * batch_size, (number + 1) * batch_size)
        epochs = range(places[0] // num, places[-1] // num + 1)
        orders = {epoch: np.random.default_rng([seed, epoch]).permutation(num) for epoch in epochs}
        drawn = [records[orders[place // num][place % num]] for place in places]
        return _numbers(_parsed(drawn), info, with_image)

    return Batches(make, skip_batches)


def build_balanced_dataset(
    data_dir: str | os.PathLike,
    split: str,
    batch_size: int,
    *,
    seed: int = 0,
    with_image: bool = True,
    skip_batches: int = 0,
    repair_pairs: bool = False,
) -> Batches:
    """Endless batches in which every class has the same share.

    The classes of a batch are a random order of all, again and again until it is full; within its
    class each record, or each sound and each photo, is drawn with the same chance.

    Args:
      data_dir: folder that `s2i prepare` wrote.
      split: `train` or `eval`.
      batch_size: pairs in a batch.
      seed: random seed of the draws.
      with_image: whether to decode the pictures too.
      skip_batches: number of batches to leave out at the start.
      repair_pairs: pair a random sound of the class with a random photo of the class instead of
        drawing whole records.

    Returns:
      As `build_dataset`.

    Raises:
      UserError: as `build_dataset`.
    """
    info, records = _open(data_dir, split)
    examples = _parsed(records)
    labels = [one[schema.KEY_LABEL] for one in examples]
    sounds, images = (
        schema.rows_by_class(labels, [one[key] for one in examples] if repair_pairs else None)
        for key in (schema.KEY_SOUND_ID, schema.KEY_IMAGE_ID)
    )

    def make(number: int) -> Batch:
        rng = np.random.default_rng([seed, number])
        num_rounds = -(-batch_size // len(sounds))
        order = [rng.permutation(len(sounds)) for _ in range(num_rounds)]
        classes = np.concatenate(order)[:batch_size]
        drawn = _parsed(records[rng.choice(sounds[label])] for label in classes)
        batch = _numbers(drawn, info, with_image and not repair_pairs)
        if repair_pairs:
            drawn = _parsed(records[rng.choice(images[label])] for label in classes)
            others = _numbers(drawn, info, with_image)
            batch |= {key: others[key] for key in others if key.startswith(schema.KEY_IMAGE)}
        return batch

    return Batches(make, skip_batches)


def take_apart(sounds: Batches, photos: Batches) -> Batches:
    """Batches of the sound features of the one and the image features of the other."""

    def make(number: int) -> Batch:
        return {
            schema.KEY_SOUND_FEATURES: sounds.make(number)[schema.KEY_SOUND_FEATURES],
            schema.KEY_IMAGE_FEATURES: photos.make(number)[schema.KEY_IMAGE_FEATURES],
        }

    return Batches(make, sounds.start)


def load_split(data_dir: str | os.PathLike, split: str, *, with_image: bool = True) -> Batch:
    """A whole split in memory, in the order of its shards.

    Returns:
      Arrays by key as of `schema.parse_batch`, the strings as objects of type `str`.

    Raises:
      UserError: if the data set is missing, damaged or of another version.
    """
    info, records = _open(data_dir, split)
    examples = _parsed(records)
    columns = _numbers(examples, info, with_image)
    columns[schema.KEY_VERSION] = np.array([one[schema.KEY_VERSION] for one in examples])
    for key, value in examples[0].items():
        if isinstance(value, bytes) and key not in (*schema.FEATURES, schema.KEY_IMAGE):
            columns[key] = np.array([one[key].decode() for one in examples], dtype=object)
    schema.check(columns, info.fingerprints, str(data_dir))
    return columns


def _open(data_dir: str | os.PathLike, split: str) -> tuple[DatasetInfo, tfrecords.Records]:
    """The records of a split, after every check but that of each record."""
    info = dataset_info.load(data_dir)
    return info, tfrecords.Records(damage.checked_shards(data_dir, info, split, whole=True))


def _parsed(records: Iterable[bytes]) -> list[dict[str, bytes | int]]:
    return [tfrecords.parse_example(record) for record in records]


def _numbers(examples: Sequence[dict], info: DatasetInfo, with_image: bool) -> Batch:
    """Features float32 [num, 4096], label int32 [num] and, if asked for, pictures as uint8."""
    dtype = np.dtype(info.feature_dtype).newbyteorder("<")
    batch = {
        key: np.stack([np.frombuffer(one[key], dtype) for one in examples]).astype(np.float32)
        for key in schema.FEATURES
    }
    batch[schema.KEY_LABEL] = np.array([one[schema.KEY_LABEL] for one in examples], np.int32)
    if with_image:
        pictures = np.stack([load_image(one[schema.KEY_IMAGE]) for one in examples])
        if pictures.shape[1:3] != (info.image_side,) * 2:
            raise UserError(f"pictures of {pictures.shape[1:3]}; allowed: {info.image_side} wide")
        batch[schema.KEY_IMAGE] = pictures
    return batch

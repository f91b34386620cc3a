"""The record of one sound–picture pair: keys, dtypes, and both directions side by side.

A record is a `tf.train.Example`. Feature vectors are raw little-endian bytes, float16 or float32,
because 4096 numbers as a float list cost more to parse than to train on. Anything that does not
change within a data set (classes, fingerprints, the feature dtype) stands in its
`s2i_tf.data.dataset_info` as well; the fingerprints are repeated in each record so that a shard
that strays from its folder can still be told apart.

TensorFlow is imported by the functions that need it: `s2i_tf.data.arrays` reads records without.
"""

import collections
import dataclasses
import typing
from collections.abc import Mapping, Sequence

import numpy as np

from s2i_tf import spec
from s2i_tf.data import tfrecords
from s2i_tf.errors import UserError

if typing.TYPE_CHECKING:
    import tensorflow as tf

VERSION = 1
FEATURE_DTYPES = ("float16", "float32")

KEY_VERSION = "version"
KEY_ID = "id"
KEY_LABEL = "label"
KEY_GROUP = "group"
KEY_SOUND_FEATURES = "sound_features"
KEY_IMAGE_FEATURES = "image_features"
KEY_IMAGE = "image"
KEY_SOUND_ID = "sound_id"
KEY_IMAGE_ID = "image_id"
KEY_SOUND_FINGERPRINT = "sound_fingerprint"
KEY_IMAGE_FINGERPRINT = "image_fingerprint"

INTEGERS = (KEY_VERSION, KEY_LABEL)
FEATURES = (KEY_SOUND_FEATURES, KEY_IMAGE_FEATURES)


@dataclasses.dataclass(frozen=True)
class PairRecord:
    """One pair; its fields have the names of the keys.

    Attributes:
      id: unique within the data set.
      label: index into the data set's class names.
      group: the recording that the sound was cut from; a group never crosses the split.
      sound_features: float [4096].
      image_features: float [4096].
      image: the picture as JPEG or PNG bytes, square.
      sound_id: the sound's path relative to the data set's source folder.
      image_id: the picture's path relative to the data set's source folder.
      sound_fingerprint: digest of the net that gave `sound_features`.
      image_fingerprint: digest of the net that gave `image_features`.
    """

    id: str
    label: int
    group: str
    sound_features: np.ndarray
    image_features: np.ndarray
    image: bytes
    sound_id: str
    image_id: str
    sound_fingerprint: str
    image_fingerprint: str


KEYS = (KEY_VERSION, *(field.name for field in dataclasses.fields(PairRecord)))


def encode(record: PairRecord, feature_dtype: str = "float16") -> bytes:
    """Serialises one pair.

    Raises:
      UserError: if a feature vector is not 4096 finite numbers, or the dtype is unknown.
    """
    if feature_dtype not in FEATURE_DTYPES:
        raise UserError(f"feature dtype {feature_dtype!r}; allowed: {', '.join(FEATURE_DTYPES)}")

    def raw(name: str, values: np.ndarray) -> bytes:
        values = np.asarray(values)
        if values.shape != (spec.FEATURE_SIZE,):
            raise UserError(f"{name} has shape {values.shape}; allowed: ({spec.FEATURE_SIZE},)")
        limit = np.finfo(feature_dtype).max
        if not np.all(np.abs(values) <= limit):
            raise UserError(f"{name} of {record.id} is not finite in {feature_dtype}")
        return values.astype(np.dtype(feature_dtype).newbyteorder("<")).tobytes()

    values = {KEY_VERSION: VERSION, **vars(record)}
    for key in FEATURES:
        values[key] = raw(key, values[key])
    return tfrecords.serialize_example(values)


def parse_batch(
    serialized: "tf.Tensor",
    feature_dtype: str,
    *,
    image_side: int = spec.IMAGE_SIDE,
    with_image: bool = True,
) -> "dict[str, tf.Tensor]":
    """Parses a batch of records in graph mode.

    Args:
      serialized: string [batch].
      feature_dtype: the dtype that the records were written with.
      image_side: width and height of their pictures.
      with_image: whether to decode the pictures too.

    Returns:
      `sound_features` and `image_features` float32 [batch, 4096], `label` int32 [batch], the ids,
      group and fingerprints as strings [batch], `version` int64 [batch] and, if asked for, `image`
      uint8 [batch, side, side, 3].
    """
    columns = parse_columns(serialized, feature_dtype, with_image=with_image)
    return decode_columns(columns, image_side)


def parse_columns(
    serialized: "tf.Tensor", feature_dtype: str, *, with_image: bool = True
) -> "dict[str, tf.Tensor]":
    """The first half of `parse_batch`: what takes no more room than the records do.

    Returns:
      As `parse_batch`, but the features in the dtype that they were written with and the pictures
      as files, string [batch].
    """
    import tensorflow as tf

    description = {
        key: tf.io.FixedLenFeature([], tf.int64 if key in INTEGERS else tf.string)
        for key in KEYS
        if with_image or key != KEY_IMAGE  # what is not named is passed over, not copied
    }
    columns = tf.io.parse_example(serialized, description)
    for key in FEATURES:
        raw = tf.io.decode_raw(columns[key], feature_dtype)
        columns[key] = tf.ensure_shape(raw, [None, spec.FEATURE_SIZE])
    columns[KEY_LABEL] = tf.cast(columns[KEY_LABEL], tf.int32)
    return columns


def decode_columns(
    columns: "Mapping[str, tf.Tensor]", image_side: int = spec.IMAGE_SIDE
) -> "dict[str, tf.Tensor]":
    """The second half of `parse_batch`: features to float32, and pictures, if any, to uint8."""
    import tensorflow as tf

    batch = dict(columns)
    for key in FEATURES:
        batch[key] = tf.cast(batch[key], tf.float32)
    if KEY_IMAGE in batch:
        shape = [image_side, image_side, spec.IMAGE_CHANNELS]
        batch[KEY_IMAGE] = tf.map_fn(
            lambda contents: tf.ensure_shape(
                tf.io.decode_image(contents, spec.IMAGE_CHANNELS, expand_animations=False), shape
            ),
            batch[KEY_IMAGE],
            fn_output_signature=tf.uint8,
        )
    return batch


def each_once(split: Mapping[str, np.ndarray], key_id: str) -> np.ndarray:
    """The rows at which the sounds or photos of a whole split first stand, in the order of ids.

    Args:
      split: columns of the split.
      key_id: `KEY_SOUND_ID` or `KEY_IMAGE_ID`.
    """
    return np.unique(split[key_id].astype(str), return_index=True)[1]


def once(split: Mapping[str, np.ndarray], modality: str) -> tuple[np.ndarray, np.ndarray]:
    """Features [items, 4096] of a whole split's sounds or photos, each once, and their labels.

    Args:
      split: columns of the split.
      modality: `sound` or `image`.
    """
    rows = each_once(split, f"{modality}_id")
    return split[f"{modality}_features"][rows], split[KEY_LABEL][rows]


def rows_by_class(labels: Sequence[int], ids: Sequence | None = None) -> list[list[int]]:
    """The rows of each class that there is, in the order of labels.

    Args:
      labels: label of each row.
      ids: item of each row, of which only the first row of its class counts; None for all rows.
    """
    rows: dict[int, dict] = collections.defaultdict(dict)
    for row, label in enumerate(labels):
        rows[label].setdefault(row if ids is None else ids[row], row)
    return [list(rows[label].values()) for label in sorted(rows)]


def check(parsed: Mapping[str, typing.Any], fingerprints: Mapping[str, str], where: str) -> None:
    """Refuses the records of another version or of other nets.

    Args:
      parsed: a parsed batch with concrete values.
      fingerprints: the digests to expect, by key (`sound_fingerprint`, `image_fingerprint`).
      where: the shard, for the message.

    Raises:
      UserError: if a record has another version or fingerprint.
    """
    expected = {KEY_VERSION: VERSION, **fingerprints}
    for key, allowed in expected.items():
        for value in np.unique(np.asarray(parsed[key])).tolist():
            got = value.decode() if isinstance(value, bytes) else value
            if got != allowed:
                raise UserError(f"{where}: record with {key} {got!r}; allowed: {allowed!r}")

"""Names the record of a shard that cannot be read, after a reader has stumbled over it.

Readers take batches from many files at once, so their own errors name none. What was read is looked
at again here, record by record and without TensorFlow: slow, and only after an error.
"""

import contextlib
import itertools
import os
import pathlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from s2i_tf import spec
from s2i_tf.data import dataset_info, schema, tfrecords
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.features.weights import checksum
from s2i_tf.media.image import load_image

_NAMES = (schema.KEY_ID, schema.KEY_GROUP, schema.KEY_SOUND_ID, schema.KEY_IMAGE_ID)
_REMEDY = "copy the file anew, or prepare the data set again"
# What readers raise over a record, of TensorFlow by name, which is not imported here.
_ERRORS = {"DataLossError", "InvalidArgumentError", "IndexError", "KeyError", "ValueError"}


class _Damaged(ValueError):
    """What ails a record, as the end of a sentence that begins with its place."""


@contextlib.contextmanager
def named(data_dir: str | os.PathLike, *splits: str) -> Iterator[None]:
    """Turns an error of reading within the block into one that names the damaged record.

    Args:
      data_dir: folder of the data set that is read within the block.
      splits: what is read of it; all where none is named.

    Raises:
      UserError: naming it; an error that no record explains passes as it is.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if {kind.__name__ for kind in type(error).__mro__} & _ERRORS:
            info = dataset_info.load(data_dir)
            for split in splits or spec.SPLITS:
                for path in dataset_info.shard_files(data_dir, info, split):
                    if fault := first_fault(path, info):
                        raise UserError(fault) from error
        raise


def checked_shards(
    data_dir: str | os.PathLike, info: DatasetInfo, split: str, *, whole: bool = False
) -> list[pathlib.Path]:
    """The shards of a split that hold records, after a look at the first record of each.

    Args:
      data_dir: folder of the data set.
      info: description of the data set.
      split: name of the split.
      whole: whether all bytes of a shard are checked, by its checksum.

    Raises:
      UserError: if the split is unknown or empty, or a shard missing, damaged or of another
        version.
    """
    shards = dataset_info.shard_files(data_dir, info, split)
    if not shards:
        raise UserError(f"{data_dir}: the split {split!r} is empty")
    for path, shard in shards.items():
        try:
            with open(path, "rb") as file:
                check_record(_read_record(file, shard.num_bytes, intact=True), info, path)
            if whole and checksum(path, "sha256") != shard.sha256:
                raise _Damaged("its checksum is not the data set's")
        except ValueError as error:
            raise UserError(first_fault(path, info) or f"{path}: {error}") from None
    return list(shards)


def first_fault(path: pathlib.Path, info: DatasetInfo) -> str | None:
    """A sentence on the first damaged record of a shard, with its place; None if all are well."""
    whole = {shard.file: shard.sha256 for shards in info.splits.values() for shard in shards}
    intact = checksum(path, "sha256") == whole.get(path.name)
    size = path.stat().st_size
    if not size:
        return f"{path}: not a shard of this data set: it is empty"
    with open(path, "rb") as file:
        for number in itertools.count():
            offset = file.tell()
            if offset == size:
                return None
            try:
                check_record(_read_record(file, size - offset, intact), info, path)
            except _Damaged as error:
                reason = str(error)
            except ValueError as error:
                if type(error) is UserError:  # it is of another version or net, and named already
                    return str(error)
                reason = f"cannot be parsed: {error}"
            else:
                continue
            return f"{path}: record {number} at byte {offset} {reason}; {_REMEDY}"


def _read_record(file: BinaryIO, num_left: int, intact: bool) -> bytes:
    """The record that begins here, its checksums looked at unless the file is known to be intact.

    Raises:
      ValueError: a `_Damaged` that says what ails it, or one of a parser.
    """
    head = file.read(tfrecords.HEAD.size)
    if len(head) < tfrecords.HEAD.size:
        raise _Damaged("ends too early")
    length, checksum_of_length = tfrecords.HEAD.unpack(head)
    if not intact and _masked_crc32c(head[:8]) != checksum_of_length:
        raise _Damaged("is damaged: its length has another checksum")
    if length > num_left - tfrecords.HEAD.size - tfrecords.TAIL.size:
        raise _Damaged("ends too early")
    record = file.read(length)
    (checksum_of_record,) = tfrecords.TAIL.unpack(file.read(tfrecords.TAIL.size))
    if not intact and _masked_crc32c(record) != checksum_of_record:
        raise _Damaged("is damaged: its bytes have another checksum")
    return record


def check_record(record: bytes, info: DatasetInfo, path: pathlib.Path) -> dict[str, bytes | int]:
    """Refuses a record of a shard that does not hold what the data set says.

    Returns:
      Its values, as of `tfrecords.parse_example`.

    Raises:
      UserError: naming the shard, if the record is of another version or of other nets.
      ValueError: a `_Damaged` that says what ails it, or one of a parser.
    """
    values = tfrecords.parse_example(record)
    if missing := set(schema.KEYS) - set(values):
        raise _Damaged(f"lacks {', '.join(sorted(missing))}")
    for key in sorted(schema.KEYS):
        wanted = int if key in schema.INTEGERS else bytes
        if not isinstance(values[key], wanted):
            raise _Damaged(f"has {key} as {type(values[key]).__name__}; allowed: {wanted.__name__}")
    for key in _NAMES:
        try:
            values[key].decode()
        except UnicodeDecodeError:
            raise _Damaged(f"has {key} that is not UTF-8") from None
    schema.check(values, info.fingerprints, str(path))
    if not 0 <= values[schema.KEY_LABEL] < info.num_classes:
        raise _Damaged(f"has label {values[schema.KEY_LABEL]} of {info.num_classes} classes")
    dtype = np.dtype(info.feature_dtype).newbyteorder("<")
    num_bytes = spec.FEATURE_SIZE * dtype.itemsize
    for key in schema.FEATURES:
        if len(values[key]) != num_bytes:
            raise _Damaged(f"has {len(values[key])} bytes of {key}; allowed: {num_bytes}")
        if not np.isfinite(np.frombuffer(values[key], dtype)).all():
            raise _Damaged(f"has {key} that are not finite")
    height, width, _ = load_image(values[schema.KEY_IMAGE]).shape
    if {height, width} != {info.image_side}:
        raise _Damaged(f"has a picture of {width}×{height} pixels; allowed: {info.image_side}")
    return values


def _masked_crc32c(data: bytes) -> int:
    """The checksum of TFRecord files."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table() -> list[int]:
    """CRC-32C of each byte, by the Castagnoli polynomial with its bits reversed."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()

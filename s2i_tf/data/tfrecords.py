"""TFRecord files and the `tf.train.Example` in each record, read without TensorFlow.

A file is a row of records: their length (8 bytes, little-endian), its checksum (4), their bytes and
the checksum of these (4). The checksums are not looked at: who reads a shard has its SHA-256. An
`Example` is a protocol buffer that maps names to lists of values; ours have one value each.
"""

import mmap
import pathlib
import struct
from collections.abc import Iterable, Iterator, Sequence

_LENGTH = struct.Struct("<Q")
_BEFORE_BYTES = _LENGTH.size + 4
_AFTER_BYTES = 4

# Wire types of protocol buffers: a number in groups of seven bits, and bytes after their length.
_VARINT = 0
_BYTES = 2
# Fields of `Feature`: a list of bytes and a list of integers. Both lists are a field 1.
_BYTES_LIST = 1
_INT64_LIST = 3


class Records(Sequence[bytes]):
    """The records of some files in order, read from disk when they are asked for.

    Args:
      paths: TFRecord files, not empty.

    Raises:
      ValueError: naming the file, if one ends within a record.
    """

    def __init__(self, paths: Iterable[pathlib.Path]):
        self._places: list[tuple[mmap.mmap, int, int]] = []
        for path in paths:
            with open(path, "rb") as file:
                contents = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._places += [(contents, *place) for place in _places(contents, path)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> bytes:
        contents, start, end = self._places[index]
        return contents[start:end]


def parse_example(record: bytes) -> dict[str, bytes | int]:
    """The value of each feature of a serialised `tf.train.Example` that has one value each.

    Raises:
      ValueError: if it is none.
    """
    values = {}
    for features in _all(memoryview(record), 1):
        for entry in _all(features, 1):
            (name,), (feature,) = _all(entry, 1), _all(entry, 2)
            values[bytes(name).decode()] = _value(feature)
    return values


def _places(contents: mmap.mmap, path: pathlib.Path) -> Iterator[tuple[int, int]]:
    """Start and end of each record."""
    position = 0
    while position < len(contents):
        start = position + _BEFORE_BYTES
        if start > len(contents):
            raise ValueError(f"{path}: ends within a record")
        end = start + _LENGTH.unpack_from(contents, position)[0]
        position = end + _AFTER_BYTES
        if position > len(contents):
            raise ValueError(f"{path}: ends within a record")
        yield start, end


def _value(feature: memoryview) -> bytes | int:
    for values in _all(feature, _BYTES_LIST):
        (value,) = _all(values, 1)
        return bytes(value)
    for values in _all(feature, _INT64_LIST):
        (value,) = [value for found, value in _fields(values) if found == 1]
        if not isinstance(value, int):  # packed, as they are written nowadays
            value, _ = _varint(value, 0)
        return value - (1 << 64) if value >> 63 else value
    raise ValueError("a feature without bytes and without an integer")


def _all(message: memoryview, number: int) -> list[memoryview]:
    """The values of a field of bytes."""
    values = [value for found, value in _fields(message) if found == number]
    if any(isinstance(value, int) for value in values):
        raise ValueError(f"field {number} is a number, not bytes")
    return values


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Number and value of each field of a message."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        value, position = _varint(message, position)
        if key & 7 == _BYTES:
            value, position = message[position : position + value], position + value
        elif key & 7 != _VARINT:
            raise ValueError(f"a field of wire type {key & 7}")
        if position > len(message):
            raise ValueError("a field that ends beyond its message")
        yield key >> 3, value


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number, and where it ends."""
    value = shift = 0
    while position < len(message):
        byte = message[position]
        value |= (byte & 0x7F) << shift
        shift += 7
        position += 1
        if byte < 0x80:
            return value, position
    raise ValueError("a number that ends beyond its message")

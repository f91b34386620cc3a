"""TFRecord files and the `tf.train.Example` in each record, without TensorFlow.

A file is a row of records: their length (8 bytes, little-endian), its checksum (4), their bytes and
the checksum of these (4). The checksums are not looked at: who reads a shard has its SHA-256. An
`Example` is a protocol buffer that maps names to lists of values; ours have one value each.
"""

import functools
import mmap
import pathlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence

HEAD = struct.Struct("<QI")  # before a record: its length, and the checksum of that
TAIL = struct.Struct("<I")  # behind it: the checksum of its bytes

# `tf.train.Example` without its lists of floats; a map is a row of entries on the wire.
_DESCRIPTION = """
name: "s2i_tf/example.proto" package: "s2i_tf" syntax: "proto3"
message_type { name: "Bytes"
  field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_BYTES } }
message_type { name: "Integers"
  field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_INT64 } }
message_type { name: "Feature"
  field { name: "bytes_list" number: 1 type: TYPE_MESSAGE type_name: ".s2i_tf.Bytes" }
  field { name: "int64_list" number: 3 type: TYPE_MESSAGE type_name: ".s2i_tf.Integers" } }
message_type { name: "Entry"
  field { name: "key" number: 1 type: TYPE_STRING }
  field { name: "value" number: 2 type: TYPE_MESSAGE type_name: ".s2i_tf.Feature" } }
message_type { name: "Features"
  field { name: "entries" number: 1 label: LABEL_REPEATED
          type: TYPE_MESSAGE type_name: ".s2i_tf.Entry" } }
message_type { name: "Example"
  field { name: "features" number: 1 type: TYPE_MESSAGE type_name: ".s2i_tf.Features" } }
"""


@functools.cache
def _example_type() -> type:
    # Not before a record is read or written: what only names a data set does without.
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(_DESCRIPTION, descriptor_pb2.FileDescriptorProto()))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("s2i_tf.Example"))


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
    from google.protobuf.message import DecodeError

    try:
        entries = _example_type().FromString(record).features.entries
    except DecodeError as error:
        raise ValueError(f"not a tf.train.Example: {error}") from None
    values = {}
    for entry in entries:
        (values[entry.key],) = entry.value.bytes_list.value or entry.value.int64_list.value
    return values


def serialize_example(values: Mapping[str, bytes | str | int]) -> bytes:
    """A `tf.train.Example` of these features; the same values always give the same bytes."""
    example = _example_type()()
    for key, value in sorted(values.items()):
        feature = example.features.entries.add(key=key).value
        if isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.bytes_list.value.append(value.encode() if isinstance(value, str) else value)
    return example.SerializeToString(deterministic=True)


def _places(contents: mmap.mmap, path: pathlib.Path) -> Iterator[tuple[int, int]]:
    """Start and end of each record."""
    position, size = 0, len(contents)
    while position < size:
        start = position + HEAD.size
        end = start + HEAD.unpack_from(contents, position)[0] if start <= size else size
        position = end + TAIL.size
        if position > size:
            raise ValueError(f"{path}: ends within a record")
        yield start, end

"""Every reader names the damaged record of a shard by file, number and place."""

import dataclasses
import hashlib
import shutil

import pytest
import tensorflow as tf

from s2i_tf.data import arrays, damage, dataset_info, pipeline
from s2i_tf.errors import UserError

FRAME = 16


@pytest.fixture
def data(tiny_dataset, tmp_path):
    """A copy of the data set, its training shard and the place of its last record."""
    folder = shutil.copytree(tiny_dataset, tmp_path / "data")
    path = folder / dataset_info.load(folder).splits["train"][0].file
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
    offset = sum(len(record) + FRAME for record in records[:-1])
    return folder, path, records, offset


def flip(path, offset):
    contents = bytearray(path.read_bytes())
    contents[offset] ^= 0xFF
    path.write_bytes(contents)


def rewrite(folder, path, records):
    """Shards of one's own: sizes and checksums are right, only a record is not."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    info, contents = dataset_info.load(folder), path.read_bytes()
    (shard,) = info.splits["train"]
    described = dataclasses.replace(
        shard, num_bytes=len(contents), sha256=hashlib.sha256(contents).hexdigest()
    )
    dataclasses.replace(info, splits={**info.splits, "train": (described,)}).save(folder)


def drain(batches):
    for number, _ in enumerate(batches):
        if number > 40:
            return


READERS = {
    "a split": lambda folder: pipeline.load_split(folder, "train"),
    "training": lambda folder: drain(pipeline.build_dataset(folder, "train", 2)),
    "balanced": lambda folder: drain(pipeline.build_balanced_dataset(folder, "train", 2)),
    "a split by NumPy": lambda folder: arrays.load_split(folder, "train"),
    "training by NumPy": lambda folder: drain(arrays.build_dataset(folder, "train", 2)),
    "balanced by NumPy": lambda folder: drain(arrays.build_balanced_dataset(folder, "train", 2)),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("place", [1, 9, 500], ids=["length", "checksum", "bytes"])
def test_a_flipped_byte_is_named_by_every_reader(data, read, place):
    folder, path, records, offset = data
    flip(path, offset + place)
    wanted = rf"{path}: record {len(records) - 1} at byte {offset} is damaged.*; copy the file anew"
    with pytest.raises(UserError, match=wanted), damage.named(folder, "train"):
        read(folder)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("what", ["key", "picture"])
def test_a_later_record_of_another_kind_is_named_by_every_reader(data, read, what):
    folder, path, records, offset = data
    example = tf.train.Example.FromString(records[-1])
    if what == "key":
        del example.features.feature["image"]
    else:
        small = tf.io.encode_png(tf.zeros([64, 64, 3], tf.uint8)).numpy()
        example.features.feature["image"].bytes_list.value[0] = small
    rewrite(folder, path, [*records[:-1], example.SerializeToString()])
    wanted = {"key": "lacks image", "picture": "has a picture of 64×64 pixels; allowed: 128"}[what]
    with pytest.raises(UserError, match=f"at byte {offset} {wanted}"), damage.named(folder):
        read(folder)


def test_a_good_shard_has_no_fault_and_other_errors_pass(data):
    folder, path, _, _ = data
    assert damage.first_fault(path, dataset_info.load(folder)) is None
    with pytest.raises(KeyError, match="ours"), damage.named(folder):
        raise KeyError("ours")


def test_checksums_are_those_of_the_published_examples():
    # CRC-32C of 32 zero bytes and of "123456789" (RFC 3720, B.4), masked as TFRecord files do.
    for data, crc in ((bytes(32), 0x8A9136AA), (b"123456789", 0xE3069283)):
        assert damage._masked_crc32c(data) == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32

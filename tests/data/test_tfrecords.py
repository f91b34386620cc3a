import contextlib

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.data import tfrecords


def write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def example(**values):
    features = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        if isinstance(value, int)
        else tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in values.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_records_are_those_that_tensorflow_reads(tmp_path, rng):
    contents = [rng.bytes(size) for size in (0, 1, 300, 70_000)]
    paths = [write(tmp_path / "a", contents[:3]), write(tmp_path / "b", contents[3:])]
    records = tfrecords.Records(paths)
    assert len(records) == 4 and list(records) == contents
    assert contents == list(tf.data.TFRecordDataset([str(p) for p in paths]).as_numpy_iterator())


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**31, 2**63 - 1, -1, -(2**63)])
def test_an_integer_comes_back(number):
    assert tfrecords.parse_example(example(one=number)) == {"one": number}


def test_the_features_are_those_that_tensorflow_parses(rng):
    values = {"ä": "ö".encode(), "raw": rng.bytes(10_000), "empty": b"", "label": 7}
    assert tfrecords.parse_example(example(**values)) == values


def test_an_integer_that_is_not_packed_is_read_as_well():
    # Feature 1 of one entry "n", whose int64_list holds a bare field 1 of value 5.
    record = bytes.fromhex("0a0b0a090a016e12041a020805")
    assert tf.train.Example.FromString(record).features.feature["n"].int64_list.value == [5]
    assert tfrecords.parse_example(record) == {"n": 5}


@pytest.mark.parametrize("num_bytes", [1, 11, 20, 330])
def test_a_file_that_ends_within_a_record_is_refused(num_bytes, tmp_path):
    path = write(tmp_path / "a", [bytes(range(256)), b"x" * 100])
    path.write_bytes(path.read_bytes()[:num_bytes])
    with pytest.raises(ValueError, match="ends within a record"):
        tfrecords.Records([path])


def test_damaged_examples_are_refused_and_never_loop(rng):
    whole = example(raw=rng.bytes(50), label=3)
    for end in range(1, len(whole)):
        with pytest.raises(ValueError):
            tfrecords.parse_example(whole[:end])
    for _ in range(2000):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        with contextlib.suppress(ValueError):
            tfrecords.parse_example(damaged.tobytes())

"""The sides of `benchmarks.speed.reading`, and the shards that they read."""

import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from benchmarks.speed import made_up
from benchmarks.speed.workers import Step, serve
from s2i_tf import spec
from s2i_tf.data import dataset_info, pipeline, schema
from s2i_tf.data.foley import causes, dataset
from s2i_tf.media import image

_FEATURES = (schema.KEY_SOUND_FEATURES, schema.KEY_IMAGE_FEATURES)
_READ_BYTES = 8 << 20  # as the pipeline reads


def write_dataset(
    folder: pathlib.Path, feature_dtype: str, num_shards: int, records_per_shard: int
) -> None:
    """A prepared data set of random features and painted pictures, those of each class one."""
    pictures = [_picture(name) for name in causes.CLASSES]
    made_up.write_dataset(
        folder,
        {spec.TRAIN_SPLIT: (records_per_shard,) * num_shards, spec.EVAL_SPLIT: ()},
        tuple(causes.CLASSES),
        lambda label, rng: pictures[label],
        feature_dtype,
    )


def write_lists(folder: pathlib.Path, num_records: int) -> None:
    """One shard whose records hold the two vectors as lists of floats, and nothing else."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(folder / "lists.tfrecord")) as writer:
        for _ in range(num_records):
            values = rng.standard_normal((2, spec.FEATURE_SIZE), np.float32)
            feature = {
                key: tf.train.Feature(float_list=tf.train.FloatList(value=vector))
                for key, vector in zip(_FEATURES, values, strict=True)
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())


def build(side: str, folder: str, batch_size: int) -> tuple[Step, dict[str, int]]:
    """A step of one side.

    Args:
      side: a key of `SIDES`.
      folder: what `write_dataset` or `write_lists` wrote.
      batch_size: records in a step, or as many bytes as these have.
    """
    batches = SIDES[side](pathlib.Path(folder), batch_size)
    if isinstance(batches, tf.data.Dataset):
        # TensorFlow adds a thread that works ahead where there is none.
        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_optimization.inject_prefetch = False
        batches = batches.with_options(options)
    batches = iter(batches)
    return lambda: next(batches), {"record_bytes": _record_bytes(pathlib.Path(folder))}


def _records(folder: pathlib.Path, batch_size: int) -> tf.data.Dataset:
    """Batches of records, in the order and by the code of `pipeline.build_dataset`.

    Unlike there nothing works ahead: it would do so while the other side is timed.
    """
    records = pipeline.build_records(folder, dataset_info.load(folder), spec.TRAIN_SPLIT)
    return records.batch(batch_size, drop_remainder=True)


def _columns(folder: pathlib.Path, batch_size: int) -> tf.data.Dataset:
    """The same, and the fields of the records, features as they were written."""
    dtype = dataset_info.load(folder).feature_dtype
    return _records(folder, batch_size).map(
        lambda some: schema.parse_columns(some, dtype, with_image=False)
    )


def _batches(folder: pathlib.Path, batch_size: int) -> tf.data.Dataset:
    """The same, and features as float32: what a stage gets that needs no pictures."""
    return _columns(folder, batch_size).map(schema.decode_columns)


def _pictures(folder: pathlib.Path, batch_size: int) -> tf.data.Dataset:
    """Batches with pictures."""
    dtype = dataset_info.load(folder).feature_dtype
    return _records(folder, batch_size).map(lambda some: schema.parse_batch(some, dtype))


def _file(folder: pathlib.Path, batch_size: int) -> Iterator[int]:
    """Reads the shards one after the other, again and again."""
    wanted = batch_size * _record_bytes(folder)
    buffer = memoryview(bytearray(_READ_BYTES))
    num_read = 0
    for path in itertools.cycle(_shards(folder)):
        with open(path, "rb", buffering=0) as file:
            while got := file.readinto(buffer[: wanted - num_read]):
                num_read += got
                if num_read == wanted:
                    yield num_read
                    num_read = 0


def _one_by_one(folder: pathlib.Path, batch_size: int) -> tf.data.Dataset:
    """The plain way: float lists, each record parsed on its own."""
    description = dict.fromkeys(_FEATURES, tf.io.FixedLenFeature([spec.FEATURE_SIZE], tf.float32))
    records = tf.data.TFRecordDataset([str(path) for path in _shards(folder)])
    parsed = records.repeat().map(lambda record: tf.io.parse_single_example(record, description))
    return parsed.batch(batch_size)


def _jpeg(folder: pathlib.Path, batch_size: int) -> Iterator:
    """Decodes the first batch's pictures again and again."""
    records = tf.data.TFRecordDataset([str(path) for path in _shards(folder)])
    serialized = next(iter(records.batch(batch_size)))
    contents = schema.parse_columns(serialized, "float16")[schema.KEY_IMAGE]

    @tf.function(autograph=False)
    def decode(contents: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(tf.io.decode_jpeg, contents, fn_output_signature=tf.uint8)

    while True:
        yield decode(contents)


SIDES: dict[str, Callable[[pathlib.Path, int], Iterable]] = {
    "batches": _batches,
    "records": _records,
    "columns": _columns,
    "pictures": _pictures,
    "file": _file,
    "one_by_one": _one_by_one,
    "jpeg": _jpeg,
}


def _shards(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.glob("*.tfrecord*"))


def _record_bytes(folder: pathlib.Path) -> int:
    """Of a record on average, with what a TFRecord file puts around it."""
    path = _shards(folder)[0]
    num_records = sum(1 for _ in tf.data.TFRecordDataset(str(path)))
    return path.stat().st_size // num_records


def _picture(class_name: str) -> bytes:
    painted = dataset.render(causes.scene(class_name, 0, 0), spec.IMAGE_SIDE)
    return image.encode_jpeg(painted)


if __name__ == "__main__":
    serve(build)

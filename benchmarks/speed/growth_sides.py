"""What `benchmarks.speed.growth` measures: a training step, and reading, of any size."""

import pathlib
import time
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from benchmarks.speed import image_gan, reading_sides
from benchmarks.speed.workers import Step, serve
from s2i_tf import spec
from s2i_tf.data import dataset_info, pipeline


def write_dataset(folder: pathlib.Path, num_shards: int, records_per_shard: int) -> None:
    """A prepared data set of one file under many names: as much to read, not as much to store."""
    reading_sides.write_dataset(folder, "float16", 1, records_per_shard)
    info = dataset_info.load(folder)
    (first,) = info.splits[spec.TRAIN_SPLIT]
    names = [first.file, *(f"link-{number:05}.tfrecord" for number in range(1, num_shards))]
    for name in names[1:]:
        (folder / name).symlink_to(first.file)
    shards = tuple(
        dataset_info.Shard(name, first.num_records, first.num_bytes, first.sha256) for name in names
    )
    info.splits[spec.TRAIN_SPLIT] = shards
    info.save(folder)


def build(kind: str, **settings: Any) -> tuple[Step, dict[str, Any]]:
    """What is measured, `training` or `reading`, of the settings of its function."""
    return {"training": _training, "reading": _reading}[kind](**settings)


def _training(side: int, filters: int, batch_size: int) -> tuple[Step, dict[str, Any]]:
    """The image GAN's step on one batch that stays in memory."""
    trainer = image_gan.build_trainer(side, filters)
    batch = {name: tf.constant(x) for name, x in image_gan.make_batch(side, batch_size).items()}
    compiled = tf.function(trainer.train_step, autograph=False)
    return lambda: compiled(batch), {"num_weights": image_gan.num_weights(trainer)}


def _reading(folder: str, batch_size: int, balanced: bool) -> tuple[Step, dict[str, Any]]:
    """The next batch without pictures; opening goes up to the first one."""
    began = time.perf_counter()
    batches = _batches(folder, batch_size, balanced)
    next(batches)
    return lambda: next(batches), {"open_seconds": time.perf_counter() - began}


def _batches(folder: str, batch_size: int, balanced: bool) -> Iterator:
    build_dataset = pipeline.build_balanced_dataset if balanced else pipeline.build_dataset
    return iter(build_dataset(folder, spec.TRAIN_SPLIT, batch_size, with_image=False))


if __name__ == "__main__":
    serve(build)

"""Where the time of the package's training step goes, by TensorFlow's profiler."""

import collections
import pathlib
import tempfile
from collections.abc import Sequence

import tensorflow as tf

from benchmarks.speed import step_sides
from benchmarks.speed.workers import Step, serve

Parts = Sequence[tuple[str, str]]

# The first that is found in an operation's full name, "layer/operation:kind"; the order matters.
_PARTS = (
    ("_norm", "batch norms"),
    ("ApplyAdam", "Adam"),
    ("L2Loss", "gradient norms"),
    ("MatMul", "convolutions as matrix products, and their transforms"),
    ("Conv2D", "other convolutions"),
    ("conv", "moving maps and kernels around them"),
    ("elu", "activations"),
    ("skip", "joining maps"),
    ("pair", "joining maps"),
)
_REST = "all else"


def build(
    batch_size: int, precision: str, filters: int, side: int, num_steps: int
) -> tuple[Step, dict]:
    """A step, and the seconds of one step by part."""
    trainer = step_sides.build_trainer(filters=filters, side=side, precision=precision)
    take, _ = step_sides.compiled_step(trainer.train_step, batch_size, side)
    take()
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(num_steps):
                take()
        parts = seconds_by_part(pathlib.Path(folder))
    return take, {"parts": {name: value / num_steps for name, value in parts.items()}}


def seconds_by_part(folder: pathlib.Path, parts: Parts = _PARTS) -> dict[str, float]:
    """The largest first, the rest last.

    Args:
      folder: that the profiler wrote.
      parts: marks of the parts and their names.
    """
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(next(folder.rglob("*.xplane.pb")).read_bytes())
    seconds: collections.Counter = collections.Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            layer, _, kind = name.rpartition(":")
            # Only what runs one operation is called "layer/operation:Kind".
            if layer and kind.isidentifier() and " " not in layer and not layer.endswith(":"):
                seconds[part_of(name, parts)] += event.duration_ps / 1e12
    return dict(sorted(seconds.items(), key=lambda item: (item[0] == _REST, -item[1])))


def part_of(name: str, parts: Parts = _PARTS) -> str:
    """Of an operation "layer/operation:Kind"."""
    return next((part for mark, part in parts if mark in name), _REST)


if __name__ == "__main__":
    serve(build)

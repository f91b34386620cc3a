"""Curves and sample grids for TensorBoard, which need not be installed to write them.

An event file is a TFRecord of TensorFlow's `Event`. `tf.summary` would write the same, but imports
TensorBoard first, which takes seconds and is not there with every TensorFlow.
"""

import itertools
import pathlib
import struct
import time
from collections.abc import Mapping

import tensorflow as tf

# The layout of event files that TensorBoard knows, and the tag of such a file's first event.
_FILE_VERSION = "brain.Event:2"
# Where a PNG's width and height are, in its first chunk.
_PNG_SIZE = slice(16, 24)


class EventWriter:
    """Writes one new event file into a folder; those of earlier processes stay.

    Args:
      folder: where TensorBoard looks.
      start: the step that training goes on from; TensorBoard drops what is later in older files.
    """

    def __init__(self, folder: pathlib.Path, start: int = 0):
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = tf.io.TFRecordWriter(str(_new_file(folder)))
        self._write(file_version=_FILE_VERSION)
        begin = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._write(step=start + 1, session_log=begin)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name; they are in the file when it returns."""
        entries = [
            tf.compat.v1.Summary.Value(tag=name, simple_value=value)
            for name, value in values.items()
        ]
        self._write(step=step, summary=tf.compat.v1.Summary(value=entries))

    def picture(self, step: int, name: str, png: bytes) -> None:
        """Writes a PNG as it is."""
        width, height = struct.unpack(">II", png[_PNG_SIZE])
        picture = tf.compat.v1.Summary.Image(
            width=width, height=height, colorspace=3, encoded_image_string=png
        )
        entry = tf.compat.v1.Summary.Value(tag=name, image=picture)
        self._write(step=step, summary=tf.compat.v1.Summary(value=[entry]))

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()

    def _write(self, **fields) -> None:
        event = tf.compat.v1.Event(wall_time=time.time(), **fields)
        self._writer.write(event.SerializeToString())
        self._writer.flush()


def _new_file(folder: pathlib.Path) -> pathlib.Path:
    """A name after those that are there; TensorBoard reads files in the order of their names."""
    names = (f"events.out.tfevents.{number:06}.s2i_tf" for number in itertools.count(1))
    return next(folder / name for name in names if not (folder / name).exists())

"""Curves and sample grids for TensorBoard, which need not be installed to write them."""

import pathlib
from collections.abc import Mapping

import tensorflow as tf

from s2i_tf.media import image

FOLDER = "tensorboard"


class EventWriter:
    """Writes one event file into a folder; old ones of the same run stay.

    Args:
      folder: where TensorBoard looks.
    """

    def __init__(self, folder: pathlib.Path):
        self._writer = tf.summary.create_file_writer(str(folder))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name; they are on the disk when it returns."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.write(name, tf.constant(value), metadata=_metadata("scalars"))
        self._writer.flush()

    def picture(self, step: int, name: str, path: pathlib.Path) -> None:
        """Writes the picture in a PNG file as it is."""
        contents = path.read_bytes()
        height, width = image.decode_image(contents).shape[:2]
        with self._writer.as_default(step=step):
            tensor = tf.constant([str(width).encode(), str(height).encode(), contents])
            tf.summary.write(name, tensor, metadata=_metadata("images"))
        self._writer.flush()

    def close(self) -> None:
        """Ends the file."""
        self._writer.close()


def _metadata(plugin: str) -> tf.compat.v1.SummaryMetadata:
    plugin_data = tf.compat.v1.SummaryMetadata.PluginData(plugin_name=plugin)
    return tf.compat.v1.SummaryMetadata(plugin_data=plugin_data)

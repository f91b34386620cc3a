"""The sides of `benchmarks.speed.tflite`, and the exports that they run."""

import itertools
import pathlib
from typing import Any

from benchmarks.speed.workers import Step, serve
from s2i_tf import spec
from s2i_tf.serving import examples

_NUM_SOUNDS = 4


def export(folder: pathlib.Path, quantizations: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Exports the model that comes along.

    Returns:
      By quantisation, and for `saved_model`: the path, and what the export measured.

    Raises:
      UserError: if the sound net is not in the cache, or nothing is installed that runs the files.
    """
    from benchmarks.speed import generating_sides
    from s2i_tf.pretrained import REALPAIRS
    from s2i_tf.serving import saved_model, tflite_export

    generating_sides.require_sound_net()
    model, extractor = saved_model.load_with_net(REALPAIRS)
    exports = {"saved_model": {"path": str(saved_model.export(model, extractor, folder).folder)}}
    for quantization in quantizations:
        made = tflite_export.export(model, extractor, folder, quantization=quantization)
        exports[quantization] = {
            "path": str(made.path),
            "num_bytes": made.num_bytes,
            "mean_difference": made.mean_difference,
            "allowed": tflite_export.QUANTIZATIONS[quantization],
        }
    return exports


def build(side: str, path: str) -> Step:
    """A step of one side, one sound after another.

    Args:
      side: `saved_model` or `tflite`.
      path: of the export.
    """
    windows = [row[None] for row in examples.sounds(spec.FEATURE_SECONDS, _NUM_SOUNDS)]
    if side == "saved_model":
        import tensorflow as tf

        loaded = tf.saved_model.load(path)
        signature = loaded.signatures["serving_default"]
        inputs = itertools.cycle([tf.constant(window) for window in windows])
        # The module owns the variables and must live as long as its function.
        return lambda keep=loaded: signature(waveform=next(inputs))["image"].numpy()
    from s2i_tf.serving.tflite import WAVEFORM_SIGNATURE, TFLiteModel

    model = TFLiteModel.load(path, num_threads=1)
    inputs = itertools.cycle(windows)
    return lambda: model.run(WAVEFORM_SIGNATURE, waveform=next(inputs))["image"]


if __name__ == "__main__":
    serve(build)

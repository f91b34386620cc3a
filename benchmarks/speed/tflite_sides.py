"""The sides of `benchmarks.speed.tflite`, and the exports that they run."""

import itertools
import pathlib
from typing import Any

from benchmarks.speed.workers import Step, serve
from s2i_tf import spec
from s2i_tf.serving import examples

_NUM_SOUNDS = 4
_NUM_CALIBRATION_RECORDS = 32


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
    data = folder / "data"
    write_calibration_data(data)
    exports = {"saved_model": {"path": str(saved_model.export(model, extractor, folder).folder)}}
    for quantization in quantizations:
        made = tflite_export.export(model, extractor, folder, quantization=quantization, data=data)
        exports[quantization] = {
            "path": str(made.path),
            "num_bytes": made.num_bytes,
            "mean_difference": made.mean_difference,
            "allowed": tflite_export.QUANTIZATIONS[quantization],
        }
    return exports


def write_calibration_data(folder: pathlib.Path) -> None:
    """A prepared data set with the sounds that its records name."""
    from benchmarks.speed import reading_sides
    from s2i_tf.data.foley import causes, dataset
    from s2i_tf.media import audio

    reading_sides.write_dataset(folder, "float16", 1, _NUM_CALIBRATION_RECORDS)
    sounds = folder / "sounds" / "0"
    sounds.mkdir(parents=True)
    names = itertools.cycle(causes.CLASSES)
    for index, name in zip(range(_NUM_CALIBRATION_RECORDS), names, strict=False):
        made = dataset.synthesize(causes.scene(name, index, 0))
        (sounds / f"{index}.wav").write_bytes(audio.encode_audio(made, "wav"))


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

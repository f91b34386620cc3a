"""Export a trained model for TensorFlow Serving or TFLite.

s2i export --workdir=RUN | --model=DIR --out=DIR [--name=sound_to_image] [--version=N]
s2i export … --format=tflite [--quantization=float32|float16|dynamic_int8|full_int8] [--data=DIR]

The first writes a SavedModel with named signatures to OUT/NAME/VERSION/, reloads it in a fresh
process and compares it with Keras before it gets that name. The second writes
OUT/NAME-QUANTIZATION.tflite after the same comparison; full_int8 is calibrated with the training
sounds of a prepared data set, the run's own unless --data names another. --format=compact writes
OUT/NAME, a model for `generate` and `evaluate` with its weights rounded. --format=lite writes
OUT/lite.tflite, by which a model whose folder it lies in runs without TensorFlow. What exists
already is left alone, but for the last: a SavedModel takes the next free version unless --version
names one.
"""

import pathlib

from absl import flags

from s2i_tf import config_files
from s2i_tf.cli import given_flags
from s2i_tf.errors import UserError, unknown_name
from s2i_tf.model_folder import find_model
from s2i_tf.serving.exported import DEFAULT_NAME


def define_flags() -> None:
    """Defines --workdir, --model, --out, --name, --version, --format, --quantization and --data."""
    flags.DEFINE_string("workdir", None, "Folder of the run that trained the model.")
    flags.DEFINE_string(
        "model", None, "Folder of the model, instead of --workdir; by default the package's own."
    )
    flags.DEFINE_string("out", None, "Folder for exported models.")
    flags.DEFINE_string("name", DEFAULT_NAME, "Name under which the model is served.")
    flags.DEFINE_integer("version", None, "Version of a SavedModel; the next free one by default.")
    flags.DEFINE_string("format", "saved_model", f"One of: {', '.join(FORMATS)}.")
    flags.DEFINE_string("quantization", "float32", "Number format of a TFLite file.")
    flags.DEFINE_string(
        "data", None, "Prepared data set that calibrates full_int8; the run's own by default."
    )


def run() -> None:
    """Checks what can be checked at once, then exports."""
    values = flags.FLAGS
    folder = given_flags.model_folder()
    if not values.out:
        raise UserError("--out=FOLDER is missing")
    if pathlib.Path(values.out).is_file():
        raise UserError(f"--out={values.out} is not a folder")
    if values.format not in FORMATS:
        raise unknown_name("format", values.format, FORMATS)
    export, counting = FORMATS[values.format]
    of_others = {name for _, names in FORMATS.values() for name in names} - {*counting}
    given_flags.refuse(sorted(of_others), f"with --format={values.format}")
    if values.quantization != "full_int8":
        given_flags.refuse(["data"], "without --quantization=full_int8")
    export(find_model(folder), values)


def _saved_model(model_folder: pathlib.Path, values: flags.FlagValues) -> None:
    from s2i_tf.serving import saved_model

    named = {"name": values.name, "version": values.version}
    saved_model.plan(values.out, **named)
    export = saved_model.export(*saved_model.load_with_net(model_folder), values.out, **named)
    for output, difference in export.differences.items():
        print(f"  {output:<32} differs from Keras by at most {difference:.2g}")
    _say(export.folder, export.num_bytes)


def _tflite(model_folder: pathlib.Path, values: flags.FlagValues) -> None:
    from s2i_tf.serving import saved_model, tflite_convert, tflite_export

    tflite_export.plan(values.out, values.name, values.quantization)
    data = values.data
    if not data and values.workdir and values.quantization == tflite_convert.CALIBRATED:
        data = config_files.load(values.workdir).data
    export = tflite_export.export(
        *saved_model.load_with_net(model_folder),
        values.out,
        name=values.name,
        quantization=values.quantization,
        data=data,
    )
    print(f"  pictures differ from Keras' by {export.mean_difference:.2g} on average")
    _say(export.path, export.num_bytes)


def _compact(model_folder: pathlib.Path, values: flags.FlagValues) -> None:
    from s2i_tf.models.sound_to_image import SoundToImage
    from s2i_tf.serving import saved_model
    from s2i_tf.serving.precision import in_float32

    saved_model.check_name(values.name)
    folder = pathlib.Path(values.out, values.name)
    if folder.exists():
        raise UserError(f"{folder} exists already; choose another --out or --name")
    folder.parent.mkdir(parents=True, exist_ok=True)
    in_float32(SoundToImage.load(model_folder)).save(folder, compact=True)
    _say(folder, sum(path.stat().st_size for path in folder.iterdir()))


def _lite(model_folder: pathlib.Path, values: flags.FlagValues) -> None:
    from s2i_tf.serving import lite_file

    path = pathlib.Path(values.out, lite_file.FILE_NAME)
    lite_file.make(model_folder, path)
    _say(path, path.stat().st_size)


def _say(made: pathlib.Path, num_bytes: int) -> None:
    print(f"exported: {made} ({num_bytes / 2**20:.1f} MiB)")


# What writes each format, and the flags that count for some of them alone.
FORMATS = {
    "saved_model": (_saved_model, ("name", "version")),
    "tflite": (_tflite, ("name", "quantization", "data")),
    "compact": (_compact, ("name",)),
    "lite": (_lite, ()),
}

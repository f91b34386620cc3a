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
from collections.abc import Callable

from absl import flags

from s2i_tf import config
from s2i_tf.cli import unused
from s2i_tf.errors import UserError, unknown_name
from s2i_tf.model_folder import find_model
from s2i_tf.pretrained import given_or_own


def define_flags() -> None:
    """Defines --workdir, --model, --out, --name, --version, --format, --quantization and --data."""
    flags.DEFINE_string("workdir", None, "Folder of the run that trained the model.")
    flags.DEFINE_string(
        "model", None, "Folder of the model, instead of --workdir; by default the package's own."
    )
    flags.DEFINE_string("out", None, "Folder for exported models.")
    flags.DEFINE_string("name", "sound_to_image", "Name under which the model is served.")
    flags.DEFINE_integer("version", None, "Version of a SavedModel; the next free one by default.")
    flags.DEFINE_string("format", "saved_model", f"One of: {', '.join(FORMATS)}.")
    flags.DEFINE_string("quantization", "float32", "Number format of a TFLite file.")
    flags.DEFINE_string(
        "data", None, "Prepared data set that calibrates full_int8; the run's own by default."
    )


def run() -> None:
    """Checks what can be checked at once, then exports."""
    if flags.FLAGS.workdir and flags.FLAGS.model:
        raise UserError("give one of --workdir=RUN and --model=DIR")
    if not flags.FLAGS.out:
        raise UserError("--out=FOLDER is missing")
    if pathlib.Path(flags.FLAGS.out).is_file():
        raise UserError(f"--out={flags.FLAGS.out} is not a folder")
    if flags.FLAGS.format not in FORMATS:
        raise unknown_name("format", flags.FLAGS.format, FORMATS)
    of_others = {name for names in _FLAGS_OF.values() for name in names}
    unused.refuse(
        sorted(of_others - {*_FLAGS_OF[flags.FLAGS.format]}), f"with --format={flags.FLAGS.format}"
    )
    if flags.FLAGS.quantization != "full_int8":
        unused.refuse(["data"], "without --quantization=full_int8")
    folder = given_or_own(flags.FLAGS.workdir, flags.FLAGS.model)
    FORMATS[flags.FLAGS.format](find_model(folder))


def _saved_model(model_folder: pathlib.Path) -> None:
    from s2i_tf.serving import saved_model

    saved_model.plan(flags.FLAGS.out, flags.FLAGS.name, flags.FLAGS.version)
    export = saved_model.export(
        *saved_model.load_with_net(model_folder),
        flags.FLAGS.out,
        name=flags.FLAGS.name,
        version=flags.FLAGS.version,
    )
    for output, difference in export.differences.items():
        print(f"  {output:<32} differs from Keras by at most {difference:.2g}")
    print(f"exported: {export.folder} ({_mib(export.num_bytes)})")


def _tflite(model_folder: pathlib.Path) -> None:
    from s2i_tf.serving import saved_model, tflite_convert, tflite_export

    quantization = flags.FLAGS.quantization
    tflite_export.plan(flags.FLAGS.out, flags.FLAGS.name, quantization)
    data = flags.FLAGS.data
    if not data and flags.FLAGS.workdir and quantization == tflite_convert.CALIBRATED:
        data = config.load(flags.FLAGS.workdir).data
    export = tflite_export.export(
        *saved_model.load_with_net(model_folder),
        flags.FLAGS.out,
        name=flags.FLAGS.name,
        quantization=quantization,
        data=data,
    )
    print(f"  pictures differ from Keras' by {export.mean_difference:.2g} on average")
    print(f"exported: {export.path} ({_mib(export.num_bytes)})")


def _compact(model_folder: pathlib.Path) -> None:
    from s2i_tf.models.sound_to_image import SoundToImage
    from s2i_tf.serving import saved_model
    from s2i_tf.serving.precision import in_float32

    saved_model.check_name(flags.FLAGS.name)
    folder = pathlib.Path(flags.FLAGS.out) / flags.FLAGS.name
    if folder.exists():
        raise UserError(f"{folder} exists already; choose another --out or --name")
    folder.parent.mkdir(parents=True, exist_ok=True)
    in_float32(SoundToImage.load(model_folder)).save(folder, compact=True)
    print(f"exported: {folder} ({_mib(sum(path.stat().st_size for path in folder.iterdir()))})")


def _lite(model_folder: pathlib.Path) -> None:
    from s2i_tf.serving import lite_file

    path = pathlib.Path(flags.FLAGS.out) / lite_file.FILE_NAME
    lite_file.make(model_folder, path)
    print(f"exported: {path} ({_mib(path.stat().st_size)})")


FORMATS: dict[str, Callable[[pathlib.Path], None]] = {
    "saved_model": _saved_model,
    "tflite": _tflite,
    "compact": _compact,
    "lite": _lite,
}


# The flags that count for some of them alone.
_FLAGS_OF = {
    "saved_model": ("name", "version"),
    "tflite": ("name", "quantization", "data"),
    "compact": ("name",),
    "lite": (),
}


def _mib(num_bytes: int) -> str:
    return f"{num_bytes / 2**20:.1f} MiB"

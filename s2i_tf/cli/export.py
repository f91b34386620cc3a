"""Export a trained model for TensorFlow Serving.

s2i export --workdir=RUN | --model=DIR --out=DIR [--name=sound_to_image] [--version=1]

Writes a SavedModel with named signatures to OUT/NAME/VERSION/, reloads it in a fresh process and
compares it with Keras before it gets that name. A version that exists already is left alone.
"""

from absl import flags

from s2i_tf.errors import UserError, unknown_name

SAVED_MODEL = "saved_model"
FORMATS = (SAVED_MODEL,)


def define_flags() -> None:
    """Defines --workdir, --model, --out, --name, --version and --format."""
    flags.DEFINE_string("workdir", None, "Folder of the run that trained the model.")
    flags.DEFINE_string("model", None, "Folder of the model, instead of --workdir.")
    flags.DEFINE_string("out", None, "Folder for exported models.")
    flags.DEFINE_string("name", "sound_to_image", "Name under which the model is served.")
    flags.DEFINE_integer("version", 1, "Version of the served model.")
    flags.DEFINE_string("format", SAVED_MODEL, f"One of: {', '.join(FORMATS)}.")


def run(args: list[str]) -> None:
    """Checks what can be checked at once, then exports."""
    if args:
        raise UserError(f"export takes no arguments, got {args[0]!r}")
    given = [folder for folder in (flags.FLAGS.workdir, flags.FLAGS.model) if folder]
    if len(given) != 1:
        raise UserError("give one of --workdir=RUN and --model=DIR")
    if not flags.FLAGS.out:
        raise UserError("--out=FOLDER is missing")
    if flags.FLAGS.format not in FORMATS:
        raise unknown_name("format", flags.FLAGS.format, FORMATS)

    from s2i_tf import features
    from s2i_tf.models.sound_to_image import SoundToImage, find_model
    from s2i_tf.serving import saved_model

    find_model(given[0])
    saved_model.plan(flags.FLAGS.out, flags.FLAGS.name, flags.FLAGS.version)
    model = SoundToImage.load(given[0])
    extractor = features.load_extractor(model.extractors["sound"])
    export = saved_model.export(
        model, extractor, flags.FLAGS.out, name=flags.FLAGS.name, version=flags.FLAGS.version
    )
    for output, difference in export.differences.items():
        print(f"  {output:<32} differs from Keras by at most {difference:.2g}")
    print(f"exported: {export.folder} ({export.num_bytes / 2**20:.1f} MiB)")

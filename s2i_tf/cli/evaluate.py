"""Measure a trained model: retrieval, its pictures and what they owe to training photos.

s2i evaluate --workdir=RUN
s2i evaluate --model=DIR --data=DATA --out=DIR

Writes metrics.json, report.html and figures. With --workdir, data and judge are those of the run's
configuration and the results go to RUN/evaluation, unless a flag says otherwise. DATA is what
`s2i prepare` wrote, or a folder of sounds/CLASS and images/CLASS, whose features then go to
OUT/data. Whatever the model was trained on is left out of every figure of the eval split. Of a
model that also goes from image to sound, --sound_judge=soundnet says what SoundNet hears in the
sounds that it finds; the net whose features the model takes is no judge of them. Of a model that
says "like nothing I know", --unknown_sounds=FOLDER says how well it does.
"""

import pathlib

from absl import flags

from s2i_tf import config as config_lib
from s2i_tf import config_files, model_folder
from s2i_tf.cli import given_flags
from s2i_tf.data import class_folder, dataset_info
from s2i_tf.errors import UserError

OUT_IN_RUN = "evaluation"


def define_flags() -> None:
    """Defines --workdir or --model, and the flags of data, judges, place, draws and page."""
    flags.DEFINE_string("workdir", None, "Folder of a finished run.")
    flags.DEFINE_string(
        "model", None, "Folder of a model, instead of --workdir; by default the package's."
    )
    flags.DEFINE_string("data", None, "What `s2i prepare` wrote, or sounds/CLASS, images/CLASS.")
    flags.DEFINE_string("judge", None, "Classifier that looks at the pictures, by name.")
    flags.DEFINE_string(
        "sound_judge", None, "Classifier that hears the sounds found for photos, by name."
    )
    flags.DEFINE_string(
        "unknown_sounds", "", "Folder of sounds of none of the model's classes, to be told apart."
    )
    flags.DEFINE_string("out", None, "Folder for metrics.json, report.html and the figures.")
    flags.DEFINE_integer("seed", 0, "Random seed of intervals and examples.", lower_bound=0)
    flags.DEFINE_integer("num_gallery", 24, "Examples in the page.", lower_bound=1, upper_bound=200)
    flags.DEFINE_bool(
        "hide_photos", False, "Leave the data's photos out of the figures, to pass them on."
    )


def run() -> None:
    """Evaluates and prints the tables in short."""
    values = flags.FLAGS
    folder = given_flags.model_folder()
    run_dir = folder if (folder / config_lib.FILE_NAME).is_file() else None
    if values.workdir and run_dir is None:
        raise UserError(f"{folder}: not a run folder ({config_lib.FILE_NAME} is missing)")
    config = None if run_dir is None else config_files.load(run_dir)
    data = values.data or (config.data if config else None)
    out = values.out or (folder / OUT_IN_RUN if run_dir else None)
    for name, value in (("data", data), ("out", out)):
        if value is None:
            raise UserError(f"--{name}=FOLDER is missing: {folder} is no run that would say it")
    model_dir = model_folder.find_model(folder)
    is_prepared = (pathlib.Path(data) / dataset_info.FILE_NAME).is_file()
    if not is_prepared and not class_folder.is_class_folder(data):
        raise UserError(
            f"{data}: no prepared data set here ({dataset_info.FILE_NAME} is missing), and no "
            "folder of sounds/CLASS and images/CLASS"
        )

    from s2i_tf import features
    from s2i_tf.evaluation import evaluate
    from s2i_tf.evaluation.metrics import METRICS
    from s2i_tf.evaluation.report import terminal
    from s2i_tf.models.sound_to_image import SoundToImage
    from s2i_tf.training import fit_hearing

    evaluate.check_out(pathlib.Path(out))
    if values.unknown_sounds:
        fit_hearing.files_of(values.unknown_sounds, "--unknown_sounds")
    sound_judge = None
    if values.sound_judge:
        sound_judge = features.load_classifier(values.sound_judge)
        own = model_folder.read_description(model_dir)["nets"].get("sound", {}).get("net")
        if sound_judge.fingerprint.net == own:
            raise UserError(
                f"--sound_judge={values.sound_judge} is the net that the model hears with; "
                "allowed: another one"
            )
    if not is_prepared:
        data = _prepare(data, pathlib.Path(out) / evaluate.DATA_FOLDER, model_dir)
    metrics = evaluate.evaluate(
        SoundToImage.load(model_dir),
        data,
        judge=values.judge or (config.judge if config else evaluate.DEFAULT_JUDGE),
        sound_judge=sound_judge,
        unknown_sounds=values.unknown_sounds,
        out=out,
        seed=values.seed,
        num_gallery=values.num_gallery,
        model_dir=model_dir,
        run=run_dir,
        command=given_flags.command(__name__),
        hide_photos=values.hide_photos,
    )
    print(terminal.as_text(metrics, METRICS))
    print(f"report: {pathlib.Path(out) / evaluate.REPORT_FILE}")


def _prepare(data: str, out: pathlib.Path, model_dir: pathlib.Path) -> pathlib.Path:
    """Extracts the features that the model takes; what it was trained on is the training split."""
    from tfrecords_tools import settings
    from tfrecords_tools.engine import availability

    availability.require_beam()
    from tfrecords_tools import job

    extractors = model_folder.read_description(model_dir)["extractors"]
    chosen = settings.Settings(
        data=str(data),
        out=str(out),
        trained_on=str(model_dir),
        sound_extractor=extractors["sound"],
        image_extractor=extractors["image"],
    )
    chosen.validate()
    summary = job.prepare(chosen)
    print(summary.last_line())
    return out

"""Measure a trained model: retrieval and label match, as JSON, figures and one page.

s2i evaluate --workdir=RUN
s2i evaluate --model=DIR --data=DIR --out=DIR

With --workdir, data and judge are those of the run's configuration and the results go to
RUN/evaluation, unless a flag says otherwise.
"""

import pathlib
import shlex

from absl import flags

from s2i_tf import config as config_lib
from s2i_tf.errors import UserError

OUT_IN_RUN = "evaluation"
_FLAGS = ("workdir", "model", "data", "judge", "out", "seed", "num_gallery")


def define_flags() -> None:
    """Defines --workdir or --model, --data, --judge, --out, --seed and --num_gallery."""
    flags.DEFINE_string("workdir", None, "Folder of a finished run.")
    flags.DEFINE_string("model", None, "Folder of a trained model, instead of --workdir.")
    flags.DEFINE_string("data", None, "Folder that `s2i prepare` wrote.")
    flags.DEFINE_string("judge", None, "Classifier that looks at the pictures, by name.")
    flags.DEFINE_string("out", None, "Folder for metrics.json, report.html and the figures.")
    flags.DEFINE_integer("seed", 0, "Of the intervals and the examples.", lower_bound=0)
    flags.DEFINE_integer("num_gallery", 24, "Examples in the page.", lower_bound=1, upper_bound=200)


def run(args: list[str]) -> None:
    """Evaluates and prints both tables in short."""
    if args:
        raise UserError(f"evaluate takes no arguments, got {args[0]!r}")
    values = flags.FLAGS
    if bool(values.workdir) == bool(values.model):
        raise UserError("give either --workdir=RUN or --model=DIR")
    folder = pathlib.Path(values.workdir or values.model)
    run_dir = folder if (folder / config_lib.FILE_NAME).is_file() else None
    if values.workdir and run_dir is None:
        raise UserError(f"{folder}: not a run folder ({config_lib.FILE_NAME} is missing)")
    config = None if run_dir is None else config_lib.load(run_dir)
    data = values.data or (config.data if config else None)
    out = values.out or (folder / OUT_IN_RUN if run_dir else None)
    for name, value in (("data", data), ("out", out)):
        if value is None:
            raise UserError(f"--{name}=FOLDER is missing: {folder} is no run that would say it")

    from s2i_tf.data import dataset_info
    from s2i_tf.models.sound_to_image import SoundToImage, find_model

    model_dir = find_model(folder)
    dataset_info.load(data)

    from s2i_tf.evaluation import evaluate, summary

    evaluate.check_out(pathlib.Path(out))
    metrics = evaluate.evaluate(
        SoundToImage.load(model_dir),
        data,
        judge=values.judge or (config.judge if config else evaluate.DEFAULT_JUDGE),
        out=out,
        seed=values.seed,
        num_gallery=values.num_gallery,
        model_dir=model_dir,
        run=run_dir,
        command=_command(),
    )
    print(summary.as_text(metrics))
    print(f"report: {pathlib.Path(out) / evaluate.REPORT_FILE}")


def _command() -> str:
    """This call with every flag that was given."""
    given = [f"--{name}={flags.FLAGS[name].value}" for name in _FLAGS if flags.FLAGS[name].present]
    return shlex.join(["s2i", "evaluate", *given])

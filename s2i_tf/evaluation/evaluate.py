"""One evaluation from end to end: numbers as JSON, a page to open, figures as PNG.

What the model was trained on, by its own account, is left out of every figure of the eval split,
and the training split counts as such only as far as the model knows it. What `metrics.json`
(`METRICS_VERSION`) holds is told in `docs/metrics.md`, with its JSON schema.
"""

import json
import logging
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from s2i_tf import features, files
from s2i_tf.data import dataset_info
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.evaluation import heldout, provenance
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.judge import Judge
from s2i_tf.evaluation.metrics import METRICS
from s2i_tf.evaluation.metrics.metric import Metric, NotMeasured
from s2i_tf.evaluation.on_disk import Scratch
from s2i_tf.evaluation.predictions import predict
from s2i_tf.evaluation.report import charts, figures, gallery, page
from s2i_tf.features.base import Classifier
from s2i_tf.media import image
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.training import fit_hearing

METRICS_VERSION = 6
METRICS_FILE = "metrics.json"
REPORT_FILE = "report.html"
# Where the command line keeps the features of a folder that is not prepared.
DATA_FOLDER = "data"
DEFAULT_JUDGE = "efficientnet_lite0"
DEFAULT_NUM_GALLERY = 24

_DIGITS = 10

logger = logging.getLogger(__name__)


def figure_files() -> tuple[str, ...]:
    """The names of all figures that an evaluation can write."""
    return (*(name for metric in METRICS.values() for name in metric.chart_files), *figures.TITLES)


def evaluate(
    model: SoundToImage,
    data_dir: str | os.PathLike,
    *,
    judge: str | Classifier = DEFAULT_JUDGE,
    sound_judge: Classifier | None = None,
    unknown_sounds: str | os.PathLike = "",
    out: str | os.PathLike,
    seed: int = 0,
    num_gallery: int = DEFAULT_NUM_GALLERY,
    model_dir: str | os.PathLike | None = None,
    run: str | os.PathLike | None = None,
    command: str = "",
    hide_photos: bool = False,
) -> dict[str, Any]:
    """Measures a model on a prepared data set and writes `out`.

    Args:
      model: the model, which takes the features of the data's nets.
      data_dir: folder that `s2i prepare` wrote.
      judge: the classifier that looks at the pictures, or its name.
      sound_judge: the classifier that hears the sounds found for photos, such as `yamnet`, if the
        model has that direction.
      unknown_sounds: folder of sounds of none of the model's classes; empty for none.
      out: folder for `metrics.json`, `report.html` and the figures; new, empty, or of an earlier
        evaluation.
      seed: random seed of the intervals and of the examples.
      num_gallery: how many examples to show.
      model_dir: the folder that the model was read from, for the record.
      run: folder of the run that trained it, for its losses.
      command: what repeats this evaluation, for the record.
      hide_photos: leave the data's photos white in the page and the figures, which then hold
        nothing but what the model made.

    Returns:
      What `metrics.json` holds, see `docs/metrics.md`.

    Raises:
      UserError: if model and data are not of the same nets, the model was trained on all of the
        eval split, the data are damaged, the judge is unknown or not one of images, that of sounds
        is not one of sounds, the pictures are not finite, or `out` holds something else.
    """
    out = pathlib.Path(out)
    check_out(out)
    info = dataset_info.load(data_dir)
    _check_nets(model, info)
    image_judge = Judge(judge)
    if sound_judge is not None and sound_judge.modality != "sound":
        raise UserError(
            f"judge {sound_judge.name!r} judges an {sound_judge.modality}; choose one of sounds"
        )
    unknown = None
    if unknown_sounds:
        extractor = features.load_same_extractor(model, "sound")
        unknown = fit_hearing.features_of(unknown_sounds, extractor)
    scratch = Scratch(out)
    held_out = heldout.load(model.trained_on, data_dir, info, scratch)
    predictions = predict(
        model,
        image_judge,
        held_out,
        scratch,
        sound_judge=sound_judge,
        unknown=unknown,
        num_shown=num_gallery,
        seed=seed,
    )
    logger.info("measuring")
    measured = measure(predictions, METRICS)
    if predictions.training is None:
        reasons = dict.fromkeys(("baselines", "retrieval_train"), predictions.no_training)
        measured["missing"] |= reasons
    if predictions.samples is None:
        measured["missing"]["samples"] = "the model gives one picture a sound"
    metrics = {
        "version": METRICS_VERSION,
        "command": command,
        "settings": provenance.settings(seed, num_gallery=num_gallery),
        "versions": provenance.versions(),
        "model": provenance.describe_model(model, model_dir),
        "data": provenance.describe_data(data_dir, held_out),
        "judge": provenance.describe_judge(image_judge.classifier)
        | {"features": {"layer": image_judge.layer, "size": predictions.judged.features.shape[1]}},
        "sound_judge": sound_judge and provenance.describe_judge(sound_judge),
        **measured,
    }
    of_data = provenance.warnings(metrics["data"], model.class_names)
    metrics["warnings"] = of_data + measured["warnings"]
    metrics["deviations"] = provenance.deviations(info, image_judge.classifier.name, model.recipe)
    metrics = rounded(metrics)
    sheets = figures.sheets(predictions, metrics, num_gallery, hide_photos=hide_photos)
    examples = gallery.examples(predictions, hide_photos=hide_photos)
    report = page.render(metrics, examples, sheets, run)
    pictures = {name: image.encode_png(sheet) for name, sheet in sheets.items()}
    _write(out, {**pictures, **draw_charts(metrics), REPORT_FILE: report})
    write_json(out / METRICS_FILE, metrics)  # the last: who finds it finds all
    return metrics


def measure(predictions: Predictions, measures: Mapping[str, Metric]) -> dict[str, Any]:
    """The part of each metric by its name, None where it could not be measured.

    Then `missing`, why not by name, and `warnings`, what the metrics warn of.
    """
    parts: dict[str, Any] = {}
    missing: dict[str, str] = {}
    warnings: list[str] = []
    for name, metric in measures.items():
        try:
            parts[name] = metric.measure(predictions)
        except NotMeasured as reason:
            parts[name], missing[name] = None, str(reason)
        else:
            warnings += metric.warnings(parts[name])
    return {**parts, "missing": missing, "warnings": warnings}


def draw_charts(metrics: Mapping[str, Any]) -> dict[str, bytes]:
    """The charts of what was measured, as PNG by file name."""
    found: dict[str, bytes] = {}
    for part, metric in METRICS.items():
        if metrics[part] is not None:
            figures = metric.charts(metrics[part], metrics)
            for file_name, figure in zip(metric.chart_files, figures, strict=True):
                found[file_name] = charts.png(figure)
    return found


def check_out(out: pathlib.Path) -> None:
    """Refuses a folder that an evaluation must not write to.

    Raises:
      UserError: if it is a file, or holds anything that no evaluation wrote.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: not a folder")
    ours = {METRICS_FILE, REPORT_FILE, *figure_files(), DATA_FOLDER}
    found = out.iterdir() if out.exists() else ()
    foreign = sorted({path.name for path in found if not files.is_temporary(path)} - ours)
    if foreign:
        raise UserError(
            f"{out}: holds something else ({foreign[0]}); choose a new or empty folder, or that of "
            "an earlier evaluation"
        )


def _check_nets(model: SoundToImage, info: DatasetInfo) -> None:
    for modality, net in info.extractors.items():
        key = f"{modality}_fingerprint"
        if info.fingerprints[key] != model.fingerprints[key]:
            raise UserError(
                f"the {modality} features of the data come from {net} {info.fingerprints[key]}; "
                f"allowed: {model.extractors[modality]} {model.fingerprints[key]}, the model's"
            )


def rounded(values: Any) -> Any:
    """Numbers without the last digits, which depend on the order in which threads add."""
    if isinstance(values, dict):
        return {name: rounded(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [rounded(value) for value in values]
    return float(f"{values:.{_DIGITS}g}") if isinstance(values, float) else values


def _write(out: pathlib.Path, contents: Mapping[str, bytes | str]) -> None:
    """Writes the figures and the page; figures of an earlier evaluation that are not here go."""
    out.mkdir(parents=True, exist_ok=True)
    for name in set(figure_files()) - set(contents):
        (out / name).unlink(missing_ok=True)
    for name, content in contents.items():
        files.write(out / name, content)


def write_json(path: pathlib.Path, values: Mapping[str, Any]) -> None:
    """Writes what was measured, whole or not at all; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, json.dumps(values, indent=1, allow_nan=False) + "\n")

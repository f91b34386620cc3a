"""One evaluation from end to end: numbers as JSON, a page to open, figures as PNG.

What the model was trained on, by its own account, is left out of every figure of the eval split,
and the training split counts as such only as far as the model knows it.

`metrics.json` (`METRICS_VERSION`) is one object. An estimate is `{value, low, high}`, a rate
`{micro, macro, per_class}` of estimates, the last by class name.

- `version`; `command`; `settings` (`seed`, `num_resamples`, `confidence`, `num_gallery`);
  `versions` of the software.
- `model`: `folder`, `files` (SHA-256 by name), `class_names`, `stochastic`, `recipe`.
- `data`: `folder`, `name`, `source`, `class_names`, `extractors`, `fingerprints`, `settings`;
  `splits` by name with `num_pairs`, `num_sounds`, `num_images`, `num_groups`, and the same of each
  of its `classes`, as far as they are used; `left_out` (`known`: whether the model says what it was
  trained on; `trained_on`: how many sounds and photos it says; `num_sounds`, `num_images`: how many
  of the data set these are; `num_eval_pairs`: pairs of the eval split that fall away); `overlap`:
  how many recordings, sounds and photos of the eval split also stand in the training split.
- `judge`: `name`, `fingerprint`, `digest`, `num_labels`, `features` (`layer`, `size`).
- `sound_judge`: the same but for `features`, or null where none was given.
- `retrieval`: rows, see `tables.retrieval_rows`: `split`, `direction`, `layer`, `distance`,
  `num_queries`, `num_targets`, `num_groups`; `measures` (`top_1`, `top_5`, `mrr`), rates; `chance`
  by measure, `micro` and `macro`; `targets_hit` (`num`, `share`, `share_if_even`); `paper_top_1` or
  null.
- `label_match`: `num_sounds`, `num_pairs`; `rows` (`name`, `title`, `match` by k, rates); `random`
  and `paper` by k.
- `class_seen`: `probe` (`num_classes`, `penalty`, `validated`), `chance`, `rows` (`name`, `title`,
  `num_items`, `accuracy`, a rate), `confusion` (`class_names`; counts of `generated` and `real`, a
  row for each true class).
- `class_heard`: the same of a probe on the sound features: `probe`, `accuracy`, `confusion` and
  `by_source`, rows of `source`, `num_sounds`, `num_left_out`, and the estimates `accuracy` and
  `left_out`, of a probe that heard nothing of the source.
- `fidelity`: `num_real`, `num_neighbours`; `rows` of `name`, `title`, `num_pictures`, `kid` (an
  estimate with `subset_mean`, `subset_std`, `subset_size`; can be below 0), `fid` (no interval:
  repeated pictures would lower it), `precision` and `recall`, rates. All against the photos of the
  eval split; `real` are as many training photos.
- `diversity`: `real_distance`; `rows` of `name`, `title`, `ratio` (an estimate: mean distance
  between two recordings' pictures of one class over that of real photos) and `per_class`;
  `samples` (`num_samples`, `ratio`: between samples of one sound) or null.
- `memorising`: `num_training_photos`; `features` and `pixels`, each with the median distance to the
  nearest training photo `generated`, of `held_out` photos, and their `ratio`; `closest`.
- `following`: `num_sounds`; `pooled` rank correlations in [-1, 1], `generated` and `real`; `rows`
  of `class_name`, `cause`, `num_sounds`, `generated`, `real`; null but for the embedded data set.
- `reverse`: from image to sound, `num_photos`, `num_sounds`, `chance`, `class_found`, `label_match`
  and a `missing` of its own, see `evaluation.reverse`; null for a model without that direction.
- `qualities`: how many of the pictures are `good` (their labels meet the photo's within the first
  ten, and the probe sees the class), `middling` (one of the two) and `bad`, or null.
- `missing`: why a part above is null or a row has nulls, by its name.
- `warnings` and `deviations`: sentences.

All shares are in [0, 1], and what could not be measured is null. It carries no date and no time, so
that the same input gives the same file.
"""

import json
import logging
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from s2i_tf import features, files, spec
from s2i_tf.data import class_folder, dataset_info
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.evaluation import (
    bootstrap,
    charts,
    exhibits,
    figures,
    gallery,
    label_match,
    memorising,
    picture_tables,
    provenance,
    report,
    reverse,
    tables,
    unseen,
)
from s2i_tf.evaluation.deviations import deviations
from s2i_tf.evaluation.found import Found
from s2i_tf.evaluation.judging import Judge
from s2i_tf.features.base import Classifier
from s2i_tf.media import image
from s2i_tf.models.sound_to_image import SoundToImage

METRICS_VERSION = 2
METRICS_FILE = "metrics.json"
REPORT_FILE = "report.html"
CHART_FILES = ("retrieval.png", "label_match.png", "confusion.png")
FIGURE_FILES = (*CHART_FILES, *figures.TITLES)
# Where the command line keeps the features of a folder that is not prepared.
DATA_FOLDER = "data"
DEFAULT_JUDGE = "efficientnet_lite0"
DEFAULT_NUM_GALLERY = 24

_DIGITS = 10
# What needs training photos.
_OF_TRAINING = (
    "class_seen",
    "class_heard",
    "memorising",
    "qualities",
    "baselines",
    "retrieval_train",
)

logger = logging.getLogger(__name__)


def evaluate(
    model: SoundToImage,
    data_dir: str | os.PathLike,
    *,
    judge: str | Classifier = DEFAULT_JUDGE,
    sound_judge: Classifier | None = None,
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
      model: with the nets of the data.
      data_dir: folder that `s2i prepare` wrote.
      judge: the classifier that looks at the pictures, or its name.
      sound_judge: the classifier that hears the sounds found for photos, such as `yamnet`, if the
        model has that direction.
      out: folder for `metrics.json`, `report.html` and the figures; new, empty, or of an earlier
        evaluation.
      seed: of the intervals and of the examples.
      num_gallery: how many examples to show.
      model_dir: the folder that the model was read from, for the record.
      run: folder of the run that trained it, for its losses.
      command: what repeats this evaluation, for the record.
      hide_photos: leave the data's photos white in the page and the figures, which then hold
        nothing but what the model made.

    Returns:
      What `metrics.json` holds, see the module's docstring.

    Raises:
      UserError: if model and data are not of the same nets, the model was trained on all of the
        eval split, the data are damaged, the judge is unknown or not one of images, that of sounds
        is not one of sounds, the pictures are not finite, or `out` holds something else.
    """
    out = pathlib.Path(out)
    check_out(out)
    info = dataset_info.load(data_dir)
    _check_nets(model, info)
    classifier = features.load_classifier(judge) if isinstance(judge, str) else judge
    if classifier.modality != "image":
        raise UserError(
            f"judge {classifier.name!r} judges a {classifier.modality}; allowed: an image"
        )
    parts = unseen.load(model.trained_on, data_dir, info)
    found = Found.of(model, Judge(classifier), parts, info, seed)
    shares, nearest = _measure(model, found, sound_judge, seed)
    metrics = {
        "version": METRICS_VERSION,
        "command": command,
        "settings": {
            "seed": seed,
            "num_resamples": bootstrap.NUM_RESAMPLES,
            "confidence": bootstrap.CONFIDENCE,
            "num_gallery": num_gallery,
        },
        "versions": provenance.versions(),
        "model": provenance.describe_model(model, model_dir),
        "data": provenance.describe_data(info, data_dir, parts),
        "judge": provenance.describe_judge(classifier)
        | {"features": {"layer": found.judge.layer, "size": found.original.features.shape[1]}},
        "sound_judge": sound_judge and provenance.describe_judge(sound_judge),
        **shares,
    }
    metrics["warnings"] = provenance.warnings(metrics["data"])
    metrics["deviations"] = deviations(info, classifier.name, model.recipe)
    metrics = _rounded(metrics)
    chosen = gallery.draw(found.sounds.ids, found.sounds.labels, num_gallery, seed)
    visible = found.without_photos() if hide_photos else found
    sheets = exhibits.sheets(visible, nearest, chosen, num_gallery, seed)
    if hide_photos:
        sheets = {name: sheet for name, sheet in sheets.items() if name not in figures.OF_PHOTOS}
    _write(out, metrics, exhibits.examples(model, visible, chosen, seed), sheets, run)
    return metrics


def check_out(out: pathlib.Path) -> None:
    """Refuses a folder that an evaluation must not write to.

    Raises:
      UserError: if it is a file, or holds anything that no evaluation wrote.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: not a folder")
    ours = {METRICS_FILE, REPORT_FILE, *FIGURE_FILES}
    ours |= {files.temporary_name(out / name).name for name in ours} | {DATA_FOLDER}
    if out.exists() and (foreign := sorted({path.name for path in out.iterdir()} - ours)):
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


def _measure(
    model: SoundToImage, found: Found, sound_judge: Classifier | None, seed: int
) -> tuple[dict[str, Any], memorising.Nearest | None]:
    """The parts of the metrics, and each generated picture's nearest training photo."""
    logger.info("measuring")
    names, training = found.info.class_names, found.training
    sounds, images = found.sounds, found.images
    index = class_folder.read_index(found.info.source) if found.info.source else {}
    metrics: dict[str, Any] = {
        "retrieval": _retrieval(found, seed),
        "label_match": _label_match(found, seed),
        "class_seen": None,
        "class_heard": None,
        "fidelity": picture_tables.fidelity_rows(
            found.drawn,
            training and (training.images, training.looks),
            found.original,
            sounds,
            images,
            names,
            seed=seed,
        ),
        "diversity": picture_tables.diversity_rows(
            found.drawn, found.original, found.samples, sounds, images, names, seed=seed
        ),
        "memorising": None,
        "following": picture_tables.following_part(
            found.generated.pictures,
            images.pictures[found.photo_of_sound],
            index,
            sounds,
            names,
            seed=seed,
        ),
        "reverse": reverse.measure(
            model,
            training and (training.sounds, training.sound_vectors.after),
            sounds,
            images,
            found.image_vectors.after,
            names,
            source=found.info.source,
            window_seconds=found.info.window_seconds,
            judge=sound_judge,
            seed=seed,
        ),
        "qualities": found.qualities
        and {name: int(chosen.sum()) for name, chosen in found.qualities.items()},
        "missing": _missing(found),
    }
    nearest = None
    if training is not None:
        metrics["class_seen"] = picture_tables.class_seen(
            found.drawn,
            found.rebuilt.looks,
            found.original,
            sounds,
            images,
            training.seen,
            names,
            seed=seed,
        )
        metrics["class_heard"] = picture_tables.class_heard(
            training.heard,
            training.sounds,
            sounds,
            {path: row.get("source", "") for path, row in index.items()},
            names,
            seed=seed,
        )
        metrics["memorising"], nearest = picture_tables.memorising_part(
            found.generated,
            (images.pictures, found.original),
            (training.images, training.looks),
            sounds,
            images,
            seed=seed,
        )
    if metrics["following"] is None:
        metrics["missing"]["following"] = "only the embedded data set knows the causes of a sound"
    if metrics["reverse"] is None:
        metrics["missing"]["reverse"] = "the model goes from sound to image only"
    return metrics, nearest


def _missing(found: Found) -> dict[str, str]:
    missing = {}
    if found.no_training:
        for part in _OF_TRAINING:
            missing[part] = found.no_training
    if found.samples is None:
        missing["samples"] = "the model gives one picture a sound"
    return missing


def _retrieval(found: Found, seed: int) -> list[dict[str, Any]]:
    sides = {
        spec.TRAIN_SPLIT: found.training,
        spec.EVAL_SPLIT: found,
    }
    return [
        row
        for split_name, side in sides.items()
        if side is not None
        for row in tables.retrieval_rows(
            split_name,
            side.sounds,
            side.images,
            {layer: getattr(side.sound_vectors, layer) for layer in tables.LAYERS},
            {layer: getattr(side.image_vectors, layer) for layer in tables.LAYERS},
            found.info.class_names,
            seed=seed,
        )
    ]


def _label_match(found: Found, seed: int) -> dict[str, Any]:
    rows = tables.match_rows(
        found.sounds,
        found.images,
        {name: pictures.looks.labels for name, pictures in found.drawn.items()},
        found.rebuilt.looks.labels,
        found.original.labels,
        found.info.class_names,
        seed=seed,
    )
    random = label_match.random_match(len(found.judge.classifier.labels))
    return {
        "num_sounds": len(found.sounds),
        "num_pairs": len(found.sounds.of_pair),
        "rows": rows,
        "random": {str(k): share for k, share in random.items()},
        "paper": {str(k): share for k, share in label_match.PAPER_MATCH.items()},
    }


def _rounded(values: Any) -> Any:
    """Numbers without the last digits, which depend on the order in which threads add."""
    if isinstance(values, dict):
        return {name: _rounded(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [_rounded(value) for value in values]
    return float(f"{values:.{_DIGITS}g}") if isinstance(values, float) else values


def _write(
    out: pathlib.Path,
    metrics: Mapping[str, Any],
    examples: list[gallery.Example],
    sheets: Mapping[str, np.ndarray],
    run: str | os.PathLike | None,
) -> None:
    """Makes everything first and then writes it, the metrics last: who finds them finds all."""
    contents: dict[str, bytes | str] = {
        "retrieval.png": charts.retrieval_figure(metrics),
        "label_match.png": charts.label_match_figure(metrics),
        **{name: image.encode_png(sheet) for name, sheet in sheets.items()},
        REPORT_FILE: report.render(metrics, examples, sheets, run),
    }
    if metrics["class_seen"] is not None:
        contents["confusion.png"] = charts.confusion_figure(metrics)
    contents[METRICS_FILE] = json.dumps(metrics, indent=1, allow_nan=False) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    for name in set(FIGURE_FILES) - set(contents):
        (out / name).unlink(missing_ok=True)  # of an earlier evaluation
    for name, content in contents.items():
        files.write(out / name, content)

"""One evaluation from end to end: numbers as JSON, a page to open, figures as PNG.

`metrics.json` (`METRICS_VERSION`) is one object:

- `version`; `command`; `settings` (`seed`, `num_resamples`, `confidence`, `num_gallery`);
  `versions` of the software.
- `model`: `folder`, `files` (SHA-256 by name), `class_names`, `stochastic`, `config` of its run.
- `data`: `folder`, `name`, `source`, `class_names`, `extractors`, `fingerprints`, `settings`;
  `splits` by name with `num_pairs`, `num_sounds`, `num_images`, `num_groups`, and the same of each
  of its `classes`; `overlap`: how many recordings, sounds and photos of the eval split also stand
  in the training split.
- `judge`: `name`, `fingerprint`, `digest`, `num_labels`.
- `retrieval`: rows, see `tables.retrieval_rows`: `split`, `direction`, `layer`, `distance`,
  `num_queries`, `num_targets`, `num_groups`; `measures` (`top_1`, `top_5`, `mrr`), each with
  `micro`, `macro` and `per_class`, each of these `{value, low, high}`; `chance` by measure, `micro`
  and `macro`; `targets_hit` (`num`, `share`, `share_if_even`); `paper_top_1` or null.
- `label_match`: `num_sounds`, `num_pairs`; `rows` (`name`, `title`, `match` by k, each as a measure
  above); `random` and `paper` by k.
- `warnings` and `deviations`: sentences.

All shares are in [0, 1], and what could not be measured is null. It carries no date and no time, so
that the same input gives the same file.
"""

import dataclasses
import json
import logging
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from s2i_tf import config as config_lib
from s2i_tf import features, files, spec
from s2i_tf.data import dataset_info, pipeline
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.evaluation import bootstrap, charts, gallery, label_match, provenance, report, tables
from s2i_tf.evaluation.deviations import deviations
from s2i_tf.evaluation.tables import Items
from s2i_tf.features.base import Classifier
from s2i_tf.media import image
from s2i_tf.media.sheet import contact_sheet, to_uint8
from s2i_tf.models.sound_to_image import SoundToImage

METRICS_VERSION = 1
METRICS_FILE = "metrics.json"
REPORT_FILE = "report.html"
FIGURE_FILES = ("retrieval.png", "label_match.png", "pictures.png")
DEFAULT_JUDGE = "efficientnet_lite0"
DEFAULT_NUM_GALLERY = 24

_NUM_FURTHER_SAMPLES = 3
_SHEET_COLUMNS = 12

logger = logging.getLogger(__name__)


def evaluate(
    model: SoundToImage,
    data_dir: str | os.PathLike,
    *,
    judge: str | Classifier = DEFAULT_JUDGE,
    out: str | os.PathLike,
    seed: int = 0,
    num_gallery: int = DEFAULT_NUM_GALLERY,
    model_dir: str | os.PathLike | None = None,
    run: str | os.PathLike | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measures a model on a prepared data set and writes `out`.

    Args:
      model: with the nets of the data.
      data_dir: folder that `s2i prepare` wrote.
      judge: the classifier that looks at the pictures, or its name.
      out: folder for `metrics.json`, `report.html` and the figures; new, empty, or of an earlier
        evaluation.
      seed: of the intervals and of the examples.
      num_gallery: how many examples to show.
      model_dir: the folder that the model was read from, for the record.
      run: folder of the run that trained it, for its losses and configuration.
      command: what repeats this evaluation, for the record.

    Returns:
      What `metrics.json` holds, see the module's docstring.

    Raises:
      UserError: if model and data are not of the same nets, the data are damaged, the judge is
        unknown or not one of images, the pictures are not finite, or `out` holds something else.
    """
    out = pathlib.Path(out)
    check_out(out)
    info = dataset_info.load(data_dir)
    _check_nets(model, info)
    judge = features.load_classifier(judge) if isinstance(judge, str) else judge
    if judge.modality != "image":
        raise UserError(f"judge {judge.name!r} judges a {judge.modality}; allowed: an image")
    config = None if run is None else config_lib.load(run)

    splits = {
        name: pipeline.load_split(data_dir, name, with_image=name == spec.EVAL_SPLIT)
        for name in spec.SPLITS
    }
    sides = {
        name: (Items.of_split(split, "sound"), Items.of_split(split, "image"))
        for name, split in splits.items()
    }
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
        "model": provenance.describe_model(model, model_dir, config),
        "data": provenance.describe_data(info, data_dir, splits),
        "judge": provenance.describe_judge(judge),
        "retrieval": [
            row
            for name in spec.SPLITS
            for row in _retrieval(model, name, *sides[name], info.class_names, seed)
        ],
    }
    sounds, images = sides[spec.EVAL_SPLIT]
    pictures = _Pictures.draw(model, judge, sounds, images)
    metrics["label_match"] = _label_match(judge, sounds, images, pictures, info.class_names, seed)
    metrics["warnings"] = provenance.warnings(metrics["data"])
    metrics["deviations"] = deviations(info, judge.name, config)

    shown = gallery.draw(sounds.ids, sounds.labels, num_gallery, seed)
    further = [
        _finite(model.generate(sounds.features[shown], sample=sample, seed=seed))
        for sample in range(1, 1 + _NUM_FURTHER_SAMPLES if model.stochastic else 1)
    ]
    examples = [
        _example(judge, info, sounds, images, pictures, position, [drawn[i] for drawn in further])
        for i, position in enumerate(shown)
    ]
    _write(out, metrics, examples, run)
    return metrics


def check_out(out: pathlib.Path) -> None:
    """Refuses a folder that an evaluation must not write to.

    Raises:
      UserError: if it is a file, or holds anything that no evaluation wrote.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: not a folder")
    ours = {METRICS_FILE, REPORT_FILE, *FIGURE_FILES}
    ours |= {files.temporary_name(out / name).name for name in ours}
    if out.exists() and (foreign := sorted({path.name for path in out.iterdir()} - ours)):
        raise UserError(
            f"{out}: holds something else ({foreign[0]}); choose a new or empty folder, or that of "
            "an earlier evaluation"
        )


@dataclasses.dataclass(frozen=True)
class _Pictures:
    """The pictures of a split, uint8, and the judge's labels of them and of the photos."""

    generated: np.ndarray  # of each sound
    rebuilt: np.ndarray  # of each photo, from its own features
    generated_labels: np.ndarray
    rebuilt_labels: np.ndarray
    original_labels: np.ndarray

    @classmethod
    def draw(
        cls, model: SoundToImage, judge: Classifier, sounds: Items, images: Items
    ) -> "_Pictures":
        logger.info("drawing %d sounds and %d photos", len(sounds), len(images))
        generated = _finite(model.generate(sounds.features))
        rebuilt = _finite(model.images_from_features(images.features))
        logger.info("%s looks at %d pictures", judge.name, len(sounds) + 2 * len(images))
        return cls(
            generated=generated,
            rebuilt=rebuilt,
            generated_labels=label_match.judge_pictures(judge, generated),
            rebuilt_labels=label_match.judge_pictures(judge, rebuilt),
            original_labels=label_match.judge_pictures(judge, images.pictures),
        )


def _finite(pictures: np.ndarray) -> np.ndarray:
    """As uint8.

    Raises:
      UserError: if a picture holds NaN or infinity, which would turn into some colour unseen.
    """
    if not np.isfinite(pictures).all():
        raise UserError("the model's pictures are not finite; it was not trained to an end")
    return to_uint8(pictures)


def _check_nets(model: SoundToImage, info: DatasetInfo) -> None:
    for modality, net in info.extractors.items():
        key = f"{modality}_fingerprint"
        if info.fingerprints[key] != model.fingerprints[key]:
            raise UserError(
                f"the {modality} features of the data come from {net} {info.fingerprints[key]}; "
                f"allowed: {model.extractors[modality]} {model.fingerprints[key]}, the model's"
            )


def _retrieval(
    model: SoundToImage,
    split_name: str,
    sounds: Items,
    images: Items,
    class_names: tuple[str, ...],
    seed: int,
) -> list[dict[str, Any]]:
    logger.info("retrieval: %d sounds and %d photos of %s", len(sounds), len(images), split_name)
    sound_vectors = model.embed_sound(sounds.features)
    image_vectors = model.embed_image(images.features)
    return tables.retrieval_rows(
        split_name,
        sounds,
        images,
        {layer: getattr(sound_vectors, layer) for layer in tables.LAYERS},
        {layer: getattr(image_vectors, layer) for layer in tables.LAYERS},
        class_names,
        seed=seed,
    )


def _label_match(
    judge: Classifier,
    sounds: Items,
    images: Items,
    pictures: _Pictures,
    class_names: tuple[str, ...],
    seed: int,
) -> dict[str, Any]:
    rows = tables.match_rows(
        sounds,
        images,
        pictures.generated_labels,
        pictures.rebuilt_labels,
        pictures.original_labels,
        class_names,
        seed=seed,
    )
    random = label_match.random_match(len(judge.labels))
    return {
        "num_sounds": len(sounds),
        "num_pairs": len(sounds.of_pair),
        "rows": rows,
        "random": {str(k): share for k, share in random.items()},
        "paper": {str(k): share for k, share in label_match.PAPER_MATCH.items()},
    }


def _example(
    judge: Classifier,
    info: DatasetInfo,
    sounds: Items,
    images: Items,
    pictures: _Pictures,
    position: int,
    further: list[np.ndarray],
) -> gallery.Example:
    photo = int(images.of_pair[np.flatnonzero(sounds.of_pair == position)[0]])
    return gallery.Example(
        class_name=info.class_names[sounds.labels[position]],
        sound_id=sounds.ids[position],
        sound=gallery.load_sound(info.source, sounds.ids[position]),
        original=images.pictures[photo],
        generated=(pictures.generated[position], *further),
        rebuilt=pictures.rebuilt[photo],
        original_labels={int(i): judge.labels[i] for i in pictures.original_labels[photo]},
        generated_labels={int(i): judge.labels[i] for i in pictures.generated_labels[position]},
    )


def _write(
    out: pathlib.Path,
    metrics: Mapping[str, Any],
    examples: list[gallery.Example],
    run: str | os.PathLike | None,
) -> None:
    """Makes everything first and then writes it, the metrics last: who finds them finds all."""
    contents: dict[str, bytes | str] = {
        "retrieval.png": charts.retrieval_figure(metrics),
        "label_match.png": charts.label_match_figure(metrics),
        "pictures.png": image.encode_png(_sheet(examples)),
        REPORT_FILE: report.render(metrics, examples, run),
        METRICS_FILE: json.dumps(metrics, indent=1, allow_nan=False) + "\n",
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        files.write(out / name, content)


def _sheet(examples: list[gallery.Example]) -> np.ndarray:
    """Rows of photos with the generated pictures beneath them, as in the paper's Figure 6."""
    num_columns = min(_SHEET_COLUMNS, len(examples))
    pictures = []
    for start in range(0, len(examples) - num_columns + 1, num_columns):
        row = examples[start : start + num_columns]
        pictures += [example.original for example in row]
        pictures += [example.generated[0] for example in row]
    return contact_sheet(pictures, num_columns=num_columns)

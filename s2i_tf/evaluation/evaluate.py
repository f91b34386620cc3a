"""One evaluation from end to end: numbers as JSON, a page to open, figures as PNG.

What the model was trained on, by its own account, is left out of every figure of the eval split,
and the training split counts as such only as far as the model knows it.

`metrics.json` (`METRICS_VERSION`) is one object. An estimate is `{value, low, high}`, a rate
`{micro, macro, per_class}` of estimates, the last by class name.

- `version`; `command`; `settings` (`seed`, `num_resamples`, `confidence`, `num_gallery`);
  `versions` of the software.
- `model`: `folder`, `files` (SHA-256 by name), `class_names`, `stochastic`, `config` of its run.
- `data`: `folder`, `name`, `source`, `class_names`, `extractors`, `fingerprints`, `settings`;
  `splits` by name with `num_pairs`, `num_sounds`, `num_images`, `num_groups`, and the same of each
  of its `classes`, as far as they are used; `left_out` (`known`: whether the model says what it was
  trained on; `trained_on`: how many sounds and photos it says; `num_sounds`, `num_images`: how many
  of the data set these are; `num_eval_pairs`: pairs of the eval split that fall away); `overlap`:
  how many recordings, sounds and photos of the eval split also stand in the training split.
- `judge`: `name`, `fingerprint`, `digest`, `num_labels`, `features` (`layer`, `size`).
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
- `qualities`: how many of the pictures are `good` (their labels meet the photo's within the first
  ten, and the probe sees the class), `middling` (one of the two) and `bad`, or null.
- `missing`: why a part above is null or a row has nulls, by its name.
- `warnings` and `deviations`: sentences.

All shares are in [0, 1], and what could not be measured is null. It carries no date and no time, so
that the same input gives the same file.
"""

import dataclasses
import json
import logging
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf import config as config_lib
from s2i_tf import features, files, spec
from s2i_tf.data import class_folder, dataset_info
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.evaluation import (
    bootstrap,
    charts,
    drawn,
    figures,
    gallery,
    label_match,
    linear_probe,
    memorising,
    picture_tables,
    provenance,
    report,
    tables,
    unseen,
)
from s2i_tf.evaluation.deviations import deviations
from s2i_tf.evaluation.drawn import Drawn
from s2i_tf.evaluation.judging import Judge, Looks
from s2i_tf.evaluation.linear_probe import LinearProbe
from s2i_tf.evaluation.tables import Items
from s2i_tf.features.base import Classifier
from s2i_tf.media import image
from s2i_tf.media.sheet import to_uint8
from s2i_tf.models.multimodal import Hidden
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

_NUM_FURTHER_SAMPLES = 3
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
# Beside the deterministic picture, for the distance between samples of one sound.
_NUM_COMPARED_SAMPLES = 2

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
      UserError: if model and data are not of the same nets, the model was trained on all of the
        eval split, the data are damaged, the judge is unknown or not one of images, the pictures
        are not finite, or `out` holds something else.
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
    config = None if run is None else config_lib.load(run)
    parts = unseen.load(model.trained_on, data_dir, info)
    found = _Found.of(model, Judge(classifier), parts, info, seed)
    shares, nearest = _measure(found, seed)
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
        "data": provenance.describe_data(info, data_dir, parts),
        "judge": provenance.describe_judge(classifier)
        | {"features": {"layer": found.judge.layer, "size": found.original.features.shape[1]}},
        **shares,
    }
    metrics["warnings"] = provenance.warnings(metrics["data"])
    metrics["deviations"] = deviations(info, classifier.name, config)
    metrics = _rounded(metrics)
    shown = gallery.draw(found.sounds.ids, found.sounds.labels, num_gallery, seed)
    sheets = _sheets(found, nearest, shown, num_gallery, seed)
    _write(out, metrics, _examples(model, found, shown, seed), sheets, run)
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


@dataclasses.dataclass(frozen=True)
class _Training:
    """What the model was trained on, as far as it is at hand."""

    sounds: Items
    images: Items
    looks: Looks
    sound_vectors: Hidden
    image_vectors: Hidden
    heard: LinearProbe  # names the class of a sound
    seen: LinearProbe  # names the class of a picture, from the judge's features


@dataclasses.dataclass(frozen=True)
class _Found:
    """Everything that the figures are worked out from, of the eval split and the training split."""

    judge: Judge
    info: DatasetInfo
    sounds: Items
    images: Items
    sound_vectors: Hidden
    image_vectors: Hidden
    original: Looks
    rebuilt: Drawn  # of each photo, from its own features
    drawn: dict[str, Drawn]  # of each sound: `generated`, and the baselines if there is training
    samples: np.ndarray | None  # features of samples of each sound [samples, sounds, size]
    training: _Training | None
    no_training: str

    @property
    def generated(self) -> Drawn:
        """The pictures of the sounds."""
        return self.drawn["generated"]

    @property
    def photo_of_sound(self) -> np.ndarray:
        """The photo of each sound's first pair, int [sounds]."""
        _, first = np.unique(self.sounds.of_pair, return_index=True)
        return self.images.of_pair[first]

    @property
    def names(self) -> list[str]:
        """The class of each sound."""
        return [self.info.class_names[label] for label in self.sounds.labels]

    @property
    def matches(self) -> np.ndarray:
        """The smallest k at which the labels of picture and photo meet, int [sounds]; 0: none."""
        photos = self.original.labels[self.photo_of_sound]
        return figures.first_matches(photos, self.generated.looks.labels)

    @property
    def qualities(self) -> dict[str, np.ndarray] | None:
        """Which pictures are good, middling and bad, bool [sounds] each; see `figures`."""
        if self.training is None:
            return None
        named = self.training.seen.predict(self.generated.looks.features)
        return figures.qualities(self.matches, named == self.sounds.labels)

    @classmethod
    def of(
        cls, model: SoundToImage, judge: Judge, parts: unseen.Parts, info: DatasetInfo, seed: int
    ) -> "_Found":
        """Runs the model and the judge."""
        sounds, images = _sides(parts.splits[spec.EVAL_SPLIT])
        logger.info("drawing %d sounds and %d photos", len(sounds), len(images))
        generated = _draw(model, sounds.features)
        rebuilt = _finite(model.images_from_features(images.features))
        looks = {
            name: judge.look(pictures, name)
            for name, pictures in (
                ("generated pictures", generated),
                ("photos rebuilt", rebuilt),
                ("photos", images.pictures),
            )
        }
        generated_looks, rebuilt_looks, original = looks.values()
        samples = None
        if model.stochastic:
            further = [
                judge.look(_draw(model, sounds.features, sample, seed)).features
                for sample in range(1, 1 + _NUM_COMPARED_SAMPLES)
            ]
            samples = np.stack([generated_looks.features, *further])
        sound_vectors = model.embed_sound(sounds.features)
        training = None
        by_name = {"generated": Drawn(generated, generated_looks)}
        if not parts.no_training:
            training = _train(model, judge, parts.splits[spec.TRAIN_SPLIT], seed)
            by_name |= drawn.of_baselines(
                judge,
                training.images,
                training.looks,
                training.image_vectors.after,
                sounds,
                sound_vectors.after,
                training.heard,
            )
        return cls(
            judge=judge,
            info=info,
            sounds=sounds,
            images=images,
            sound_vectors=sound_vectors,
            image_vectors=model.embed_image(images.features),
            original=original,
            rebuilt=Drawn(rebuilt, rebuilt_looks),
            drawn=by_name,
            samples=samples,
            training=training,
            no_training=parts.no_training,
        )


def _sides(columns: unseen.Columns) -> tuple[Items, Items]:
    return Items.of_split(columns, "sound"), Items.of_split(columns, "image")


def _train(model: SoundToImage, judge: Judge, columns: unseen.Columns, seed: int) -> _Training:
    sounds, images = _sides(columns)
    looks = judge.look(images.pictures, "training photos")
    logger.info("linear probes on %d training sounds and %d photos", len(sounds), len(images))
    return _Training(
        sounds=sounds,
        images=images,
        looks=looks,
        sound_vectors=model.embed_sound(sounds.features),
        image_vectors=model.embed_image(images.features),
        heard=linear_probe.fit(sounds.features, sounds.labels, sounds.groups, seed=seed),
        seen=linear_probe.fit(looks.features, images.labels, images.ids, seed=seed),
    )


def _draw(model: SoundToImage, sound_features: np.ndarray, sample: int = 0, seed: int = 0):
    return _finite(model.generate(sound_features, sample=sample, seed=seed))


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


def _measure(found: _Found, seed: int) -> tuple[dict[str, Any], memorising.Nearest | None]:
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
    return metrics, nearest


def _missing(found: _Found) -> dict[str, str]:
    missing = {}
    if found.no_training:
        for part in _OF_TRAINING:
            missing[part] = found.no_training
    if found.samples is None:
        missing["samples"] = "the model gives one picture a sound"
    return missing


def _retrieval(found: _Found, seed: int) -> list[dict[str, Any]]:
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


def _label_match(found: _Found, seed: int) -> dict[str, Any]:
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


def _examples(
    model: SoundToImage, found: _Found, shown: Sequence[int], seed: int
) -> list[gallery.Example]:
    further = [
        _draw(model, found.sounds.features[shown], sample, seed)
        for sample in range(1, 1 + _NUM_FURTHER_SAMPLES if model.stochastic else 1)
    ]
    names = found.judge.classifier.labels
    examples = []
    for place, position in enumerate(shown):
        photo = int(found.photo_of_sound[position])
        sound_id = found.sounds.ids[position]
        labels = found.original.labels[photo], found.generated.looks.labels[position]
        examples.append(
            gallery.Example(
                class_name=found.names[position],
                sound_id=sound_id,
                sound=gallery.load_sound(found.info.source, sound_id),
                original=found.images.pictures[photo],
                generated=(
                    found.generated.pictures[position],
                    *(sample[place] for sample in further),
                ),
                rebuilt=found.rebuilt.pictures[photo],
                original_labels={int(i): names[i] for i in labels[0]},
                generated_labels={int(i): names[i] for i in labels[1]},
            )
        )
    return examples


def _sheets(
    found: _Found,
    nearest: memorising.Nearest | None,
    shown: Sequence[int],
    num_shown: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """The figures made of pictures, by file name; see `figures`."""
    names, class_names = found.names, found.info.class_names
    photos = found.photo_of_sound
    originals, generated = found.images.pictures[photos], found.generated
    training = found.training
    sheets: dict[str, np.ndarray | None] = {
        "dataset.png": figures.data_set(
            found.images if training is None else training.images, class_names, seed
        ),
        "rebuilt.png": figures.rebuilt(
            found.images, found.rebuilt.pictures, class_names, num_shown, seed
        ),
        "neighbours.png": figures.neighbours(
            found.images,
            found.image_vectors.after,
            found.sounds,
            found.sound_vectors.after,
            photos,
            class_names,
            num_shown,
            seed,
        ),
        "pictures.png": figures.sheet(
            originals[shown],
            generated.pictures[shown],
            [names[position] for position in shown],
            [""] * len(shown),
        ),
        "top_k.png": figures.top_k(
            found.sounds.ids, originals, generated.pictures, found.matches, names, seed
        ),
    }
    if training is not None:
        sheets["closest.png"] = figures.closest(
            generated.pictures, nearest, training.images, names, class_names
        )
        sheets |= figures.by_quality(
            found.sounds.ids, originals, generated.pictures, found.qualities, names, seed
        )
    return {name: sheet for name, sheet in sheets.items() if sheet is not None}


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

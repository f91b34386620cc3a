"""What an evaluation depended on: model, data, judge and software, and what to beware of.

That is also in what it differs from the paper's, so that nobody compares what can't be.
"""

import dataclasses
import hashlib
import importlib.metadata
import os
import pathlib
import platform
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

import s2i_tf
from s2i_tf import spec
from s2i_tf.config import Config, flatten
from s2i_tf.config_files import migrate
from s2i_tf.data.class_folder import class_key
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.evaluation import stats
from s2i_tf.evaluation.heldout import HeldOut
from s2i_tf.evaluation.inputs import Items
from s2i_tf.evaluation.metrics.tabular import listed
from s2i_tf.features.base import Classifier
from s2i_tf.models.sound_to_image import SoundToImage

_PAPER_NETS = {"sound": "soundnet_pool5", "image": "vgg16_fc6"}
_PAPER_JUDGE = "inception_resnet_v2"
_PAPER_CLASSES = 52

# Fields that say nothing about the recipe.
_NOT_RECIPE = ("seed", "judge", "log_every_steps", "checkpoint_every_steps", "num_samples")

# What is counted of a split, by the column that tells it.
_COUNTED = {"num_sounds": "sound_id", "num_images": "image_id", "num_groups": "group"}


def describe_model(model: SoundToImage, model_dir: str | os.PathLike | None) -> dict[str, Any]:
    """The model with the checksums of its files."""
    paths = [] if model_dir is None else sorted(pathlib.Path(model_dir).iterdir())
    files = [path for path in paths if path.is_file()]
    return {
        "folder": None if model_dir is None else str(model_dir),
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "class_names": list(model.class_names),
        "stochastic": model.stochastic,
        "recipe": model.recipe,
    }


def describe_data(data_dir: str | os.PathLike, held_out: HeldOut) -> dict[str, Any]:
    """The data set, the size of its splits, what was left out, and what stands in both splits."""
    info = held_out.info
    both = [held_out.splits.get(name) for name in spec.SPLITS]
    return {
        "folder": str(data_dir),
        "name": info.name,
        "source": info.source,
        "class_names": list(info.class_names),
        "extractors": info.extractors,
        "fingerprints": info.fingerprints,
        "settings": info.settings,
        "splits": {
            name: {
                **_sizes(split),
                "classes": {
                    class_name: _sizes(split, split["label"] == label)
                    for label, class_name in enumerate(info.class_names)
                },
                "sources": _sizes_by_source(*held_out.sides[name]),
            }
            for name, split in held_out.splits.items()
        },
        "left_out": held_out.left_out,
        "overlap": {
            name: len(set.intersection(*(set(split[key]) for split in both))) if all(both) else 0
            for name, key in _COUNTED.items()
        },
    }


def _sizes(
    split: Mapping[str, np.ndarray], chosen: np.ndarray | slice = slice(None)
) -> dict[str, int]:
    """How many different pairs, sounds, photos and recordings the chosen records hold."""
    different = {name: len(set(split[key][chosen])) for name, key in _COUNTED.items()}
    return {"num_pairs": len(split["label"][chosen]), **different}


def _sizes_by_source(sounds: Items, images: Items) -> dict[str, dict[str, int]]:
    """How many different sounds and photos there are of each collection that is known."""
    return {
        str(source): {
            "num_sounds": int(np.sum(sounds.sources == source)),
            "num_images": int(np.sum(images.sources == source)),
        }
        for source in np.setdiff1d(np.union1d(sounds.sources, images.sources), [""])
    }


def describe_judge(judge: Classifier) -> dict[str, Any]:
    """The judge with its fingerprint."""
    return {
        "name": judge.name,
        "fingerprint": dataclasses.asdict(judge.fingerprint),
        "digest": judge.fingerprint.digest,
        "num_labels": len(judge.labels),
    }


def warnings(data: Mapping[str, Any], model_classes: Iterable[str]) -> list[str]:
    """What would make a reader trust the eval figures too much, or too little.

    Args:
      data: what `describe_data` gave.
      model_classes: names of the classes that the model was trained with.
    """
    names = {"num_groups": "recordings", "num_sounds": "sounds", "num_images": "photos"}
    left_out = data["left_out"]
    found = [
        f"{data['overlap'][key]} {name} of the eval split also stand in the training split, so the "
        "eval figures are not of unseen data alone."
        for key, name in names.items()
        if data["overlap"][key]
    ]
    if left_out["num_eval_pairs"]:
        found.append(
            f"{left_out['num_eval_pairs']} pairs of the eval split are left out, because the model "
            "was trained on their sound or photo."
        )
    if not left_out["known"]:
        found.append(
            "The model does not say what it was trained on, so nothing could be left out; the eval "
            "figures are of unseen data only if the data set is the one that it was trained on."
        )
    known = {class_key(name) for name in model_classes}
    sizes = data["splits"][spec.EVAL_SPLIT]["classes"]
    classes = [name for name in sizes if sizes[name]["num_pairs"]]
    if foreign := [name for name in classes if class_key(name) not in known]:
        found.append(
            f"The model does not know {len(foreign)} of the {len(classes)} classes "
            f"({listed(foreign)}), so that it can neither hear them nor find sounds of them; if it "
            "calls one otherwise, rename it."
        )
    return found


def settings(seed: int, **others: int) -> dict[str, float]:
    """How the intervals are drawn, and other settings by name."""
    intervals = {"num_resamples": stats.NUM_RESAMPLES, "confidence": stats.CONFIDENCE}
    return {"seed": seed, **intervals, **others}


def versions() -> dict[str, str]:
    """The versions of the software that the figures can depend on."""
    return {
        "s2i_tf": s2i_tf.__version__,
        "python": platform.python_version(),
        "tensorflow": importlib.metadata.version("tensorflow"),
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def deviations(info: DatasetInfo, judge_name: str, recipe: Mapping[str, Any] | None) -> list[str]:
    """One sentence for each deviation.

    Args:
      info: description of the data set.
      judge_name: name of the classifier that judges the pictures.
      recipe: the configuration that the model was trained with, if it is known.
    """
    num_pairs = sum(info.num_records(split) for split in info.splits)
    found = [
        f"Data: {num_pairs:,} pairs of {info.num_classes} classes ({info.name}); the paper has "
        f"104,000 pairs of {_PAPER_CLASSES} classes, each sound and photo from one video.",
        "Counting: a sound or photo that forms several pairs counts once; the paper counts pairs.",
        f"Originals: the judge sees them at {info.image_side} px, as the generated pictures; the "
        "paper does not say what it does.",
        "Generation: one deterministic picture a sound, with the statistics of training in every "
        "norm; pix2pix, which the paper builds on, keeps dropout and batch statistics.",
    ]
    for modality, net in _PAPER_NETS.items():
        if info.extractors.get(modality) != net:
            used = info.extractors.get(modality)
            found.append(f"Features of the {modality}: {used}; the paper uses {net}.")
    if judge_name != _PAPER_JUDGE:
        found.append(f"Judge: {judge_name}; the paper uses {_PAPER_JUDGE}.")
    if recipe is None:
        found.append("Training: unknown, as the model does not say.")
        return found
    return found + [
        f"Training, {part}, in brackets our reading of the paper: {', '.join(changed)}."
        for part, changed in _changed(recipe).items()
    ]


def _changed(recipe: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is not as in the paper, `field value (the paper's)`, by the part of the recipe."""
    paper = flatten(Config().recipe())
    found: dict[str, list[str]] = {}
    for name, value in flatten(migrate(recipe)).items():
        if name not in _NOT_RECIPE and value != paper.get(name):
            part, field = name.split(".", 1) if "." in name else ("whole", name)
            found.setdefault(part, []).append(f"{field} {value!r} ({paper.get(name)!r})")
    return found


def left_out(metrics: Mapping[str, Any]) -> str:
    """What of the data was left out of the eval figures, in a sentence."""
    found = metrics["data"]["left_out"]
    if not found["known"]:
        return "The model does not say what it was trained on; nothing is left out."
    return (
        f"Left out, because trained on: {found['num_sounds']} sounds and "
        f"{found['num_images']} photos of the data."
    )

"""What an evaluation depended on: model, data, judge and software, and what to beware of."""

import dataclasses
import hashlib
import importlib.metadata
import os
import pathlib
import platform
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

import s2i_tf
from s2i_tf import spec
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.evaluation.unseen import Parts
from s2i_tf.features.base import Classifier
from s2i_tf.models.sound_to_image import SoundToImage


def describe_model(model: SoundToImage, model_dir: str | os.PathLike | None) -> dict[str, Any]:
    """The model with the checksums of its files."""
    paths = [] if model_dir is None else sorted(pathlib.Path(model_dir).iterdir())
    return {
        "folder": None if model_dir is None else str(model_dir),
        "files": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in paths
            if path.is_file()
        },
        "class_names": list(model.class_names),
        "stochastic": model.stochastic,
        "recipe": model.recipe,
    }


def describe_data(info: DatasetInfo, data_dir: str | os.PathLike, parts: Parts) -> dict[str, Any]:
    """The data set, the size of its splits, what was left out, and what stands in both splits."""
    keys = ("sound_id", "image_id", "group")
    train, evaluated = (
        {key: set(parts.splits[name][key]) if name in parts.splits else set() for key in keys}
        for name in spec.SPLITS
    )
    return {
        "folder": str(data_dir),
        "name": info.name,
        "source": info.source,
        "class_names": list(info.class_names),
        "extractors": info.extractors,
        "fingerprints": info.fingerprints,
        "settings": info.settings,
        "splits": {
            name: _sizes(split, np.full(len(split["label"]), True))
            | {
                "classes": {
                    class_name: _sizes(split, split["label"] == label)
                    for label, class_name in enumerate(info.class_names)
                }
            }
            for name, split in parts.splits.items()
        },
        "left_out": parts.left_out,
        "overlap": {
            "num_groups": len(train["group"] & evaluated["group"]),
            "num_sounds": len(train["sound_id"] & evaluated["sound_id"]),
            "num_images": len(train["image_id"] & evaluated["image_id"]),
        },
    }


def _sizes(split: Mapping[str, np.ndarray], chosen: np.ndarray) -> dict[str, int]:
    """How many different pairs, sounds, photos and recordings the chosen records hold."""
    return {
        "num_pairs": int(chosen.sum()),
        "num_sounds": len(set(split["sound_id"][chosen])),
        "num_images": len(set(split["image_id"][chosen])),
        "num_groups": len(set(split["group"][chosen])),
    }


def describe_judge(judge: Classifier) -> dict[str, Any]:
    """The judge with its fingerprint."""
    return {
        "name": judge.name,
        "fingerprint": dataclasses.asdict(judge.fingerprint),
        "digest": judge.fingerprint.digest,
        "num_labels": len(judge.labels),
    }


def warnings(data: Mapping[str, Any]) -> list[str]:
    """What would make a reader trust the eval figures too much."""
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
    return found


def versions() -> dict[str, str]:
    """Of the software that the figures can depend on."""
    return {
        "s2i_tf": s2i_tf.__version__,
        "python": platform.python_version(),
        "tensorflow": importlib.metadata.version("tensorflow"),
        "keras": keras.__version__,
        "numpy": np.__version__,
    }

"""Which of a data set's pairs may judge a model: those that it was not trained on.

A pair of the eval split is left out if its sound, another clip of its recording, or its photo was
trained on, whatever the file is called now. A pair of the training split stands for what the model
has seen only if the model knows it. A model that does not say is taken at the data set's word.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from s2i_tf import spec
from s2i_tf.data import pipeline, trained_on
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError

Columns = dict[str, np.ndarray]

NO_TRAINING_SPLIT = "the data set has no training split"
NOT_TRAINED_ON = "nothing in the data is known to have trained this model"


@dataclasses.dataclass(frozen=True)
class Parts:
    """The pairs to measure.

    Attributes:
      splits: the columns of each split that has pairs, as of `pipeline.load_split`; `eval` always.
      left_out: for the record, see `evaluate`.
      no_training: why there is no training split; empty if there is.
    """

    splits: dict[str, Columns]
    left_out: dict[str, Any]
    no_training: str


def load(known: Mapping[str, Any] | None, data_dir: str | os.PathLike, info: DatasetInfo) -> Parts:
    """Loads the pairs with their pictures.

    Args:
      known: `trained_on` of the model.
      data_dir: the prepared data set.
      info: its description.

    Raises:
      UserError: if nothing of the eval split is left, or the data are damaged.
    """
    model_knows = None if known is None else TrainedOn.from_dict(known, "the model's trained_on")
    whole = {
        split: pipeline.load_split(data_dir, split)
        for split in spec.SPLITS
        if split == spec.EVAL_SPLIT or info.num_records(split)
    }
    seen = {split: _seen(model_knows, columns, info.source) for split, columns in whole.items()}
    kept = {spec.EVAL_SPLIT: ~seen[spec.EVAL_SPLIT].any(axis=0)}
    if spec.TRAIN_SPLIT in whole:
        known_pairs = seen[spec.TRAIN_SPLIT].all(axis=0)
        kept[spec.TRAIN_SPLIT] = known_pairs | (model_knows is None)
    num_pairs = len(kept[spec.EVAL_SPLIT])
    if not kept[spec.EVAL_SPLIT].any():
        raise UserError(
            f"{data_dir}: nothing is left to evaluate: the model was trained on the sound or the "
            f"photo of each of the {num_pairs} pairs; allowed: data that are new to it"
        )
    splits = {
        split: _chosen(columns, kept[split])
        for split, columns in whole.items()
        if kept[split].any()
    }
    no_training = ""
    if spec.TRAIN_SPLIT not in splits:
        no_training = NOT_TRAINED_ON if spec.TRAIN_SPLIT in whole else NO_TRAINING_SPLIT
    left_out = _describe(model_knows, whole, seen) | {
        "num_eval_pairs": int((~kept[spec.EVAL_SPLIT]).sum())
    }
    return Parts(splits, left_out, no_training)


def _describe(
    known: TrainedOn | None, whole: Mapping[str, Columns], seen: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """How much of the data the model knows."""
    found = {
        f"num_{modality}s": len(
            {
                item_id
                for split, columns in whole.items()
                for item_id in columns[f"{modality}_id"][seen[split][row]]
            }
        )
        for row, modality in enumerate(("sound", "image"))
    }
    said = known and {"num_sounds": known.num_sounds, "num_images": known.num_images}
    return {"known": known is not None, "trained_on": said, **found}


def _seen(known: TrainedOn | None, columns: Columns, source: str) -> np.ndarray:
    """Whether the model knows the sound, and the photo, of each pair: bool [2, pairs]."""
    if known is None:
        return np.zeros((2, len(columns["label"])), bool)
    rows = []
    for modality in ("sound", "image"):
        ids = columns[f"{modality}_id"]
        # A pair's group is the recording of its sound.
        groups = columns["group"] if modality == "sound" else ids
        digests = trained_on.content_digests(source, set(ids))
        rows.append(
            [
                known.knows(modality, item_id, group, digests[item_id])
                for item_id, group in zip(ids, groups, strict=True)
            ]
        )
    return np.array(rows, bool)


def _chosen(columns: Columns, kept: np.ndarray) -> Columns:
    return columns if kept.all() else {key: column[kept] for key, column in columns.items()}

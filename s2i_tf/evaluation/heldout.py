"""Which of a data set's pairs may judge a model: those that it was not trained on.

A pair of the eval split is left out if its sound, another clip of its recording, or its photo was
trained on, whatever the file is called now. A pair of the training split stands for what the model
has seen only if the model knows it, and augmented copies of sounds stand for nothing of their own.
A model that does not say is taken at the data set's word.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from s2i_tf import spec
from s2i_tf.data import class_folder, pipeline, source_sounds, trained_on
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError
from s2i_tf.evaluation import on_disk
from s2i_tf.evaluation.inputs import Items
from s2i_tf.evaluation.on_disk import Scratch

Columns = dict[str, np.ndarray]

# The arrays of a record, and what each is of.
_ARRAYS = {"sound_features": "sound", "image_features": "image", "image": "image"}

NO_TRAINING_SPLIT = "the data set has no training split"
NOT_TRAINED_ON = "nothing in the data is known to have trained this model"


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """The pairs of a data set to measure.

    Attributes:
      info: description of the data set.
      index: rows of its `index.csv` by path.
      splits: ids, labels and groups of the pairs of each split that has some; `eval` always.
      sides: the sounds and the photos of each of these splits.
      left_out: what was left out, for `metrics.json`.
      no_training: why there is no training split; empty if there is.
    """

    info: DatasetInfo
    index: Mapping[str, Mapping[str, str]]
    splits: dict[str, Columns]
    sides: dict[str, tuple[Items, Items]]
    left_out: dict[str, Any]
    no_training: str


def load(
    known: Mapping[str, Any] | None,
    data_dir: str | os.PathLike,
    info: DatasetInfo,
    scratch: Scratch,
) -> HeldOut:
    """Loads the pairs with their features and photos.

    Args:
      known: `trained_on` of the model.
      data_dir: the prepared data set.
      info: description of the data set.
      scratch: holds the features and photos.

    Raises:
      UserError: if nothing of the eval split is left, or the data are damaged.
    """
    model_knows = None if known is None else TrainedOn.from_dict(known, "the model's trained_on")
    whole = {
        split: _columns(data_dir, split)
        for split in spec.SPLITS
        if split == spec.EVAL_SPLIT or info.num_records(split)
    }
    seen = {split: _seen(model_knows, columns, info) for split, columns in whole.items()}
    kept = {spec.EVAL_SPLIT: ~seen[spec.EVAL_SPLIT].any(axis=0)}
    if spec.TRAIN_SPLIT in whole:
        kept[spec.TRAIN_SPLIT] = seen[spec.TRAIN_SPLIT].all(axis=0) | (model_knows is None)
        sound_ids = whole[spec.TRAIN_SPLIT]["sound_id"].tolist()
        kept[spec.TRAIN_SPLIT] &= [source_sounds.original_id(name) == name for name in sound_ids]
    num_pairs = len(kept[spec.EVAL_SPLIT])
    if not kept[spec.EVAL_SPLIT].any():
        raise UserError(
            f"{data_dir}: nothing is left to evaluate: the model was trained on the sound or the "
            f"photo of each of the {num_pairs} pairs; choose data that are new to it"
        )
    splits = {
        split: {key: column[kept[split]] for key, column in columns.items()}
        for split, columns in whole.items()
        if kept[split].any()
    }
    no_training = ""
    if spec.TRAIN_SPLIT not in splits:
        no_training = NOT_TRAINED_ON if spec.TRAIN_SPLIT in whole else NO_TRAINING_SPLIT
    left_out = _describe(model_knows, whole, seen) | {
        "num_eval_pairs": int((~kept[spec.EVAL_SPLIT]).sum())
    }
    index = class_folder.read_index(info.source) if info.source else {}
    sides = {
        split: _sides(data_dir, split, np.flatnonzero(kept[split]), columns, scratch, index)
        for split, columns in splits.items()
    }
    return HeldOut(info, index, splits, sides, left_out, no_training)


def _columns(data_dir: str | os.PathLike, split: str) -> Columns:
    """Ids, labels and groups of all pairs of a split."""
    keys = ("sound_id", "image_id", "group", "label")
    parts = [
        {key: batch[key] for key in keys}
        for batch in pipeline.split_batches(data_dir, split, with_image=False)
    ]
    return {key: np.concatenate([part[key] for part in parts]) for key in keys}


def _sides(
    data_dir: str | os.PathLike,
    split: str,
    records: np.ndarray,
    columns: Columns,
    scratch: Scratch,
    index: Mapping[str, Mapping[str, str]],
) -> tuple[Items, Items]:
    """The sounds and the photos of some records of a split, each from the first that has it.

    Args:
      data_dir: the prepared data set.
      split: name of the split.
      records: int [pairs], the places of the pairs among the records of the split.
      columns: ids, labels and groups of the pairs.
      scratch: holds the features and photos.
      index: rows of the data's `index.csv` by path.
    """
    sides = {modality: items_of(columns, modality, index) for modality in ("sound", "image")}
    first = {modality: records[items.first_pair] for modality, items in sides.items()}
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for batch in pipeline.split_batches(data_dir, split):
        for key, modality in _ARRAYS.items():
            rows = first[modality]
            if key not in arrays:
                arrays[key] = scratch.array((len(rows), *batch[key].shape[1:]), batch[key].dtype)
            here = np.flatnonzero((rows >= start) & (rows < start + len(batch[key])))
            arrays[key][here] = batch[key][rows[here] - start]
            on_disk.forget(arrays[key])
        start += len(batch["label"])
    return (
        dataclasses.replace(sides["sound"], features=arrays["sound_features"]),
        dataclasses.replace(
            sides["image"], features=arrays["image_features"], pictures=arrays["image"]
        ),
    )


def items_of(
    columns: Columns, modality: str, index: Mapping[str, Mapping[str, str]] | None = None
) -> Items:
    """The sounds or the photos of pairs, with features and photos if the columns have them.

    Args:
      columns: arrays by key, as of `pipeline.load_split`.
      modality: `sound` or `image`.
      index: rows of the data's `index.csv` by path, which say the collections.
    """
    ids, first, of_pair = np.unique(
        columns[f"{modality}_id"].astype(str), return_index=True, return_inverse=True
    )
    # An item may be a moment of the file that has a row.
    rows = [(index or {}).get(source_sounds.parse_id(name)[0], {}) for name in ids.tolist()]
    groups = columns["group"].astype(str)
    if modality == "sound":
        groups = groups[first]
    else:
        sound_ids = columns["sound_id"].astype(str).tolist()
        groups = source_sounds.groups_of_photos(ids.tolist(), sound_ids, groups.tolist())
    arrays = {"features": columns.get(f"{modality}_features"), "pictures": columns.get("image")}
    return Items(
        ids=ids,
        labels=columns["label"][first],
        groups=np.asarray(groups),
        sources=np.array([row.get("source", "") for row in rows]),
        of_pair=of_pair,
        **{name: None if array is None else array[first] for name, array in arrays.items()},
    )


def _describe(
    known: TrainedOn | None, whole: Mapping[str, Columns], seen: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """How much of the data the model knows."""
    found = {
        f"num_{modality}s": len(
            set().union(*(whole[split][f"{modality}_id"][seen[split][row]] for split in whole))
        )
        for row, modality in enumerate(("sound", "image"))
    }
    said = known and {"num_sounds": known.num_sounds, "num_images": known.num_images}
    return {"known": known is not None, "trained_on": said, **found}


def _seen(known: TrainedOn | None, columns: Columns, info: DatasetInfo) -> np.ndarray:
    """Whether the model knows the sound, and the photo, of each pair: bool [2, pairs]."""
    if known is None:
        return np.zeros((2, len(columns["label"])), bool)
    rows = []
    for modality in ("sound", "image"):
        ids = columns[f"{modality}_id"]
        if modality == "sound":
            groups = trained_on.recordings(info, ids, columns["group"])
        else:
            groups = [()] * len(ids)
        digests = trained_on.content_digests(info.source, set(ids))
        pairs = zip(ids, groups, strict=True)
        rows.append([known.knows(modality, name, group, digests[name]) for name, group in pairs])
    return np.array(rows, bool)

"""Embeddings of sounds and pictures by a net that knows both: of `.npz` files, or of a hub net."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf.data import class_folder
from s2i_tf.errors import UserError
from s2i_tf.evaluation.scored_pairs import composed
from s2i_tf.features.base import Classifier
from s2i_tf.files import ARCHIVE_ERRORS
from s2i_tf.iterating import batched

_BATCH_SIZE = 32


def read(
    audio: str | os.PathLike | None,
    pictures: str | os.PathLike | None,
    names: Sequence[str],
    class_names: Sequence[str],
) -> dict[str, np.ndarray]:
    """The vectors of the files by what they are of, as `Predictions.embeddings` has them.

    Args:
      audio: an `.npz` with `ids` and `sounds`, if there is one.
      pictures: an `.npz` with `ids`, `pictures`, and perhaps `photos`; and perhaps `class_names`
        and `classes`, if there is one.
      names: the names of pairs, in the order that the vectors get.
      class_names: names of the classes, likewise.

    Raises:
      UserError: if a file cannot be read, or a vector is missing, not finite or of another size.
    """
    found: dict[str, np.ndarray] = {}
    for path, sides in ((audio, ("sounds",)), (pictures, ("pictures", "photos"))):
        if path is None:
            continue
        arrays = _read_arrays(path)
        if sides[0] not in arrays:
            raise UserError(f"{path}: holds no array {sides[0]!r}; it needs 'ids' and {sides[0]!r}")
        for side in sides:
            if side in arrays:
                found[side] = _chosen(arrays, "ids", side, names, path)
        if "classes" in arrays:
            found["classes"] = _chosen(arrays, "class_names", "classes", class_names, path)
    check_sizes(found)
    return found


def of_net(net: Classifier, pictures: np.ndarray) -> np.ndarray:
    """The vectors [pictures, size] that a net gives to pictures uint8 [pictures, side, side, 3]."""
    batches = batched(map(net.prepare, pictures), _BATCH_SIZE)
    return np.concatenate([net(np.stack(batch)) for batch in batches])


def check_sizes(embeddings: Mapping[str, np.ndarray]) -> None:
    """Refuses vectors that cannot be of one net.

    Raises:
      UserError: if they differ in size.
    """
    if len({vectors.shape[1] for vectors in embeddings.values()}) > 1:
        sizes = ", ".join(f"{side} {vectors.shape[1]}" for side, vectors in embeddings.items())
        raise UserError(f"the embeddings differ in size ({sizes}); take those of one net")


def _read_arrays(path: str | os.PathLike) -> Mapping[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (*ARCHIVE_ERRORS, AttributeError, TypeError) as error:
        raise UserError(f"{path}: cannot be read as an .npz file: {error}") from None


def _chosen(
    arrays: Mapping[str, np.ndarray], key: str, side: str, names: Sequence[str], path: Any
) -> np.ndarray:
    """The vectors of some names, float64 [names, size].

    Raises:
      UserError: if one is missing, or not finite numbers.
    """
    if arrays[side].dtype.kind not in "iuf":
        raise UserError(f"{path}: {side!r} holds {arrays[side].dtype}; it needs numbers")
    vectors, listed = arrays[side].astype(np.float64), arrays.get(key, np.array([], str))
    if listed.ndim != 1 or listed.dtype.kind not in "Uiu":
        raise UserError(
            f"{path}: {key!r} is {listed.dtype} {listed.shape}; it needs a list of names"
        )
    listed = listed.astype(str).tolist()
    if vectors.ndim != 2 or len(vectors) != len(listed):
        raise UserError(
            f"{path}: {side!r} is {vectors.shape} for {len(listed)} {key!r}; it needs a row for "
            "each of them"
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise UserError(
            f"{path}: {side!r} of {listed[np.argmin(finite)]!r} is not finite, one of "
            f"{np.sum(~finite)} such rows; it needs finite numbers for each of {key!r}"
        )
    form = class_folder.class_key if key == "class_names" else composed
    row_of = {form(name): row for row, name in enumerate(listed)}
    if len(row_of) < len(listed):
        twice = next(name for row, name in enumerate(listed) if row_of[form(name)] != row)
        raise UserError(f"{path}: {key!r} has {twice!r} twice; list each once")
    if missing := [name for name in names if form(name) not in row_of]:
        raise UserError(f"{path}: no {side} of {missing[0]!r} in {key!r}; add it")
    return vectors[[row_of[form(name)] for name in names]]

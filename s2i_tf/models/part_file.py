"""The files of a trained part: Keras' own, or a compact one for a model that ships.

`NAME.keras` holds what Keras needs to go on with it. `NAME.npz` holds the configuration and the
weights alone, a quarter of it: large ones as int8 with scales where that errs by little, other
floats as float16. It is read back as float32.
"""

import io
import json
import os
import pathlib
from typing import Any

import keras
import numpy as np

from s2i_tf import files
from s2i_tf.errors import UserError, first_line
from s2i_tf.models import int8

KERAS_ENDING = ".keras"
COMPACT_ENDING = ".npz"
_CONFIG = "config"
_WEIGHT = "weight_"
_LARGE = 1 << 16
# Root mean square of the rounding errors over that of the weights: of what is about normally
# distributed 0.01.
_MAX_ERROR = 0.02


def save(model: keras.Model, folder: pathlib.Path, name: str, *, compact: bool = False) -> None:
    """Writes a part into a folder, whole or not at all.

    Args:
      model: a built model.
      folder: that of the parts.
      name: of the part.
      compact: rounded weights, and no more than inference needs.

    Raises:
      UserError: if a weight is too large for float16.
    """
    ending = COMPACT_ENDING if compact else KERAS_ENDING
    with files.new_file(folder / f"{name}{ending}") as temporary:
        if compact:
            # Not straight to the disk, which NumPy leaves open where it is full.
            contents = io.BytesIO()
            np.savez(contents, **_compact_arrays(model, name))
            temporary.write_bytes(contents.getbuffer())
        else:
            model.save(temporary)


def exists(folder: pathlib.Path, name: str) -> bool:
    """Whether the folder holds the part, in either form."""
    return any((folder / f"{name}{ending}").exists() for ending in (KERAS_ENDING, COMPACT_ENDING))


def load(folder: pathlib.Path, name: str) -> keras.Model:
    """Reads a part in the form that is there.

    Raises:
      UserError: if it is missing or damaged.
    """
    path = folder / f"{name}{COMPACT_ENDING}"
    if not path.exists():
        path = folder / f"{name}{KERAS_ENDING}"
    try:
        if path.suffix == COMPACT_ENDING:
            return _load_compact(path)
        return keras.saving.load_model(path, compile=False)
    except (*files.ARCHIVE_ERRORS, TypeError) as error:
        raise UserError(f"{path}: cannot be read: {first_line(error)}") from None


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Gives a model the weights of a smaller one of the same layers' names.

    Layers that the source lacks keep theirs.

    Raises:
      UserError: if the target lacks a layer of the source, or it has another shape.
    """
    for layer in source.layers:
        if layer.weights:
            try:
                target.get_layer(layer.name).set_weights(layer.get_weights())
            except ValueError as error:
                raise UserError(
                    f"{source.name} is no start of {target.name}: {first_line(error)}"
                ) from None


def _compact_arrays(model: keras.Model, name: str) -> dict[str, Any]:
    config = json.dumps(keras.saving.serialize_keras_object(model))
    arrays: dict[str, Any] = {_CONFIG: np.array(config)}
    for position, variable in enumerate(model.weights):
        values = keras.ops.convert_to_numpy(variable)
        if np.issubdtype(values.dtype, np.floating):
            if (small := _rounded(values)) is not None:
                values, arrays[_scale_name(position)] = small.values, small.scales
            elif np.abs(values).max(initial=0) > np.finfo(np.float16).max:
                raise UserError(f"{name}: {variable.path} is too large for float16")
            else:
                values = values.astype(np.float16)
        arrays[_weight_name(position)] = values
    return arrays


def _rounded(weights: np.ndarray) -> int8.Quantized | None:
    """Large weights as int8, by their inputs or outputs; None if they are few or that errs much."""
    if weights.size < _LARGE or weights.ndim < 2:
        return None
    found, error = int8.closest(weights, (weights.ndim - 2, weights.ndim - 1))
    return found if error <= _MAX_ERROR**2 * np.square(weights).sum() else None


def _load_compact(path: str | os.PathLike) -> keras.Model:
    with np.load(path, allow_pickle=False) as archive:
        model = keras.saving.deserialize_keras_object(json.loads(str(archive[_CONFIG])))
        num_weights = sum(name.startswith(_WEIGHT) for name in archive.files)
        if num_weights != len(model.weights):
            raise ValueError(f"{num_weights} weights; its configuration has {len(model.weights)}")
        for position, variable in enumerate(model.weights):
            values = archive[_weight_name(position)]
            if _scale_name(position) in archive:
                values = values * archive[_scale_name(position)]
            variable.assign(values.astype(variable.dtype))
    return model


def _weight_name(position: int) -> str:
    return f"{_WEIGHT}{position:03}"


def _scale_name(position: int) -> str:
    return f"scale_{position:03}"

"""The folder of a trained model: where it is, and what its `model.json` says. No Keras import.

`s2i_tf.models.sound_to_image` reads and writes what else is in it.
"""

import hashlib
import os
import pathlib
from typing import Any

from s2i_tf import files
from s2i_tf.errors import UserError

DESCRIPTION_FILE = "model.json"
TRAINED_ON_FILE = "trained_on.json"
FOLDER_IN_RUN = "model"
VERSION = 1
_ENDINGS = (".json", ".keras", ".npz")


def write_description(
    folder: pathlib.Path, *, trained_on: dict[str, Any] | None = None, **values: Any
) -> None:
    """Writes `model.json`, which makes a folder with the three parts a model.

    What it was trained on goes into a file beside it, which `model.json` names.
    """
    if trained_on is not None:
        files.write_json(folder / TRAINED_ON_FILE, trained_on)
    name = None if trained_on is None else TRAINED_ON_FILE
    files.write_json(folder / DESCRIPTION_FILE, {"version": VERSION, **values, "trained_on": name})


def find_model(folder: str | os.PathLike) -> pathlib.Path:
    """The model's folder for a path to itself or to its run.

    Raises:
      UserError: if neither holds a model.
    """
    for candidate in (pathlib.Path(folder), pathlib.Path(folder) / FOLDER_IN_RUN):
        if (candidate / DESCRIPTION_FILE).is_file():
            return candidate
    raise UserError(
        f"{folder}: no trained model here ({DESCRIPTION_FILE} is missing); "
        "`s2i train --workdir=FOLDER` makes one once all its stages are done"
    )


def read_description(folder: str | os.PathLike) -> dict[str, Any]:
    """What `model.json` says, for a path to a model or to its run.

    Raises:
      UserError: as `find_model`, or if the file is damaged or of another version.
    """
    path = find_model(folder) / DESCRIPTION_FILE
    description = files.read_json(path)
    if description.get("version") != VERSION:
        raise UserError(f"{path}: version {description.get('version')!r}; allowed: {VERSION}")
    return description


def read_trained_on(folder: str | os.PathLike) -> dict[str, Any] | None:
    """Hashes of what a model was trained on, as of `s2i_tf.data.trained_on`, or None.

    Raises:
      UserError: as `read_description`, or if the file that it names is damaged.
    """
    name = read_description(folder).get("trained_on")
    return None if name is None else files.read_json(find_model(folder) / pathlib.Path(name).name)


def fingerprint(folder: pathlib.Path) -> str:
    """16 hexadecimal digits that differ when any file of a model does."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

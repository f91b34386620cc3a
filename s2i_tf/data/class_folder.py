"""The names in a folder by class: `sounds/CLASS/FILE`, `images/CLASS/FILE` and `index.csv`."""

import os
import pathlib

from s2i_tf.data import csv_rows
from s2i_tf.errors import UserError

INDEX_FILE = "index.csv"
KIND_FOLDERS = {"sound": "sounds", "image": "images"}


def is_class_folder(folder: str | os.PathLike) -> bool:
    """Whether a folder has sounds and photos by class."""
    return all((pathlib.Path(folder) / name).is_dir() for name in KIND_FOLDERS.values())


def read_index(folder: str | os.PathLike) -> dict[str, dict[str, str]]:
    """The rows of the folder's `index.csv` by path; none where it has none that can be read."""
    path = pathlib.Path(folder) / INDEX_FILE
    try:
        rows = csv_rows.mappings(path.read_bytes(), str(path))
    except (OSError, UserError):
        return {}
    return {row["path"]: row for row in rows if row.get("path")}

"""The names in a folder by class: `sounds/CLASS/FILE`, `images/CLASS/FILE` and `index.csv`.

Names of classes that differ by case, outer spaces or Unicode form are of one class (`class_key`).
"""

import os
import pathlib
import unicodedata

from s2i_tf.data import csv_rows, walking
from s2i_tf.errors import UserError

INDEX_FILE = "index.csv"
KIND_FOLDERS = {"sound": "sounds", "image": "images"}


def kind_of(name: str) -> str | None:
    """The kind of what lies in a folder of that name, in whatever case; None for another folder."""
    return next((kind for kind, known in KIND_FOLDERS.items() if name.lower() == known), None)


def class_key(name: str) -> str:
    """What all spellings of one class have in common."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def is_class_folder(folder: str | os.PathLike) -> bool:
    """Whether a folder has sounds and photos by class."""
    folder = pathlib.Path(folder)
    found = {kind_of(path.name) for path in folder.iterdir()} if folder.is_dir() else set()
    return found >= set(KIND_FOLDERS)


def index_path(folder: str | os.PathLike) -> pathlib.Path:
    """Where a folder's `index.csv` is, or would be; in whatever case its name is written."""
    folder = pathlib.Path(folder)
    names = sorted(os.listdir(folder), reverse=True) if folder.is_dir() else []
    return folder / next((name for name in names if name.lower() == INDEX_FILE), INDEX_FILE)


def read_index(folder: str | os.PathLike) -> dict[str, dict[str, str]]:
    """The rows of the folder's `index.csv` by path; none where it has none that can be read.

    The paths are as a listing of the folder gives them, in either form of their letters, however
    the table has written them.
    """
    path = index_path(folder)
    try:
        rows = csv_rows.mappings(path.read_bytes(), str(path))
    except (OSError, UserError):
        return {}
    return {
        unicodedata.normalize(form, walking.within(folder, row["path"].replace("\\", "/"))): row
        for row in rows
        if row.get("path")
        for form in ("NFC", "NFD")
    }

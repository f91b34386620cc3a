"""The names in a folder by class: `sounds/CLASS/FILE`, `images/CLASS/FILE` and `index.csv`."""

import csv
import os
import pathlib

INDEX_FILE = "index.csv"
KIND_FOLDERS = {"sound": "sounds", "image": "images"}


def is_class_folder(folder: str | os.PathLike) -> bool:
    """Whether a folder has sounds and photos by class."""
    return all((pathlib.Path(folder) / name).is_dir() for name in KIND_FOLDERS.values())


def read_index(folder: str | os.PathLike) -> dict[str, dict[str, str]]:
    """The rows of the folder's `index.csv` by path; none where it has none that can be read."""
    try:
        with open(pathlib.Path(folder) / INDEX_FILE, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {
        row["path"]: {name: value or "" for name, value in row.items() if name}
        for row in rows
        if row.get("path")
    }

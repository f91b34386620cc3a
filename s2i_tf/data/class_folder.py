"""The names in a folder by class: `sounds/CLASS/FILE`, `images/CLASS/FILE` and `index.csv`.

Names of classes that differ by case, outer spaces or Unicode form are of one class (`class_key`).
"""

import logging
import os
import pathlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from s2i_tf.data import csv_rows, walking
from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

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


def merged(names: Iterable[str]) -> dict[str, str]:
    """The class that each name stands for, and says which stand for one: see `class_key`.

    Of several spellings the one in small letters counts, composed as most keyboards do.
    """
    spellings = defaultdict(set)
    for name in names:
        spellings[class_key(name)].add(name)
    class_of = {}
    for of_one in spellings.values():
        class_name = unicodedata.normalize("NFC", max(of_one)).strip()
        if len(of_one) > 1:
            logger.warning("one class, %r: %s", class_name, ", ".join(map(repr, sorted(of_one))))
        class_of |= dict.fromkeys(of_one, class_name)
    return class_of


def forms(path: str) -> tuple[str, ...]:
    """A path with its letters composed and decomposed, as systems write them."""
    return tuple(unicodedata.normalize(form, path) for form in ("NFC", "NFD"))


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
        # Not strict, as preparation is now: it may have been prepared by an earlier version.
        rows = csv_rows.numbered(path.read_bytes(), str(path), strict=False)
    except OSError:
        return {}
    except UserError as error:
        logger.warning("%s. It is left unread", error)
        return {}
    return {
        form: row
        for _, row in rows
        if row.get("path")
        for form in forms(walking.within(folder, row["path"].replace("\\", "/")))
    }

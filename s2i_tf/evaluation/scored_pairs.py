"""The pairs that `s2i score` measures: a picture made from a sound, that sound, and a photo.

They are matched by name or listed in a CSV.

Names: a pair is called as its picture, by the path within the folder without the ending, or of a
CSV with it, where nothing else tells two pictures apart. A class is the CSV's column or the folder
that the photo lies in. Photos, sounds and pairs are told apart by their contents: copies and links
count once, and pictures of one sound are of one recording.
"""

import dataclasses
import logging
import os
import pathlib
import unicodedata
from collections.abc import Callable, Sequence

import numpy as np

from s2i_tf.data import csv_rows, walking
from s2i_tf.errors import UserError
from s2i_tf.files import content_digest

logger = logging.getLogger(__name__)

_COLUMNS = ("picture", "sound", "photo")
# What words of other names may mean a column; the kind of a file last, as the name
# of another column may hold it (`photo_class`).
_MEANINGS = {
    "class": ("class", "label", "category", "tag"),
    "group": ("group", "recording"),
    "source": ("source",),
    "picture": ("picture",),
    "sound": ("sound", "audio"),
    "photo": ("photo",),
}


@dataclasses.dataclass(frozen=True)
class Pair:
    """A picture with the sound that it was made from and a photo of what was heard.

    Attributes:
      name: the picture's path within its folder, as a rule without the ending.
      picture: the file of the picture.
      sound: the file of the sound.
      photo: the file of the photo.
      class_name: name of the class; empty if there are none.
      group: the recording, of which several sounds may be.
      source: the collection that it is from; empty where it is not known.
    """

    name: str
    picture: str
    sound: str
    photo: str
    class_name: str = ""
    group: str = ""
    source: str = ""


def match(
    pictures: str | os.PathLike, sounds: str | os.PathLike, photos: str | os.PathLike
) -> tuple[list[Pair], list[str]]:
    """Pairs of the files of three folders that have one name, and those that have no match.

    Names are paths without their ending; where the folders within differ, those of the files alone.

    Raises:
      UserError: if two files of a folder have one name, or no picture has a match.
    """
    for name_of in (lambda path: str(path.with_suffix("")), lambda path: path.stem):
        unmatched: set[str] = set()
        found = [_by_name(folder, name_of, unmatched) for folder in (pictures, sounds, photos)]
        if common := set.intersection(*map(set, found)):
            break
    else:
        raise UserError(
            f"{pictures}: no picture has the name of a sound in {sounds} and of a photo in "
            f"{photos}; name them alike but for the ending, or list them with --pairs=FILE.csv"
        )
    root = pathlib.Path(photos)
    pairs = []
    for name in sorted(common):
        files = [str(by_name[name]) for by_name in found]
        within = pathlib.Path(files[2]).relative_to(root).parts
        pairs.append(Pair(name, *files, within[0] if len(within) > 1 else "", files[1]))
    unmatched |= {str(path) for by_name in found for path in by_name.values()}
    unmatched -= {file for pair in pairs for file in (pair.picture, pair.sound, pair.photo)}
    return pairs, sorted(unmatched)


def read_pairs(path: str | os.PathLike) -> list[Pair]:
    """The pairs of a CSV: columns `picture`, `sound`, `photo`, and if known `class`, `group` and
    `source`; paths are relative to its folder. A sound is a name here, which is not opened.

    Raises:
      UserError: if it cannot be read, a column or a path is missing, or something would be lost.
    """
    path = pathlib.Path(path)
    try:
        rows = csv_rows.numbered(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    if rows:
        columns = list(rows[0][1])
        csv_rows.check_unread(columns, _MEANINGS, _MEANINGS, str(path), whole_words=True)
    pairs: dict[str, Pair] = {}  # by the picture's file
    for number, row in rows:
        if missing := [name for name in _COLUMNS if not row.get(name)]:
            raise UserError(f"{path}: line {number} has no {missing[0]}; give each pair one")
        files = [_beside(path.parent, row[name]) for name in _COLUMNS]
        if files[0] in pairs:
            raise UserError(
                f"{path}: line {number} has {row['picture']} once more; list each pair once"
            )
        known = [row.get(key, "") for key in ("class", "group", "source")]
        name = str(pathlib.PurePath(row["picture"]))
        pairs[files[0]] = Pair(name, *files, known[0], known[1] or files[1], known[2])
    if not pairs:
        raise UserError(f"{path}: holds no pairs; list one a line")
    names = [os.path.splitext(pair.name)[0] for pair in pairs.values()]
    if len(set(names)) < len(names):
        return list(pairs.values())
    return [
        dataclasses.replace(pair, name=name)
        for pair, name in zip(pairs.values(), names, strict=True)
    ]


def identified(pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs of which copies and links have one name, and so has what is of one recording.

    What is not there, as a sound may be, is told apart by its name alone. Pairs that are wholly the
    same are there once.
    """
    same: dict[str, list[str]] = {}
    for column in _COLUMNS:
        first_of: dict[str, str] = {}  # by the contents
        paths = sorted(values_of(pairs, column))
        name_of = {path: first_of.setdefault(_content(path), path) for path in paths}
        same[column] = [name_of[getattr(pair, column)] for pair in pairs]
    if absent := [pair.sound for pair in pairs if not os.path.isfile(pair.sound)]:
        logger.warning(
            "%d pairs have sounds that are not there, such as %r; copies among them go unseen",
            *(len(absent), absent[0]),
        )
    same["group"] = _recordings(pairs, same["sound"])
    found = [
        dataclasses.replace(pair, **dict(zip(same, names, strict=True)))
        for pair, *names in zip(pairs, *same.values(), strict=True)
    ]
    return distinct(found, (*_COLUMNS, "class_name"))[0]


def values_of(pairs: Sequence[Pair], column: str) -> set[str]:
    """What the pairs have in a column."""
    return {getattr(pair, column) for pair in pairs}


def distinct(pairs: Sequence[Pair], columns: Sequence[str]) -> tuple[list[Pair], np.ndarray]:
    """The first pair of each item that these columns tell apart, and the item of each pair."""
    first_of: dict[tuple, Pair] = {}
    keys = [tuple(getattr(pair, column) for column in columns) for pair in pairs]
    for key, pair in zip(keys, pairs, strict=True):
        first_of.setdefault(key, pair)
    place = {key: number for number, key in enumerate(first_of)}
    return list(first_of.values()), np.array([place[key] for key in keys])


def composed(name: str) -> str:
    """A name with its letters in one form, however systems write them."""
    return unicodedata.normalize("NFC", name)


def _beside(folder: pathlib.Path, name: str) -> str:
    """A file that a table in that folder names, perhaps with the slashes of Windows."""
    path = folder / name
    return str(path if path.exists() else folder / name.replace("\\", "/"))


def _by_name(
    folder: str | os.PathLike, name_of: Callable[[pathlib.Path], str], odd: set[str]
) -> dict[str, pathlib.Path]:
    """The files of a folder by name; those that begin with a dot are passed over.

    Names that lead to no file, such as broken links, join the odd ones.
    """
    root, found = pathlib.Path(folder), {}
    if not root.is_dir():
        raise UserError(f"{folder}: not a folder")

    def refuse(path: str, reason: str, message: str) -> None:
        if reason != "loop":
            raise UserError(f"{path}: {message}")

    for path in map(pathlib.Path, sorted(walking.files_below(root, refuse))):
        if not path.is_file():
            odd.add(str(path))
            continue
        name = composed(name_of(path.relative_to(root)))
        if name in found:
            raise UserError(f"{found[name]} and {path} have one name; rename one of them")
        found[name] = path
    return found


def _content(path: str) -> str:
    """What copies of a file have in common; of what is no file its name.

    Raises:
      UserError: if it cannot be read.
    """
    try:
        return content_digest(path) if os.path.isfile(path) else path
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None


def _recordings(pairs: Sequence[Pair], sounds: Sequence[str]) -> list[str]:
    """The recording of each pair: those of one group or of one sound are of one.

    It is called as its first pair, so that nothing depends on where the files lie.

    Args:
      pairs: the pairs.
      sounds: the sound of each pair.
    """
    names, found = np.unique([pair.name for pair in pairs], return_inverse=True)
    parts = [
        np.unique(column, return_inverse=True)[1]
        for column in (sounds, [pair.group for pair in pairs])
    ]
    before = None
    while before is None or (found != before).any():  # groups may be joined by way of others
        before = found
        for part_of in parts:
            least = np.full(len(pairs), len(pairs))
            np.minimum.at(least, part_of, found)
            found = least[part_of]
    return names[found].tolist()

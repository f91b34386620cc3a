"""Which of AudioSet's labels a class is named after: what a sound net knows of it beforehand.

`class_names.csv` beside this module gives the labels of everyday names, made by hand from the list
of labels: a thing, the sounds that it makes, and its kinds. A class of another name has the labels
that are called so.
"""

import csv
import functools
import pathlib

MAP_FILE = pathlib.Path(__file__).with_name("class_names.csv")


def labels_of(class_name: str, labels: tuple[str, ...]) -> list[int]:
    """The positions of a class's labels; none where nothing is called so.

    Args:
      class_name: name of the class, in any case, of words apart or joined by `_` or `-`.
      labels: AudioSet's display names, in the order of the scores.
    """
    name = _plain(class_name)
    if name in _rows():
        return [labels.index(label) for label in _rows()[name]]
    return [place for place, label in enumerate(labels) if name in map(_plain, label.split(","))]


@functools.cache
def _rows() -> dict[str, list[str]]:
    """The labels of each name of the table."""
    with open(MAP_FILE, newline="", encoding="utf-8") as file:
        return {
            name: row["audioset"].split("|")
            for row in csv.DictReader(file)
            for name in row["names"].split("|")
        }


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").split()).lower()

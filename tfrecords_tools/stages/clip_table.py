"""The rows of a CSV of clips: our own columns, or the layouts of VGGSound and AudioSet.

Times are seconds. A column that may hold what is read from another one is refused, not left unread.
"""

import difflib
import logging
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from s2i_tf.data import csv_rows
from s2i_tf.errors import UserError
from tfrecords_tools.engine import storage

logger = logging.getLogger(__name__)

_PATH_COLUMNS = ("path", "youtube_id", "ytid")
_LABEL_COLUMNS = ("label", "positive_labels")
_COLUMNS = (*_PATH_COLUMNS, "start_seconds", "end_seconds", *_LABEL_COLUMNS)
# What words of other names begin with that may mean a column; an end before a time of any kind.
_MEANINGS = {
    "end_seconds": ("end", "stop"),
    "start_seconds": ("start", "begin", "onset", "time", "second"),
    "label": ("label", "class", "category", "tag"),
}
_MAX_SHOWN = 200


class Clip(NamedTuple):
    """A row.

    Attributes:
      name: path or id of the video.
      start_seconds: where the clip begins.
      end_seconds: where it ends; None where the row does not say.
      label: name of its class, or empty.
      may_be_comment: whether the line begins with `#`, as names of files may.
    """

    name: str
    start_seconds: float
    end_seconds: float | None
    label: str
    may_be_comment: bool


def read(path: str) -> Iterator[Clip]:
    """The clips in the order of their rows.

    Lines that begin with `#` are passed over before the header, and where they are no clips.

    Raises:
      UserError: naming the line or the column, if a row is no clip or something would be lost.
    """
    table = list(csv_rows.parse(storage.read(path), path))
    columns, num_rows = _header(path, [row for _, row in table])
    for number, row in table[num_rows:]:
        if _columns(row) == columns:  # tables that were joined
            continue
        is_marked = row[0].startswith("#")
        try:
            clip = _clip(dict(zip(columns, row, strict=False)), is_marked)
        except (StopIteration, ValueError):
            if is_marked:
                continue
            raise UserError(
                f"{path}, line {number}: not path,start_seconds,label: {_shown(row)}"
            ) from None
        if any(row[len(columns) :]) and not is_marked:
            raise UserError(
                f"{path}, line {number}: {len(row)} fields for {len(columns)} columns: "
                f"{_shown(row)}; put what holds a separator in quotes"
            )
        yield clip


def _clip(values: dict[str, str], may_be_comment: bool) -> Clip:
    """The clip of a row, by column.

    Raises:
      StopIteration: if it names no file.
      ValueError: if a time is none.
    """
    # AudioSet gives several labels to a clip; the first is its class.
    label = values.get("label") or values.get("positive_labels", "").split(",")[0]
    end = values.get("end_seconds")
    return Clip(
        name=next(values[key] for key in _PATH_COLUMNS if values.get(key)),
        start_seconds=_seconds(values.get("start_seconds") or "0"),
        end_seconds=_seconds(end) if end else None,
        label=label.strip(),
        may_be_comment=may_be_comment,
    )


def _seconds(text: str) -> float:
    """A time, with a decimal point or comma.

    Raises:
      ValueError: unless it is 0 or more and finite.
    """
    seconds = float(text.replace(",", "."))
    if not 0 <= seconds < math.inf:
        raise ValueError(text)
    return seconds


def _header(path: str, table: Sequence[list[str]]) -> tuple[list[str], int]:
    """The columns' names, from a line or by the two layouts that have none; how many rows it takes.

    Raises:
      UserError: if it is no table of clips.
    """
    for number, row in enumerate(table, 1):
        columns = _columns(row)
        if set(columns) & set(_PATH_COLUMNS):
            _check_columns(path, columns)
            return columns, number
        if row[0].startswith("#"):
            continue
        if len(row) == 4 and row[3] in ("train", "test"):  # VGGSound
            return ["path", "start_seconds", "label", "split"], 0
        if len(row) in (2, 3):
            return ["path", "start_seconds", "label"], 0
        break
    raise UserError(f"{path}: no clips; the columns are path,start_seconds,label")


def _columns(row: Sequence[str]) -> list[str]:
    return [name.strip("# ").lower() for name in row]


def _check_columns(path: str, columns: Sequence[str]) -> None:
    """Refuses columns that stand there twice or mean one that is missing; tells of the unread.

    Raises:
      UserError: naming the column, and the one that it may mean.
    """
    twice = [column for column, num in Counter(columns).items() if num > 1 and column in _COLUMNS]
    if twice:
        raise UserError(f"{path}: the column {twice[0]} stands there twice; leave one of them")
    unread = [column for column in columns if column and column not in _COLUMNS]
    for column in unread:
        meant = _meant(column)
        is_there = meant in columns or (meant == "label" and set(columns) & set(_LABEL_COLUMNS))
        if meant and not is_there:
            raise UserError(
                f"{path}: a column {column!r} is not read; allowed: {meant}. Name it so, or take "
                "it out"
            )
    if unread:
        logger.warning("%s: columns that are not read: %s", path, ", ".join(unread))


def _meant(column: str) -> str | None:
    """The column that another name may stand for."""
    words = re.findall("[a-z]+", column)
    for known, beginnings in _MEANINGS.items():
        if any(word.startswith(beginnings) for word in words):
            return known
    return next(iter(difflib.get_close_matches(column, _MEANINGS, 1, 0.7)), None)


def _shown(row: list[str]) -> str:
    shown = repr(row)
    return shown if len(shown) < _MAX_SHOWN else f"{shown[:_MAX_SHOWN]} …"

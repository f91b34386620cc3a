"""The rows of a CSV of clips: our own columns, or the layouts of VGGSound and AudioSet.

Times are seconds. A column that may hold what is read from another one is refused, not left unread.
"""

import logging
import math
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
    num_several = 0
    for number, row in table[num_rows:]:
        if _columns(row) == columns:  # tables that were joined
            continue
        is_marked = row[0].startswith("#")
        values = dict(zip(columns, row, strict=False))
        try:
            clip = _clip(values, is_marked)
        except (StopIteration, ValueError):
            if is_marked:
                continue
            raise UserError(
                f"{path}, line {number}: not path,start_seconds,label: {csv_rows.shown(row)}"
            ) from None
        if not is_marked:
            csv_rows.check_length(row, columns, path, number)
        num_several += len(_labels(values)) > 1
        yield clip
    if num_several:
        logger.warning(
            "%s: %d clips have several labels; the first counts, the others are not read",
            path,
            num_several,
        )


def _clip(values: dict[str, str], may_be_comment: bool) -> Clip:
    """The clip of a row, by column.

    Raises:
      StopIteration: if it names no file.
      ValueError: if a time is none.
    """
    end = values.get("end_seconds")
    return Clip(
        name=next(values[key] for key in _PATH_COLUMNS if values.get(key)),
        start_seconds=_seconds(values.get("start_seconds") or "0"),
        end_seconds=_seconds(end) if end else None,
        label=next(iter(_labels(values)), ""),
        may_be_comment=may_be_comment,
    )


def _labels(values: dict[str, str]) -> list[str]:
    """The labels of a row: AudioSet gives several to a clip, of which the first is its class."""
    if label := values.get("label"):
        return [label]
    labels = values.get("positive_labels", "").split(",")
    return [label.strip() for label in labels if label.strip()]


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
            logger.warning("%s: its fourth column, train or test, is not read", path)
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
    csv_rows.check_unique(columns, _COLUMNS, path)
    meanings = dict(_MEANINGS)
    if set(columns) & set(_LABEL_COLUMNS):
        del meanings["label"]
    csv_rows.check_unread(columns, _COLUMNS, meanings, path)

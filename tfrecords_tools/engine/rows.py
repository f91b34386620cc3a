"""The rows that the stages hand on: what was found, what it holds, what belongs together.

Every row is a small frozen dataclass that is one line of JSON in a part file. Paths are relative to
the data's source folder and use `/`; times are seconds from the start of the file.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

from s2i_tf.errors import UserError
from s2i_tf.features.base import Modality

Row = TypeVar("Row")


class TooFewLeft(UserError):
    """What a choice left makes no data set; the job adds which files could not be used."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A file as the listing found it, before anybody opened it.

    Attributes:
      path: path of the file.
      kind: `sound`, `image`, or `video` for a file that holds both.
      group: the recording that it was cut from, where the source knows it.
      class_name: name of its class where the source knows it (its folder, or a column of a CSV).
      start_seconds: start of the clip; None for the whole file.
      belongs_to: a name; sounds and images of the same one are pairs by nature, not by a draw.
      version: size and time of last change, so that a changed file is read again.
    """

    path: str
    kind: Literal["sound", "image", "video"]
    group: str
    class_name: str = ""
    start_seconds: float | None = None
    belongs_to: str = ""
    version: str = ""


@dataclasses.dataclass(frozen=True)
class Item:
    """One sound or one picture: a file, or a moment of one.

    Attributes:
      id: the path, with `#t=START` where it is a moment of a longer file.
      modality: `sound` or `image`.
      path: path of the file.
      group: the recording or photo that it comes from; a group never crosses the split.
      content: digest of the file's bytes, of an augmented copy those of both its files; equal
        files are one group.
      class_name: name of its class; empty until a stage knows it.
      split: side of the split; empty until a stage knows it.
      belongs_to: what it is paired by, as in `Source`.
      start_seconds: start of the sound's window, or the time of the frame; None for the whole
        file.
      num_seconds: length of the sound's window; None for all of it.
      view_seed: random seed of an augmented copy; 0 for the sound itself.
      underneath: id of the sound that may lie under an augmented copy.
      audio_track: number of the file's sound track, from 1 on; 0 for the one that players play.
    """

    id: str
    modality: Modality
    path: str
    group: str
    content: str
    class_name: str = ""
    split: str = ""
    belongs_to: str = ""
    start_seconds: float | None = None
    num_seconds: float | None = None
    view_seed: int = 0
    underneath: str = ""
    audio_track: int = 0

    @property
    def key(self) -> str:
        """Unique among sounds and pictures together."""
        return item_key(self.modality, self.id)


@dataclasses.dataclass(frozen=True)
class OfItem:
    """What a stage says of an item."""

    item_id: str
    modality: Modality

    @property
    def key(self) -> str:
        """As of `Item`."""
        return item_key(self.modality, self.item_id)


@dataclasses.dataclass(frozen=True)
class Labels(OfItem):
    """The labels that a classifier gives an item, best first, with their scores (logits)."""

    names: tuple[str, ...]
    scores: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Pair:
    """A sound and a picture that belong together.

    Attributes:
      id: unique within the data set.
      group: recording that the sound comes from.
      contents: digests of the files that the pair comes from.
      class_name: name of its class; empty until `refine` names it, if the source did not.
      split: side of the split; empty until the stage `split` sets it.
      rank: place in the draw of its class; pairs of a low rank come first where not all are
        wanted, for they hold items that no other pair has.
    """

    id: str
    sound_id: str
    image_id: str
    group: str
    contents: tuple[str, ...] = ()
    class_name: str = ""
    split: str = ""
    rank: int = 0

    @property
    def item_keys(self) -> tuple[str, str]:
        """The keys of the sound and the picture."""
        return item_key("sound", self.sound_id), item_key("image", self.image_id)


@dataclasses.dataclass(frozen=True)
class Quarantined:
    """A file, or a moment of one, that cannot be used, and why.

    Attributes:
      path: path of the file, relative to the source.
      stage: name of the stage that found out.
      reason: a short stable slug.
      message: the reason in words.
    """

    path: str
    stage: str
    reason: str
    message: str


def counted(reasons: Mapping[str, int]) -> str:
    """How many files were left out for each reason, as text."""
    return ", ".join(f"{num:,} {reason}" for reason, num in sorted(reasons.items()))


def item_key(modality: Modality, item_id: str) -> str:
    """A sound and a picture of one moment share their id; this tells them apart."""
    return f"{modality}:{item_id}"


def dumps(row: Any) -> str:
    """One line of JSON, the same for equal rows."""
    return json.dumps(dataclasses.asdict(row), sort_keys=True)


def to_lines(rows: Iterable[Any]) -> bytes:
    """All rows as the contents of a part file."""
    return "".join(f"{dumps(row)}\n" for row in rows).encode()


def from_lines(row_type: type[Row], contents: bytes) -> list[Row]:
    """The rows of a part file."""
    return [_build(row_type, json.loads(line)) for line in contents.splitlines()]


def _build(row_type: type[Row], values: dict[str, Any]) -> Row:
    types = {field.name: field.type for field in dataclasses.fields(row_type)}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        elif isinstance(value, dict):
            values[name] = _build(types[name], value)
    return row_type(**values)

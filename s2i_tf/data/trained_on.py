"""What a model was trained on, by salted hashes, so that nobody takes it for unseen data.

A model carries them in its folder as `trained_on.json`: hashes of the recordings' names, of the
contents of the sound and photo files, and of their paths. A file is known by its contents, whatever
its name; another clip of a known recording by the recording's name; and by its path only where the
contents of either side are not at hand, because plain names such as `dog/0001.wav` say little.
"""

import dataclasses
import hashlib
import itertools
import logging
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from s2i_tf import files, spec
from s2i_tf.data import arrays, class_folder, dataset_info, source_sounds
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError

VERSION = 1
SALT = "s2i_tf trained on"

_HASH_DIGITS = 16

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class TrainedOn:
    """Hashes of everything in a training split.

    Attributes:
      recordings: hashes of the recordings' names.
      contents: hashes of the digests (`files.content_digest`) of the files that were at hand.
      paths: hashes of the sounds' and photos' ids.
      num_sounds: how many sounds there were.
      num_images: how many photos.
      unread: of `paths`, those whose files were not at hand.
    """

    recordings: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    num_sounds: int = 0
    num_images: int = 0
    unread: frozenset[str] = frozenset()

    @classmethod
    def of_split(cls, data_dir: str | os.PathLike) -> "TrainedOn":
        """Of a prepared data set's training split; contents of what is in its source folder."""
        info = dataset_info.load(data_dir)
        columns = arrays.load_split(data_dir, spec.TRAIN_SPLIT, with_image=False)
        sounds = {source_sounds.original_id(sound_id) for sound_id in columns["sound_id"]}
        images = set(columns["image_id"])
        contents = content_digests(info.source, sounds | images)
        ids = {"sound": sounds, "image": images}
        unread = {kind: {one for one in of if not contents[one]} for kind, of in ids.items()}
        gone = {_path(one) for of in unread.values() for one in of}
        if 0 < len(gone) < len(set(map(_path, contents))):
            logger.warning(
                "%s: %d of the files that were trained on are not there any more; an evaluation "
                "knows them by their paths alone",
                info.source,
                len(gone),
            )
        names = recordings(info, columns["sound_id"], columns["group"])
        return cls(
            recordings=_hashes("recording", itertools.chain.from_iterable(names)),
            contents=_hashes("content", contents.values()),
            paths=_hashes_of(ids),
            num_sounds=len(sounds),
            num_images=len(images),
            unread=_hashes_of(unread),
        )

    def __or__(self, other: "TrainedOn") -> "TrainedOn":
        """What either was trained on; numbers are near where they share a part alone."""
        share = len(other.paths - self.paths) / max(len(other.paths), 1)
        sets = {name: getattr(self, name) | getattr(other, name) for name in _SETS}
        counts = {
            name: getattr(self, name) + round(share * getattr(other, name)) for name in _COUNTS
        }
        return TrainedOn(**sets, **counts)

    def knows(
        self, modality: str, item_id: str, groups: Iterable[str], content: str | None
    ) -> bool:
        """Whether a sound or photo, or another clip of its recording, was trained on.

        Args:
          modality: `sound` or `image`.
          item_id: id of the item, its path relative to its data set's source.
          groups: names of its recording; the path itself where none is known.
          content: digest of its file, or None.
        """
        if content and _hash("content", content) in self.contents:
            return True
        names = set(groups) - {_path(item_id)}
        if not self.recordings.isdisjoint(_hashes("recording", names)):
            return True
        return _hash(modality, item_id) in (self.unread if content else self.paths)

    def as_dict(self) -> dict[str, Any]:
        """What `trained_on.json` holds."""
        values = dataclasses.asdict(self)
        hashes = {key: sorted(value) for key, value in values.items() if key not in _COUNTS}
        counts = {key: values[key] for key in _COUNTS}
        return {"version": VERSION, "salt": SALT, **counts, **hashes}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> "TrainedOn":
        """From what `as_dict` gave.

        Raises:
          UserError: naming `where` it stands, if it is of another version or damaged.
        """
        found = (values.get("version"), values.get("salt"))
        if found != (VERSION, SALT):
            raise UserError(f"{where}: version and salt {found}; allowed: {(VERSION, SALT)}")
        try:
            sets = {key: frozenset(values[key]) for key in ("recordings", "contents", "paths")}
            # Earlier versions knew the contents of all files or of none.
            unread = frozenset(values.get("unread", () if sets["contents"] else sets["paths"]))
            return cls(**sets, **{key: int(values[key]) for key in _COUNTS}, unread=unread)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{where}: not what a model was trained on: {error}") from None


_SETS = ("recordings", "contents", "paths", "unread")
_COUNTS = ("num_sounds", "num_images")


def content_digests(source: str, item_ids: Iterable[str]) -> dict[str, str | None]:
    """The digest of each item's file, or None where the file is not at hand.

    Args:
      source: folder that the ids are relative to.
      item_ids: ids of sounds and photos.
    """
    digests: dict[str, str | None] = {}
    found = {}
    for item_id in item_ids:
        path = _path(item_id)
        if path not in digests:
            try:
                digests[path] = files.content_digest(pathlib.Path(source) / path)
            except OSError:
                digests[path] = None
        found[item_id] = digests[path]
    return found


def recordings(
    info: DatasetInfo, sound_ids: Iterable[str], groups: Iterable[str]
) -> list[set[str]]:
    """The names of each sound's recording.

    Recordings that share a file are one group, named as the first, so each keeps its own name too.

    Args:
      info: description of their data set.
      sound_ids: the sounds.
      groups: the group of each: its recording, or its source where these were split.
    """
    index = class_folder.read_index(info.source) if info.source else {}
    by_source = info.settings.get("split_by") == "source"
    if by_source and not index:
        logger.warning(
            "%s: no index.csv there, so other clips of these recordings pass for new", info.source
        )
    paths = [_path(sound_id) for sound_id in sound_ids]
    own = [index.get(path, {}).get("recording_group") or path for path in paths]
    return [{name} if by_source else {name, group} for name, group in zip(own, groups, strict=True)]


def _path(item_id: str) -> str:
    return source_sounds.parse_id(item_id)[0]


def _hashes(kind: str, values: Iterable[str | None]) -> frozenset[str]:
    return frozenset(_hash(kind, value) for value in values if value)


def _hashes_of(ids: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Of ids by modality."""
    return frozenset(_hash(modality, one) for modality, of in ids.items() for one in of)


def _hash(kind: str, value: str) -> str:
    return hashlib.sha256(f"{SALT}\0{kind}\0{value}".encode()).hexdigest()[:_HASH_DIGITS]

"""A part's manifest: what its files hold, how they came to be, and whether they still do.

Written after the files that it describes. A part is valid when its manifest has the key that the
present settings and input give and every file has the size and checksum that the manifest says;
everything else is done again.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from tfrecords_tools.engine import storage
from tfrecords_tools.engine.rows import Quarantined

SUFFIX = ".manifest.json"


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """Size and checksum of one file."""

    num_bytes: int
    sha256: str

    @classmethod
    def of(cls, path: str) -> "FileRecord":
        """Measures a file."""
        return cls(storage.num_bytes(path), storage.sha256(path))


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The account of one part.

    Attributes:
      part: name of the part.
      key: digest of everything that its files depend on (`key_of`).
      config: the stage's settings and net fingerprints, for people.
      files: size and checksum of each file by its name.
      num_rows: number of rows or records that the part holds.
      source_ids: the ids of these rows.
      quarantined: the rows that came in and could not be used.
    """

    part: str
    key: str
    config: dict[str, Any]
    files: dict[str, FileRecord]
    num_rows: int
    source_ids: tuple[str, ...]
    quarantined: tuple[Quarantined, ...] = ()

    def save(self, folder: str) -> None:
        """Writes the manifest beside the part's files."""
        storage.write_json(storage.join(folder, self.part + SUFFIX), dataclasses.asdict(self))


def load(folder: str, part: str) -> Manifest | None:
    """The manifest of a part, or None if there is none that can be read."""
    path = storage.join(folder, part + SUFFIX)
    if not storage.exists(path):
        return None
    try:
        values = json.loads(storage.read(path))
        values["files"] = {name: FileRecord(**record) for name, record in values["files"].items()}
        values["source_ids"] = tuple(values["source_ids"])
        values["quarantined"] = tuple(Quarantined(**row) for row in values["quarantined"])
        return Manifest(**values)
    except (KeyError, TypeError, ValueError):
        return None


def load_valid(folder: str, part: str, key: str) -> Manifest | None:
    """The manifest of a part that need not be done again, else None."""
    manifest = load(folder, part)
    if manifest is None or manifest.key != key or faults(folder, manifest.files):
        return None
    return manifest


def faults(folder: str, files: Mapping[str, FileRecord]) -> list[str]:
    """What is wrong with files of a folder, one sentence each; none if all is well.

    Args:
      folder: that they lie in.
      files: what is said of each by its name.
    """
    found = []
    for name, record in files.items():
        path = storage.join(folder, name)
        if not storage.exists(path):
            found.append(f"{name}: missing")
        elif (num_bytes := storage.num_bytes(path)) != record.num_bytes:
            found.append(f"{name}: {num_bytes} bytes; the manifest says {record.num_bytes}")
        elif storage.sha256(path) != record.sha256:
            found.append(f"{name}: SHA-256 differs from the manifest's")
    return found


def remove(folder: str, part_names: Iterable[str]) -> None:
    """Removes the manifests of parts that are to be done again."""
    present = set(storage.names(folder))
    storage.remove(folder, present & {part + SUFFIX for part in part_names})


def key_of(**what: Any) -> str:
    """A digest of values that JSON can write."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

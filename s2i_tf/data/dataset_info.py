"""`dataset_info.json`: what a prepared data set holds and how it came to be.

Written last and in one rename, so that a folder that has it is complete. It imports no
TensorFlow: the command line reads it to answer a wrong folder at once.
"""

import dataclasses
import os
import pathlib
from typing import Any

from s2i_tf import files, spec
from s2i_tf.errors import UserError

FILE_NAME = "dataset_info.json"
VERSION = 1
# Of a window whose data set does not say: the default of `s2i prepare`.
WINDOW_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file: its name in the folder, number of records, bytes and checksum."""

    file: str
    num_records: int
    num_bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """A prepared data set.

    Attributes:
      name: a short name, the prefix of the shards.
      class_names: the names of labels 0, 1, …
      feature_dtype: `float16` or `float32`, the dtype of the features in the records.
      fingerprints: `sound_fingerprint` and `image_fingerprint` digests of the records.
      extractors: the two nets by name (`sound`, `image`), as `s2i_tf.features` resolves them.
      nets: the two fingerprints in full, for people.
      splits: the shards of each split.
      source: absolute folder that `sound_id` and `image_id` are relative to.
      settings: everything else that the preparation was given (seed, pairing, …).
      image_side: width and height of the pictures; 128 where an older file does not say.
      version: version of this file's layout.
    """

    name: str
    class_names: tuple[str, ...]
    feature_dtype: str
    fingerprints: dict[str, str]
    extractors: dict[str, str]
    nets: dict[str, dict[str, str]]
    splits: dict[str, tuple[Shard, ...]]
    source: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    image_side: int = spec.IMAGE_SIDE
    version: int = VERSION

    @property
    def num_classes(self) -> int:
        """How many classes the labels count."""
        return len(self.class_names)

    @property
    def window_seconds(self) -> float:
        """How long the windows are that the ids of sounds name."""
        return float(self.settings.get("window_seconds", WINDOW_SECONDS))

    @property
    def audio_track(self) -> int:
        """Number of the sound track that was taken of each file; 0 for the one players play."""
        return int(self.settings.get("audio_track", 0))

    def num_records(self, split: str) -> int:
        """How many pairs a split holds."""
        return sum(shard.num_records for shard in self.splits[split])

    def save(self, folder: str | os.PathLike) -> pathlib.Path:
        """Writes the file into `folder` under its final name in one step."""
        return files.write_json(pathlib.Path(folder) / FILE_NAME, dataclasses.asdict(self))


def load(folder: str | os.PathLike) -> DatasetInfo:
    """Reads the data set in `folder`.

    Raises:
      UserError: if the folder holds none, or one of another version.
    """
    path = pathlib.Path(folder) / FILE_NAME
    if not path.exists():
        raise UserError(
            f"{folder}: no prepared data set here ({FILE_NAME} is missing); "
            "`s2i prepare --out=FOLDER` makes one"
        )
    values = files.read_json(path)
    if values.get("version") != VERSION:
        raise UserError(f"{path}: version {values.get('version')!r}; allowed: {VERSION}")
    try:
        values["class_names"] = tuple(values["class_names"])
        values["splits"] = {
            split: tuple(Shard(**shard) for shard in shards)
            for split, shards in values["splits"].items()
        }
        info = DatasetInfo(**values)
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: not a data set description: {error}") from None
    if info.image_side not in spec.IMAGE_SIDES:
        raise UserError(f"{path}: image_side {info.image_side!r}; allowed: {spec.IMAGE_SIDES}")
    if missing := set(spec.SPLITS) - set(info.splits):
        raise UserError(f"{path}: lacks the split {', '.join(sorted(missing))}")
    return info


def shard_files(
    folder: str | os.PathLike, info: DatasetInfo, split: str
) -> dict[pathlib.Path, Shard]:
    """The shards of a split that hold records, by their file, which is there and of its size.

    Raises:
      UserError: if the split is unknown, or a shard missing or of another size.
    """
    if split not in info.splits:
        raise UserError(f"unknown split {split!r}; known: {', '.join(sorted(info.splits))}")
    found = {}
    for shard in info.splits[split]:
        path = pathlib.Path(folder) / shard.file
        try:
            num_bytes = path.stat().st_size
        except OSError:
            raise UserError(f"{path}: the shard is missing") from None
        if num_bytes != shard.num_bytes:
            raise UserError(f"{path}: {num_bytes} bytes; {FILE_NAME} says {shard.num_bytes}")
        if shard.num_records:
            found[path] = shard
    return found

"""Parts: the units of work, and how Beam runs a stage over them.

A stage maps part files to part files, one to one. Which row stands in which part follows from a
stable hash of the row alone, so neither the number of workers nor an interruption changes a byte.
Beam gets the names of the parts that are not valid yet and nothing else; each worker reads a part's
rows from its file, writes the results under temporary names, renames them and writes the
manifest. A part is small (`ROWS_PER_PART` rows), so a killed run loses seconds.
"""

import abc
import dataclasses
import hashlib
import logging
import pathlib
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from s2i_tf import files
from s2i_tf.data import splits
from s2i_tf.errors import UserError
from s2i_tf.media import reasons
from tfrecords_tools.engine import clock, manifest, progress_log, rows, runner, storage
from tfrecords_tools.engine.manifest import FileRecord, Manifest
from tfrecords_tools.engine.rows import Quarantined

logger = logging.getLogger(__name__)

ROWS_PER_PART = 128
_PLACEMENT_SALT = "part"
# Why a file could not be used that may pass.
_PASSING = (reasons.MISSING, reasons.UNREADABLE)
_PART_FILE = re.compile(r"(.+-\d{5}-of-\d{5})(\..+)?")


@dataclasses.dataclass(frozen=True)
class Part:
    """One unit of work.

    Attributes:
      name: name of its files without suffix, such as `sound-00003-of-00010`.
      source: path of the file that holds its rows.
      key: digest of all that its output depends on.
      num_rows: number of rows that come in.
    """

    name: str
    source: str
    key: str
    num_rows: int


class Output:
    """Collects what a stage makes of one part, and commits it.

    Args:
      folder: folder that gets the part's files.
      name: name of the part.
      key: digest of all that the files depend on.
    """

    def __init__(self, folder: str, name: str, key: str):
        self._folder = folder
        self._name = name
        self._key = key
        self._files: dict[str, FileRecord] = {}
        self._quarantined: list[Quarantined] = []

    def path(self, suffix: str) -> str:
        """Where the part's file of this suffix goes."""
        return storage.join(self._folder, self._name + suffix)

    def write(self, suffix: str, contents: bytes) -> None:
        """Writes one of the part's files."""
        storage.write(self.path(suffix), contents)
        self.add(suffix)

    def add(self, suffix: str) -> None:
        """Takes note of a file that the stage wrote itself."""
        self._files[self._name + suffix] = FileRecord.of(self.path(suffix))

    def quarantine(self, row: Quarantined) -> None:
        """Takes note of something that cannot be used."""
        self._quarantined.append(row)

    def commit(self, config: dict[str, Any], source_ids: Sequence[str]) -> None:
        """Writes the manifest: from here on the part is done."""
        Manifest(
            part=self._name,
            key=self._key,
            config=config,
            files=self._files,
            num_rows=len(source_ids),
            source_ids=tuple(source_ids),
            quarantined=tuple(self._quarantined),
        ).save(self._folder)


class Stage(abc.ABC):
    """A stage that opens media or runs nets: part files in, part files out. Must pickle."""

    name: ClassVar[str]
    row_type: ClassVar[type]  # of the rows that come in
    # About how long one core works on a row, to choose workers and to estimate a run.
    seconds_per_row: ClassVar[float]

    @abc.abstractmethod
    def config(self) -> dict[str, Any]:
        """All that the output depends on beside the rows, as JSON values."""

    def begin(self, folder: str) -> None:  # noqa: B027
        """Called before any part is done that is not valid in its folder."""

    @abc.abstractmethod
    def run(self, found: list[Any], output: Output) -> list[str]:
        """Does the rows of one part and returns the ids of those that came out."""


class _RunPart(beam.DoFn):
    """From a `Part` to its name, once it is done."""

    def __init__(self, stage: Stage, folder: str):
        self._stage = stage
        self._folder = folder

    def process(self, element: Part):
        output = Output(self._folder, element.name, element.key)
        try:
            found = rows.from_lines(self._stage.row_type, storage.read(element.source))
            source_ids = self._stage.run(found, output)
            output.commit(self._stage.config(), source_ids)
        except OSError as error:  # disk full, no permission: the user's to mend
            raise UserError(
                f"{error.filename or self._folder}: {error.strerror or error}"
            ) from error
        yield element.name


def place(key: str, num_parts: int) -> int:
    """The part that a key belongs to."""
    return int(splits.stable_fraction(key, _PLACEMENT_SALT) * num_parts)


def run(
    stage: Stage,
    sources: Sequence[str],
    folder: str,
    options_for: Callable[..., PipelineOptions],
    may_work: bool = True,
) -> dict[str, Any] | None:
    """Does every part of a stage that is not valid yet.

    Args:
      stage: what to do.
      sources: paths of the part files with the rows.
      folder: folder that gets the output.
      options_for: from `num_parts` to do, and the `seconds` of work in them, to the options of the
        Beam pipeline.
      may_work: whether it may do parts; if not, one that is not valid is an error.

    Returns:
      What took how long (`clock.account`), or None if nothing was left to do.

    Raises:
      UserError: if a stage that may not work is not done, or a worker met a mistake that the user
        can mend.
    """
    config = stage.config()
    parts = [_part(stage.name, config, source) for source in sources]
    remove_strangers(folder, {part.name for part in parts})
    todo = [part for part in parts if not _is_done(folder, part, may_work)]
    if len(todo) < len(parts):
        logger.info(
            "%s: %d of %d parts are valid and kept", stage.name, len(parts) - len(todo), len(parts)
        )
    if todo and not may_work:
        raise not_done(stage.name)
    if todo:
        stage.begin(folder)
        manifest.remove(folder, [part.name for part in todo])
        num_rows = {part.name: part.num_rows for part in todo}
        total = sum(num_rows.values())
        start = time.monotonic()
        with progress_log.watch(stage.name, num_rows, folder):
            result = runner.run(
                lambda pipeline: (
                    pipeline
                    | beam.Create(todo)
                    | "Spread" >> beam.Reshuffle()
                    | f"Run {stage.name}" >> beam.ParDo(_RunPart(stage, folder))
                ),
                options_for(num_parts=len(todo), seconds=total * stage.seconds_per_row),
            )
        seconds = time.monotonic() - start
        remove_strangers(folder, {part.name for part in parts})  # of workers that were killed
        return clock.account(stage.name, total, seconds, result)
    return None


def _is_done(folder: str, part: Part, may_work: bool) -> bool:
    """Whether a part is valid; one that met a file out of reach is tried again where it may be."""
    found = manifest.load_valid(folder, part.name, part.key)
    if found is None:
        return False
    return not (may_work and any(row.reason in _PASSING for row in found.quarantined))


def not_done(stage: str) -> UserError:
    """The error for a stage whose output another one needs."""
    return UserError(f"the stage {stage} is not done; run python -m tfrecords_tools {stage} first")


def remove_strangers(folder: str, part_names: set[str]) -> None:
    """Removes the files of other parts and what a killed writer left behind; nothing else."""
    strangers = []
    for name in storage.names(folder):
        part = _PART_FILE.fullmatch(name)
        if files.is_temporary(pathlib.Path(name)) or (part and part[1] not in part_names):
            strangers.append(name)
    storage.remove(folder, strangers)


def _part(stage: str, config: dict[str, Any], source: str) -> Part:
    name = source.rsplit("/", 1)[-1].removesuffix(".jsonl")
    contents = storage.read(source)
    digest = hashlib.sha256(contents).hexdigest()
    key = manifest.key_of(stage=stage, config=config, rows=digest)
    return Part(name, source, key, contents.count(b"\n"))

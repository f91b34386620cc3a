"""Tables: the rows that the stages that choose (pair to split) read and write.

A table is a folder of part files; a row's part follows from a stable hash of its id, and the rows
of a part are sorted, so the same rows give the same bytes in whatever order they come.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from s2i_tf.errors import UserError
from tfrecords_tools.engine import clock, grouping, manifest, parts, rows, storage
from tfrecords_tools.engine.manifest import Manifest

ROWS_PER_PART = 4096


@dataclasses.dataclass(frozen=True)
class Table:
    """Where a table lies: its folder and the names of its parts."""

    folder: str
    part_names: tuple[str, ...]

    @property
    def paths(self) -> list[str]:
        """The part files."""
        return [storage.join(self.folder, f"{name}.jsonl") for name in self.part_names]

    def rows(self, row_type: type) -> Iterator[Any]:
        """All rows, part by part."""
        for path in self.paths:
            yield from rows.from_lines(row_type, storage.read(path))

    def manifests(self) -> Iterator[Manifest]:
        """The manifests of the parts.

        Raises:
          UserError: if one is not there.
        """
        for name in self.part_names:
            found = manifest.load(self.folder, name)
            if found is None:
                raise UserError(
                    f"{self.folder}: the part {name} is missing; run the same command again"
                )
            yield found

    def records(self) -> dict[str, str]:
        """The checksum of every file that the manifests account for."""
        return {
            name: record.sha256
            for found in self.manifests()
            for name, record in found.files.items()
        }

    def source_ids(self) -> frozenset[str]:
        """The ids that the manifests account for."""
        return frozenset(key for found in self.manifests() for key in found.source_ids)

    def num_rows(self) -> int:
        """How many rows the manifests count."""
        return sum(found.num_rows for found in self.manifests())


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of a table as something to iterate over again and again.

    Attributes:
      table: table that they lie in.
      row_type: dataclass of the rows.
      take: function from a row to what is taken of it; None leaves it out.
    """

    table: Table
    row_type: type
    take: Callable[[Any], Any] = lambda row: row

    def __iter__(self) -> Iterator[Any]:
        taken = map(self.take, self.table.rows(self.row_type))
        return (row for row in taken if row is not None)


def run(
    stage: str,
    config: dict[str, Any],
    sources: Sequence[Table],
    target: Table,
    build: Callable[[], Iterable[Any]],
    may_work: bool = True,
) -> dict[str, Any] | None:
    """Makes a table unless every part of it is valid.

    Args:
      stage: name of the stage.
      config: settings that the rows depend on beside the sources.
      sources: the tables that `build` reads.
      target: the table to write.
      build: function that gives the rows.
      may_work: whether it may make the table; if not, one that is not valid is an error.

    Returns:
      What took how long (`clock.account`), or None if nothing was left to do.

    Raises:
      UserError: if a stage that may not work is not done.
    """
    inputs = [[storage.sha256(path) for path in source.paths] for source in sources]
    key = manifest.key_of(
        stage=stage, config=config, inputs=inputs, num_parts=len(target.part_names)
    )
    parts.remove_strangers(target.folder, set(target.part_names))
    if all(manifest.load_valid(target.folder, name, key) for name in target.part_names):
        return None
    if not may_work:
        raise parts.not_done(stage)
    start = time.monotonic()
    names = target.part_names
    left = set(names)
    for name, found in grouping.grouped(
        build(), lambda row: names[parts.place(row.id, len(names))]
    ):
        _commit(target.folder, name, key, config, found)
        left.remove(name)
    for name in sorted(left):
        _commit(target.folder, name, key, config, ())
    return clock.account(stage, target.num_rows(), time.monotonic() - start)


def spread(folder: str, prefix: str, found: Iterable[Any], by: Callable[[Any], str]) -> Table:
    """Writes rows that the driver holds to as many parts as a stage has units of work.

    Args:
      folder: folder that gets the part files.
      prefix: what their names begin with.
      found: the rows, in any order.
      by: from a row to the value whose stable hash places it; rows of equal values share a part.
    """
    found = list(found)
    table = target_for(folder, prefix, len(found), parts.ROWS_PER_PART)
    contents: list[list[Any]] = [[] for _ in table.part_names]
    for row in found:
        contents[parts.place(by(row), len(contents))].append(row)
    parts.remove_strangers(folder, set(table.part_names))
    for path, part in zip(table.paths, contents, strict=True):
        storage.write(path, rows.to_lines(sorted(part, key=rows.dumps)))
    return table


def target_for(
    folder: str, prefix: str, num_rows: int, rows_per_part: int = ROWS_PER_PART
) -> Table:
    """A table that is yet to be written, for about so many rows."""
    num_parts = max(1, math.ceil(num_rows / rows_per_part))
    return Table(
        folder, tuple(f"{prefix}-{index:05d}-of-{num_parts:05d}" for index in range(num_parts))
    )


def _commit(folder: str, name: str, key: str, config: dict[str, Any], found: Iterable[Any]) -> None:
    ordered = sorted(found, key=rows.dumps)
    output = parts.Output(folder, name, key)
    output.write(".jsonl", rows.to_lines(ordered))
    output.commit(config, [row.id for row in ordered])

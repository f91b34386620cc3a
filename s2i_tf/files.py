"""Files that appear under their final name only when they are whole."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any


def write(path: str | os.PathLike, contents: bytes | str) -> pathlib.Path:
    """Writes a file under a temporary name beside it and renames it; text is UTF-8."""
    path = pathlib.Path(path)
    data = contents.encode() if isinstance(contents, str) else contents
    temporary = temporary_name(path)
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def write_json(path: str | os.PathLike, values: Any) -> pathlib.Path:
    """Writes `values` as indented JSON, as `write` does."""
    return write(path, json.dumps(values, indent=2) + "\n")


@contextlib.contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A folder to fill, which takes the name `path` at the end and vanishes on an error.

    What was at `path` before is replaced.
    """
    path = pathlib.Path(path)
    temporary = temporary_name(path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def temporary_name(path: pathlib.Path) -> pathlib.Path:
    """Beside `path`, hidden, with the same ending, because some writers go by the ending."""
    return path.with_name(f".tmp_{path.name}")

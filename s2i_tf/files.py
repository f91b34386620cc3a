"""Files that appear under their final name only when they are whole."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

# Of a larger file the digest takes only the ends and the size: it tells copies, it is no seal.
_WHOLE_BYTES = 64 << 20
_END_BYTES = 1 << 20

# Of the file systems in use.
_MAX_NAME_BYTES = 255


def write(path: str | os.PathLike, contents: bytes | str) -> pathlib.Path:
    """Writes a file under a temporary name beside it and renames it; text is UTF-8."""
    with new_file(path) as temporary:
        temporary.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return pathlib.Path(path)


def write_json(path: str | os.PathLike, values: Any) -> pathlib.Path:
    """Writes `values` as indented JSON, as `write` does."""
    return write(path, json.dumps(values, indent=2) + "\n")


@contextlib.contextmanager
def new_file(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A file to write, which takes the name `path` at the end and vanishes on an error.

    What was at `path` before is replaced.
    """
    path = pathlib.Path(path)
    temporary = temporary_name(path)
    try:
        with _full_disk_named(path):
            yield temporary
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A folder to fill, which takes the name `path` at the end and vanishes on an error.

    What was at `path` before is replaced.
    """
    path = pathlib.Path(path)
    temporary = temporary_name(path)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with _full_disk_named(path):
            temporary.mkdir(parents=True)
            yield temporary
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def content_digest(path: str | os.PathLike) -> str:
    """16 hexadecimal digits that are the same for copies of a file under any name."""
    size = os.path.getsize(path)
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        if size <= _WHOLE_BYTES:
            while chunk := file.read(_END_BYTES):
                sha256.update(chunk)
        else:
            sha256.update(f"{size}".encode() + file.read(_END_BYTES))
            file.seek(-_END_BYTES, os.SEEK_END)
            sha256.update(file.read())
    return sha256.hexdigest()[:16]


def temporary_name(path: pathlib.Path) -> pathlib.Path:
    """Beside `path`, hidden, with the same ending, because some writers go by the ending."""
    name = f".tmp_{path.name}"
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()
        name = f".tmp_{digest}{path.suffix[: _MAX_NAME_BYTES // 4]}"
    return path.with_name(name)


@contextlib.contextmanager
def _full_disk_named(path: pathlib.Path) -> Iterator[None]:
    """Raises what any library makes of a full disk as the `OSError` that it is, with the path."""
    full = os.strerror(errno.ENOSPC)
    try:
        yield
    except Exception as error:
        if getattr(error, "errno", None) == errno.ENOSPC or full in str(error):
            raise OSError(errno.ENOSPC, full, str(path)) from error
        raise

"""Files that appear under their final name only when they are whole.

Until then they have a temporary name that nobody else takes, so processes and threads that make the
same at once do the work twice and harm nothing. What a killed process left goes a day later.
"""

import contextlib
import errno
import functools
import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Literal

from s2i_tf.errors import UserError

# What reading a damaged `.npz` or another archive raises.
ARCHIVE_ERRORS = (
    *(OSError, EOFError, KeyError, ValueError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)

# Of a larger file the digest takes only the ends and the size: it tells copies, it is no seal.
_WHOLE_BYTES = 64 << 20
_END_BYTES = 1 << 20

# Of the file systems in use.
_MAX_NAME_BYTES = 255

# Stands in pictures, sounds, films and subtitles that commands make; a later run may replace them.
MADE_BY = "made by s2i_tf"
_MARKED_BYTES = 1 << 16

_TEMPORARY = re.compile(r"\.tmp_[0-9a-f]{8}_")
_LEFT_SECONDS = 24 * 60 * 60


def write(path: str | os.PathLike, contents: bytes | str) -> pathlib.Path:
    """Writes a file under a temporary name beside it and renames it; text is UTF-8."""
    with new_file(path) as temporary:
        temporary.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return pathlib.Path(path)


def is_same(one: str | os.PathLike, other: str | os.PathLike) -> bool:
    """Whether two names lead to one file that is there."""
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def refuse_taken(paths: Iterable[str | os.PathLike], mark: str = MADE_BY) -> None:
    """Refuses to take the place of a file that no earlier run is known to have made.

    Args:
      paths: what is to be written; an empty file may be replaced.
      mark: what a run writes into such a file, near its beginning or end.

    Raises:
      UserError: naming the first file that would be lost.
    """
    for path in paths:
        if os.path.exists(path) and not _may_be_replaced(path, mark.encode()):
            raise UserError(
                f"{path}: is there already, and s2i is not known to have made it. Choose another "
                "place, or move it away."
            )


def _may_be_replaced(path: str | os.PathLike, mark: bytes) -> bool:
    if not os.path.isfile(path):
        return False
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(_MARKED_BYTES)
        file.seek(max(0, size - _MARKED_BYTES))
        return not size or mark in start or mark in file.read(_MARKED_BYTES)


def write_json(path: str | os.PathLike, values: Any) -> pathlib.Path:
    """Writes `values` as indented JSON, as `write` does."""
    return write(path, json.dumps(values, indent=2) + "\n")


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """The object that a file holds as JSON.

    Raises:
      UserError: if there is none, or something else.
    """
    try:
        values = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: holds no JSON object but {type(values).__name__}")
    return values


@contextlib.contextmanager
def locked(path: str | os.PathLike, refusal: str) -> Iterator[None]:
    """Holds the lock of a file, which is made, against other processes; one that is killed lets go.

    Raises:
      UserError: with the text `refusal`, if another process holds it.
    """
    with open(path, "a") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows has no such locks
            pass
        except BlockingIOError:
            raise UserError(refusal) from None
        except OSError as error:  # a file system without locks
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
                raise
        yield


@contextlib.contextmanager
def new_file(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A file to write, which takes the name `path` at the end and vanishes on an error.

    What was at `path` before is replaced.
    """
    path = pathlib.Path(path)
    temporary = _temporary(path)
    try:
        with _full_disk_named(path):
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())  # a power cut might keep the name and not the contents
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(
    path: str | os.PathLike, taken: Literal["replace", "keep", "refuse"] = "replace"
) -> Iterator[pathlib.Path]:
    """A folder to fill, which takes the name `path` at the end and vanishes on an error.

    Args:
      path: the final name.
      taken: what becomes of a folder that is at `path` by then. It is replaced; or it stays, so
        that of several processes which make the same all have the first one's; or it stays and
        that is an error.

    Raises:
      UserError: if it is taken and that is refused.
    """
    path = pathlib.Path(path)
    temporary = _temporary(path)
    try:
        with _full_disk_named(path):
            temporary.mkdir(parents=True)
            yield temporary
            while not _renamed(temporary, path) and taken != "keep":
                if taken == "refuse":
                    raise UserError(f"{path} exists already: another process was quicker")
                aside = _temporary(path)
                with contextlib.suppress(FileNotFoundError):
                    path.rename(aside)
                shutil.rmtree(aside, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def temporary_start() -> str:
    """What a temporary name begins with, of each other letters."""
    return f".tmp_{secrets.token_hex(4)}_"


def is_temporary(path: pathlib.Path) -> bool:
    """Whether it is being written, or was left half written by a process that was killed."""
    return _TEMPORARY.match(path.name) is not None


def checksum(file: BinaryIO, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of all that an open file holds, by an algorithm of `hashlib`."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    while chunk := file.read(_END_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def content_digest(path: str | os.PathLike) -> str:
    """16 hexadecimal digits that are the same for copies of a file under any name."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        if size <= _WHOLE_BYTES:
            return checksum(file)[:16]
        sha256 = hashlib.sha256(f"{size}".encode() + file.read(_END_BYTES))
        file.seek(-_END_BYTES, os.SEEK_END)
        sha256.update(file.read())
    return sha256.hexdigest()[:16]


def _temporary(path: pathlib.Path) -> pathlib.Path:
    """Beside `path`, hidden, with the same ending, because some writers go by the ending."""
    _drop_left(path.parent)
    start = temporary_start()
    name = start + path.name
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = start + path.suffix[: _MAX_NAME_BYTES // 4]
    return path.with_name(name)


@functools.cache
def _drop_left(folder: pathlib.Path) -> None:
    """Removes what killed processes left, once for a folder: it may be a large one."""
    if not folder.is_dir():
        return
    for path in filter(is_temporary, folder.iterdir()):
        # By the time that no copying sets; another process may remove the same.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.lstat().st_ctime > _LEFT_SECONDS:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def _renamed(folder: pathlib.Path, path: pathlib.Path) -> bool:
    """Gives a folder another name, unless there is something in a folder of that name."""
    try:
        folder.rename(path)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False
    return True


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

"""Opens what callers hand in: a path, or the contents of a file as bytes."""

import io
import os
import pathlib
import stat
from typing import BinaryIO

from s2i_tf.errors import MediaError
from s2i_tf.media import reasons

Source = str | os.PathLike | bytes


def name_of(source: Source) -> str:
    """The source as messages call it, on one line whatever characters its path has."""
    if isinstance(source, bytes):
        return "the given bytes"
    name = os.fsdecode(source)
    return name if name.isprintable() else repr(name)


def open_source(source: Source) -> BinaryIO:
    """Opens a source for reading; its name is not passed on, so that only its content counts.

    Raises:
      MediaError: `missing`, `unreadable` or `empty`.
    """
    name = name_of(source)
    if isinstance(source, bytes):
        if not source:
            raise MediaError(reasons.EMPTY, f"{name}: empty")
        return io.BytesIO(source)
    try:
        status = pathlib.Path(source).stat()
        # Checked before opening: opening a pipe waits for its other end.
        if not stat.S_ISREG(status.st_mode):
            raise MediaError(reasons.UNREADABLE, f"{name}: not a regular file")
        if not status.st_size:
            raise MediaError(reasons.EMPTY, f"{name}: an empty file")
        return os.fdopen(os.open(source, os.O_RDONLY), "rb")
    except MediaError:
        raise
    except FileNotFoundError:
        raise MediaError(reasons.MISSING, f"{name}: no such file") from None
    except OSError as error:
        message = f"{name}: cannot be read: {error.strerror}"
        raise MediaError(reasons.UNREADABLE, message) from None
    except ValueError as error:  # a path with a zero byte in it
        raise MediaError(reasons.MISSING, f"{name}: no such file: {error}") from None

"""The files of a folder: those in it, or all below it."""

import os
import pathlib
from collections.abc import Callable, Iterator


def files_in(folder: str | os.PathLike) -> list[pathlib.Path]:
    """The files of a folder, but for those of its folders and hidden ones, sorted."""
    paths = (path for path in pathlib.Path(folder).iterdir() if path.is_file())
    return sorted(path for path in paths if not path.name.startswith("."))


def files_below(root: str | os.PathLike, refuse: Callable[[str, str, str], None]) -> Iterator[str]:
    """The paths of what lies below a folder, links followed, hidden files and folders apart.

    Args:
      root: the folder, which the paths begin with.
      refuse: is told the path, the reason and a message of each folder that cannot be read
        (`unreadable`), and of each link to a folder that it lies in (`loop`).
    """

    def unreadable(error: OSError) -> None:
        refuse(error.filename, "unreadable", error.strerror or str(error))

    root = os.fspath(root)
    ways = {root: {_identity(root)}}  # the folders that lead to each, by identity
    for folder, subfolders, names in os.walk(root, onerror=unreadable, followlinks=True):
        way = ways.pop(folder)
        for name in [*subfolders]:
            path = os.path.join(folder, name)
            if name.startswith("."):
                subfolders.remove(name)
            elif (identity := _identity(path)) in way:
                subfolders.remove(name)
                refuse(path, "loop", "a link to a folder that it lies in")
            else:
                ways[path] = way | {identity}
        yield from (os.path.join(folder, name) for name in names if not name.startswith("."))


def within(folder: str | os.PathLike, name: str) -> str:
    """A path relative to a folder where it leads into it, however it is written."""
    inside = os.path.relpath(os.path.join(folder, name), folder)
    return name if inside.startswith("..") else inside.replace(os.sep, "/")


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino

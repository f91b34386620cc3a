"""The sounds or photos that a command is given, as files and in folders."""

import logging
import pathlib
from collections.abc import Iterable

from s2i_tf.errors import UserError
from s2i_tf.media.source import name_of

logger = logging.getLogger(__name__)

_PHOTOS = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff"),
    ".webp",
)
# Pictures and documents, which lie beside the sounds of an album.
_NO_SOUNDS = (
    *_PHOTOS,
    *(".csv", ".cue", ".db", ".htm", ".html", ".ini", ".json", ".log", ".lrc", ".m3u", ".m3u8"),
    *(".md", ".nfo", ".pdf", ".pls", ".sfv", ".srt", ".svg", ".txt", ".vtt", ".xml"),
)


def paths(args: Iterable[str], kind: str = "sound") -> list[pathlib.Path]:
    """The files that are given, and what may be sounds, or photos, in folders that are given.

    Raises:
      UserError: if there are none in a folder.
    """
    found = []
    for path in map(pathlib.Path, args):
        found += _in_folder(path, kind) if path.is_dir() else [path]
    return found


def _in_folder(folder: pathlib.Path, kind: str) -> list[pathlib.Path]:
    """What may be of a kind in a folder, links that lead nowhere too; its folders are told."""
    listed = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    folders = [path for path in listed if path.is_dir()]
    found = [path for path in listed if path not in folders and _may_be(kind, path)]
    if not found:
        within = ", only folders" if folders else ""
        raise UserError(f"{folder}: no {kind}s in it{within}. Give a folder with {kind}s in it.")
    for path in folders:
        logger.warning(
            "left out: %s: a folder. Give it too for the %ss in it.", name_of(path), kind
        )
    return found


def _may_be(kind: str, path: pathlib.Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in _PHOTOS if kind == "photo" else suffix not in _NO_SOUNDS

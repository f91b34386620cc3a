"""Words in pictures: the one font, and text in letters that it has."""

import functools
import importlib.util
import pathlib
import unicodedata

from PIL import ImageFont

_SIZE = 12
_NO_LETTER = "\U0010ffff"
_UNKNOWN = "?"


@functools.cache
def font() -> ImageFont.FreeTypeFont:
    """The font of captions: that of Matplotlib where it is installed, else Pillow's own.

    Pillow's has no letters but English ones. Matplotlib itself is not imported.
    """
    found = importlib.util.find_spec("matplotlib")
    for folder in (found and found.submodule_search_locations) or ():
        path = pathlib.Path(folder, "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
        if path.is_file():
            return ImageFont.truetype(path, _SIZE)
    return ImageFont.load_default(_SIZE)


def written(text: str) -> str:
    """A line of text in letters of the font: others lose their accents, or are question marks."""
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


@functools.cache
def _letter(letter: str) -> str:
    if _has(letter):
        return letter
    parts = [part for part in unicodedata.normalize("NFKD", letter) if not _is_accent(part)]
    return "".join(parts) if parts and all(map(_has, parts)) else _UNKNOWN


def _is_accent(letter: str) -> bool:
    return unicodedata.combining(letter) > 0


def _has(letter: str) -> bool:
    """Whether the font draws a letter, not the box that it has for all others."""
    if not letter.isprintable():
        return False
    return bytes(font().getmask(letter)) != bytes(font().getmask(_NO_LETTER))

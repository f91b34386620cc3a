"""Names for what is made of files."""

import collections
import os
import pathlib
import unicodedata
from collections.abc import Collection, Sequence

# What file systems allow, less an ending such as `.png`.
_MAX_BYTES = 255 - 4


def unique_stems(
    paths: Sequence[pathlib.Path], taken: Collection[str] = (), num_samples: int = 1
) -> list[str]:
    """The stems of paths, with the parent folder and a number where that tells them apart.

    All that `sample_name` makes of them are different too, whether or not the file system tells
    upper from lower case, or the Unicode forms of a letter.

    Args:
      paths: the files that something is made of.
      taken: names that stand for something else.
      num_samples: how many files are made of each.
    """
    counts = collections.Counter(_folded(path.stem) for path in paths)
    used = {_folded(name) for name in taken}
    names = []
    for path in paths:
        shared = counts[_folded(path.stem)] > 1 or _folded(path.stem) in used
        wanted = f"{path.parent.name}_{path.stem}" if shared else path.stem
        name, number = _shortened(wanted, "", num_samples), 1
        while used & (made := _samples(name, num_samples)):
            number += 1
            name = _shortened(wanted, f"-{number}", num_samples)
        used |= made
        names.append(name)
    return names


def sample_name(stem: str, number: int) -> str:
    """The stem of a sample's file: the first has the name, further ones a number behind it."""
    return f"{stem}_{number}" if number else stem


def _folded(name: str) -> str:
    """What a file system that is least particular takes for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _samples(stem: str, num_samples: int) -> set[str]:
    return {_folded(sample_name(stem, number)) for number in range(num_samples)}


def _shortened(stem: str, ending: str, num_samples: int) -> str:
    """Stem and ending, within what a file system allows for the last sample's name."""
    room = _MAX_BYTES - len(sample_name(ending, num_samples - 1))
    if len(os.fsencode(stem)) > room:
        stem = os.fsencode(stem)[:room].decode(errors="ignore")
    return stem + ending

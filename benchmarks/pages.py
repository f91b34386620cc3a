"""Tables in Markdown, and pages that a command fills them into."""

import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence

from s2i_tf import files
from s2i_tf.errors import UserError


def fill(page: pathlib.Path, blocks: Mapping[str, str]) -> None:
    """Puts each block between `<!-- NAME -->` and `<!-- end -->` in a page.

    Raises:
      UserError: if a mark is missing.
    """
    text = page.read_text()
    for name, block in blocks.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, num = re.subn(
            pattern, lambda found, b=block: f"{found[1]}{b}\n{found[2]}", text, flags=re.DOTALL
        )
        if not num:
            raise UserError(f"{page}: the mark <!-- {name} --> is missing")
    files.write(page, text)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; what would end a cell is escaped."""
    rows = [head, ["---"] * len(head), *lines]
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)

"""Pages whose tables a command fills in."""

import pathlib
import re
from collections.abc import Mapping

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

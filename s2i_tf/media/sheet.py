"""Contact sheets: rows of pictures with captions, as one picture."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from s2i_tf.media import lettering

_GAP = 6
_LINE_HEIGHT = 18
_BACKGROUND = (250, 250, 248)
_INK = (60, 60, 60)
_DOTS = lettering.written("…")


def to_uint8(pictures: np.ndarray) -> np.ndarray:
    """Pictures in [0, 1] as uint8, of any shape; what lies outside is clipped."""
    return np.round(np.clip(pictures, 0.0, 1.0) * 255).astype(np.uint8)


def contact_sheet(
    pictures: Sequence[np.ndarray], captions: Sequence[str] = (), *, num_columns: int = 8
) -> np.ndarray:
    """Lays pictures out in rows.

    Args:
      pictures: uint8 [height, width, 3] each, all of one size.
      captions: one under each picture, or none at all. Each of its lines is cut to the picture's
        width, in the middle: names that belong together often differ at their end.
      num_columns: pictures in a row.

    Returns:
      The sheet, uint8 [height, width, 3].
    """
    height, width = pictures[0].shape[:2]
    num_columns = min(num_columns, len(pictures))
    num_rows = -(-len(pictures) // num_columns)
    lines = [caption.split("\n") for caption in captions] or [[]] * len(pictures)
    cell_height = height + _GAP + _LINE_HEIGHT * max(map(len, lines))
    size = (num_columns * (width + _GAP) + _GAP, num_rows * cell_height + _GAP)
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for position, picture in enumerate(pictures):
        row, column = divmod(position, num_columns)
        x, y = _GAP + column * (width + _GAP), _GAP + row * cell_height
        sheet.paste(Image.fromarray(picture), (x, y))
        for number, line in enumerate(lines[position]):
            place = x, y + height + 2 + number * _LINE_HEIGHT
            draw.text(place, _cut(line, width), _INK, lettering.font())
    return np.asarray(sheet)


def _cut(text: str, width: int) -> str:
    shown = text = lettering.written(text)
    kept = len(text)
    while kept and lettering.font().getlength(shown) > width:
        kept -= 1
        shown = text[: kept - kept // 2] + _DOTS + text[len(text) - kept // 2 :]
    return shown

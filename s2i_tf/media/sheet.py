"""Contact sheets: rows of pictures with captions, as one picture."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GAP = 6
_CAPTION_HEIGHT = 18
_BACKGROUND = (250, 250, 248)
_INK = (60, 60, 60)
_INK_SIZE = 12


def to_uint8(pictures: np.ndarray) -> np.ndarray:
    """Pictures in [0, 1] as uint8, of any shape; what lies outside is clipped."""
    return np.round(np.clip(pictures, 0.0, 1.0) * 255).astype(np.uint8)


def contact_sheet(
    pictures: Sequence[np.ndarray], captions: Sequence[str] = (), *, num_columns: int = 8
) -> np.ndarray:
    """Lays pictures out in rows.

    Args:
      pictures: uint8 [height, width, 3] each, all of one size.
      captions: one under each picture, cut to its width; or none at all.
      num_columns: pictures in a row.

    Returns:
      The sheet, uint8 [height, width, 3].
    """
    height, width = pictures[0].shape[:2]
    num_columns = min(num_columns, len(pictures))
    num_rows = -(-len(pictures) // num_columns)
    cell_height = height + _GAP + (_CAPTION_HEIGHT if captions else 0)
    size = (num_columns * (width + _GAP) + _GAP, num_rows * cell_height + _GAP)
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_INK_SIZE)
    for position, picture in enumerate(pictures):
        row, column = divmod(position, num_columns)
        x, y = _GAP + column * (width + _GAP), _GAP + row * cell_height
        sheet.paste(Image.fromarray(picture), (x, y))
        if captions:
            draw.text((x, y + height + 2), _cut(captions[position], width, font), _INK, font)
    return np.asarray(sheet)


def _cut(text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"

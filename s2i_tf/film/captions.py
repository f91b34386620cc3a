"""What was heard along a film, as subtitles (WebVTT) and as a strip over a time axis."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from s2i_tf import files
from s2i_tf.media import lettering

_PAPER, _INK, _BAND = (250, 250, 248), (60, 60, 60), (226, 232, 236)
_MARGIN, _LINE = 8, 18


class Caption(NamedTuple):
    """What was heard from `start` to `end`, in seconds."""

    start: float
    end: float
    text: str


def captions(texts: Sequence[str], step_seconds: float, duration_seconds: float) -> list[Caption]:
    """Merges what was heard at evenly spaced moments; each counts up to half-way to the next.

    Args:
      texts: what was heard at 0, `step_seconds`, 2 · `step_seconds`, … seconds.
      step_seconds: time between two moments.
      duration_seconds: length of the film, where the last caption ends.
    """
    merged: list[Caption] = []
    for index, text in enumerate(texts):
        start = max((index - 0.5) * step_seconds, 0.0)
        end = min((index + 0.5) * step_seconds, duration_seconds)
        if index == len(texts) - 1:
            end = duration_seconds
        if merged and merged[-1].text == text:
            merged[-1] = merged[-1]._replace(end=end)
        elif end > start:
            merged.append(Caption(start, end, text))
    return merged


def web_vtt(spoken: Sequence[Caption]) -> str:
    """The captions as a WebVTT file."""
    cues = [
        f"{_clock(start)} --> {_clock(end)}\n[{html.escape(text, quote=False)}]\n"
        for start, end, text in spoken
    ]
    return "\n".join([f"WEBVTT {files.MADE_BY}\n", *cues])


def strip(
    pictures: Sequence[np.ndarray], spoken: Sequence[Caption], duration_seconds: float
) -> np.ndarray:
    """A row of pictures in the order of time, an axis, and what was heard below it.

    Args:
      pictures: uint8 [side, side, 3], of evenly spaced moments, the first of 0 s.
      spoken: what was heard.
      duration_seconds: length of the film, the axis' end.

    Returns:
      uint8 [height, width, 3].
    """
    side = pictures[0].shape[0]
    length = side * len(pictures)
    height = side + 2 * _LINE + 3 * _MARGIN
    sheet = Image.new("RGB", (length + 2 * _MARGIN, height), _PAPER)
    draw, font = ImageDraw.Draw(sheet), lettering.font()
    axis, words = side + 2 * _MARGIN, side + 2 * _MARGIN + _LINE
    for index, picture in enumerate(pictures):
        seconds = duration_seconds * index / len(pictures)
        x = _MARGIN + index * side
        sheet.paste(Image.fromarray(picture), (x, _MARGIN))
        draw.line((x, axis - 4, x, axis), _INK)
        draw.text((x + 3, axis), _minutes(seconds), _INK, font)
    for start, end, text in spoken:
        left, right = (_MARGIN + length * seconds / duration_seconds for seconds in (start, end))
        draw.rectangle((left, words, max(left, right - 2), words + _LINE), _BAND)
        text = lettering.written(text)
        if font.getlength(text) <= right - left - 6:
            draw.text((left + 3, words + 2), text, _INK, font)
    return np.asarray(sheet)


def _minutes(seconds: float) -> str:
    minutes, tenths = divmod(round(seconds * 10), 600)
    return f"{minutes}:{tenths / 10:04.1f}"


def _clock(seconds: float) -> str:
    millis = round(seconds * 1000)
    hours, rest = divmod(millis, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"

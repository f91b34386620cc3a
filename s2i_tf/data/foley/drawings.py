"""What never changes of the pictures' subjects: drawings, each some strokes in `drawings.csv`.

A row is a stroke: the drawings that have it, the method of `Pen` that makes it, its outline, and
the method's other arguments. An outline is `ellipse`, `box` or `curve` of `foley.canvas` and their
numbers, `closed` for a curve that ends where it began, `line` for points as they are, or several
of these with `;` between. A colour is three numbers with `/` between, or a name: of a colour that
the painter gives, of its shade as in `name*0.7`, or of its mixture with white as in `name+0.3`.
"""

import csv
import functools
import pathlib
import re

import numpy as np

from s2i_tf.data.foley.canvas import (
    BLACK,
    WHITE,
    Colour,
    Pen,
    Points,
    box,
    curve,
    ellipse,
    mix,
    shade,
)

_FILE = pathlib.Path(__file__).with_suffix(".csv")
_COLOUR = re.compile(r"(?P<name>\w+)(?:\*(?P<shade>.+)|\+(?P<white>.+))?")


def draw(pen: Pen, drawing: str, **colours: Colour) -> None:
    """Draws a subject.

    Args:
      pen: where, how large and how it is turned.
      drawing: name of the drawing.
      **colours: the colours that its strokes name, beside black and white.
    """
    known = {"black": BLACK, "white": WHITE, **colours}
    for row in _strokes():
        if drawing not in row["drawings"].split():
            continue
        outline = _outline(row["outline"])
        look = {key: _colour(row[key], known) for key in ("colour", "shadow") if row[key]}
        for key in ("width", "opacity", "soft", "texture"):
            if row[key]:
                look[key] = float(row[key])
        where = (outline[::2], outline[1::2]) if row["pen"] == "marks" else (outline,)
        getattr(pen, row["pen"])(*where, **look)


@functools.cache
def _strokes() -> list[dict[str, str]]:
    with open(_FILE, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@functools.cache
def _outline(text: str) -> Points:
    shapes = []
    for shape in text.split(";"):
        kind, *numbers = shape.split()
        values = [float(number) for number in numbers]
        if kind in ("ellipse", "box"):
            shapes.append({"ellipse": ellipse, "box": box}[kind](*values))
            continue
        points = np.reshape(values, (-1, 2))
        shapes.append(points if kind == "line" else curve(*points, closed=kind == "closed"))
    return np.concatenate(shapes)


def _colour(text: str, known: dict[str, Colour]) -> Colour:
    if "/" in text:
        return tuple(map(float, text.split("/")))
    found = _COLOUR.fullmatch(text)
    colour = known[found["name"]]
    if found["shade"]:
        return shade(colour, float(found["shade"]))
    return mix(colour, WHITE, float(found["white"])) if found["white"] else colour

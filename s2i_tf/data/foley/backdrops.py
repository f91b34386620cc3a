"""What stands behind the subjects of the embedded data set's pictures."""

import numpy as np

from s2i_tf.data.foley.canvas import Canvas, Colour, Pen, box, curve, hsv, shade


def hills(
    canvas: Canvas, rng: np.random.Generator, top: float, height: float, colour: Colour
) -> None:
    """A ridge across the picture, its crest about `height` above `top`, filled to the bottom."""
    across = np.linspace(-0.1, 1.1, 7)
    crest = curve(*zip(across, top - height * rng.random(7), strict=True))
    outline = np.concatenate([crest, [(1.1, 1.1), (-0.1, 1.1)]])
    Pen(canvas).fill(outline, colour, shade(colour, 0.7), texture=0.06)


def skyline(
    canvas: Canvas,
    rng: np.random.Generator,
    base: float,
    height: float,
    wall: Colour,
    window: Colour,
    lit: float,
) -> None:
    """A row of houses that stand on `base`; a share `lit` of their windows is alight."""
    pen = Pen(canvas)
    left = -0.05
    lamps = []
    while left < 1.05:
        width, top = rng.uniform(0.09, 0.2), base - height * rng.uniform(0.45, 1.0)
        front = shade(wall, rng.uniform(0.8, 1.2))
        if rng.random() < 0.5:
            roof = [(left, top), (left + width / 2, top - 0.05), (left + width, top)]
            pen.fill(roof, shade(front, 0.7))
        pen.fill(box(left, top, left + width, base + 0.02), front, shade(front, 0.75), texture=0.05)
        columns = np.arange(left + 0.02, left + width - 0.03, 0.035)
        rows = np.arange(top + 0.025, base - 0.035, 0.05)
        lamps += [(x, y) for x in columns for y in rows if rng.random() < lit]
        left += width
    if lamps:
        starts = np.array(lamps) + (0.009, 0)
        pen.marks(starts, starts + (0, 0.024), 0.017, window, rng.uniform(0.4, 1, len(lamps)))


def forest(canvas: Canvas, rng: np.random.Generator, base: float, colour: Colour) -> None:
    """Dark firs side by side that stand on `base`."""
    pen = Pen(canvas)
    for x in np.arange(-0.05, 1.1, 0.11) + rng.normal(0, 0.03, 11):
        height, width = rng.uniform(0.3, 0.65), rng.uniform(0.07, 0.11)
        for tier in np.linspace(0, 0.6, 4):
            top, half = base - height * (1 - tier * 0.6), width * (0.4 + tier)
            foot = top + 0.4 * height
            pen.fill([(x, top), (x + half, foot), (x - half, foot)], colour)


def bricks(canvas: Canvas, rng: np.random.Generator) -> None:
    """A brick wall over the whole picture, in little light."""
    pen, clay = Pen(canvas), hsv(rng.uniform(0.0, 0.05), 0.45, rng.uniform(0.16, 0.28))
    pen.fill(box(-0.1, -0.1, 1.1, 1.1), shade(clay, 0.65))
    columns = np.arange(-0.1, 1.05, 0.14)
    for row, y in enumerate(np.arange(0, 0.9, 0.075)):
        starts = np.array([(x + 0.07 * (row % 2) - 0.03, y + 0.035) for x in columns])
        pen.marks(starts, starts + (0.115, 0), 0.062, clay, rng.uniform(0.5, 1, len(starts)))


def room(
    canvas: Canvas, rng: np.random.Generator, wall: Colour, floor: Colour, edge: float
) -> None:
    """A plain or striped wall above a floor or table that begins at `edge`."""
    pen, pattern, width = Pen(canvas), rng.integers(3), rng.uniform(0.05, 0.12)
    canvas.gradient((0, shade(wall, 0.95)), (edge, shade(wall, 1.05)), (1, wall))
    stripes = np.arange(0, 1.2, 2 * width)
    if pattern == 0:
        starts = np.stack([stripes, np.full_like(stripes, -0.1)], axis=1)
        pen.marks(starts, starts + (0, 1.3), width, shade(wall, 0.94))
    elif pattern == 1:
        starts = np.stack([np.full_like(stripes, -0.1), stripes], axis=1)
        pen.marks(starts, starts + (1.3, 0), 0.006, shade(wall, 0.9))
    else:
        canvas.pixels *= 1 + 0.025 * canvas.noise((5, 5))
    pen.fill(box(-0.1, edge, 1.1, 1.2), shade(floor, 1.1), shade(floor, 0.75), texture=0.06)
    pen.stroke([(-0.1, edge), (1.1, edge)], 0.012, shade(floor, 0.6))

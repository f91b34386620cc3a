"""Pictures of birds and helicopters for the embedded data set.

The same conventions as in `s2i_tf.data.foley.elements`.
"""

from collections.abc import Mapping

import numpy as np

from s2i_tf.data.foley.backdrops import hills, skyline
from s2i_tf.data.foley.canvas import (
    WHITE,
    Canvas,
    Colour,
    Pen,
    box,
    curve,
    ellipse,
    hsv,
    mix,
    shade,
)
from s2i_tf.data.foley.causes import lerp


def bird(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """Small birds on a branch before sky or leaves."""
    flock, height = round(lerp(0.6, 5.4, causes["flock"])), causes["perch"]
    y = lerp(0.86, 0.3, height)
    hue, green = rng.uniform(0.5, 0.62), rng.uniform(0.2, 0.36)
    if rng.random() < 0.65:
        sky, below = hsv(hue, rng.uniform(0.15, 0.45), 0.95), hsv(hue + 0.5, 0.12, 0.98)
    else:
        sky, below = hsv(green, 0.35, rng.uniform(0.6, 0.85)), hsv(green, 0.3, 0.9)
    canvas.gradient((0, sky), (1, below))
    canvas.clouds(-1, 1.2, mix(sky, WHITE, 0.75), 0.4)
    for _ in range(7):
        leaf = mix(hsv(green, 0.3, 0.75), sky, rng.uniform(0.35, 0.75))
        radius = rng.uniform(0.08, 0.2)
        spot = ellipse(rng.random(), rng.random(), radius, radius)
        Pen(canvas).fill(spot, leaf, opacity=0.35, soft=0.03)
    slope = rng.normal(0, 0.02)
    _branch(canvas, rng, y, slope, hsv(green, 0.6, 0.5))
    plumage = rng.choice(len(_PLUMAGE))
    places = 0.5 + (np.arange(flock) - (flock - 1) / 2) * 0.185 + rng.normal(0, 0.012, 5)[:flock]
    size = rng.uniform(0.2, 0.225)
    flips, tilts = (rng.random(5) < 0.5).tolist(), rng.normal(0, 0.012, 5).tolist()
    for x, flip, tilt in zip(places, flips, tilts, strict=False):
        _perched(Pen(canvas, x, y - 0.012 + slope * (x - 0.5), size, tilt, flip), plumage)


# Back, breast, belly and beak of a robin, a tit, a sparrow, a canary, a cardinal and a magpie.
_PLUMAGE: tuple[tuple[Colour, Colour, Colour, Colour], ...] = (
    ((0.42, 0.33, 0.22), (0.9, 0.4, 0.13), (0.78, 0.7, 0.6), (0.25, 0.2, 0.18)),
    ((0.2, 0.38, 0.66), (0.95, 0.8, 0.2), (0.92, 0.78, 0.35), (0.2, 0.2, 0.22)),
    ((0.45, 0.28, 0.15), (0.7, 0.58, 0.45), (0.72, 0.63, 0.52), (0.35, 0.3, 0.2)),
    ((0.85, 0.65, 0.1), (0.98, 0.85, 0.2), (0.97, 0.8, 0.25), (0.85, 0.5, 0.3)),
    ((0.62, 0.08, 0.08), (0.85, 0.14, 0.1), (0.9, 0.3, 0.2), (0.95, 0.6, 0.15)),
    ((0.1, 0.1, 0.16), (0.12, 0.13, 0.22), (0.8, 0.8, 0.85), (0.1, 0.1, 0.1)),
)


def _branch(canvas: Canvas, rng: np.random.Generator, y: float, slope: float, leaf: Colour) -> None:
    bark = hsv(rng.uniform(0.04, 0.09), 0.5, rng.uniform(0.28, 0.42))
    bend = rng.normal(0, 0.006, 5)
    line = curve(
        *(
            (x, y + 0.012 + slope * (x - 0.5) + b)
            for x, b in zip(np.linspace(-0.1, 1.1, 5), bend, strict=True)
        )
    )
    pen = Pen(canvas)
    for x in rng.uniform(0.03, 0.97, 4):
        tip = (x + rng.normal(0, 0.05), y + rng.uniform(0.05, 0.1))
        pen.stroke(np.array([(x, y + 0.01), tip]), 0.007, shade(bark, 0.8))
        for _ in range(2):
            stem = Pen(canvas, *tip, rng.uniform(0.04, 0.065), rng.uniform(0.05, 0.45))
            stem.fill(
                curve((0, 0), (0.5, -0.25), (1, 0), (0.5, 0.25), closed=True),
                shade(leaf, 1.3),
                shade(leaf, 0.8),
            )
    pen.stroke(line, 0.032, shade(bark, 1.35), shade(bark, 0.9))
    pen.stroke(line + (0, 0.009), 0.013, shade(bark, 0.6))


def _perched(pen: Pen, plumage: int) -> None:
    """A bird that sits on the pen's origin, about one unit long."""
    back, breast, belly, beak = _PLUMAGE[plumage]
    for x in (-0.03, 0.09):
        pen.stroke(np.array([(x, -0.1), (x, 0.02)]), 0.025, (0.35, 0.25, 0.18))
    pen.fill(
        curve((-0.2, -0.25), (-0.62, 0.1), (-0.55, 0.17), (-0.1, -0.12), closed=True),
        shade(back, 0.8),
    )
    body = curve(
        (0.3, -0.5),
        (0.32, -0.2),
        (0.1, -0.05),
        (-0.18, -0.1),
        (-0.3, -0.27),
        (-0.05, -0.52),
        closed=True,
    )
    pen.fill(body, breast, belly)
    pen.fill(
        curve((0.05, -0.5), (-0.1, -0.52), (-0.38, -0.2), (-0.25, -0.2), (0.0, -0.3), closed=True),
        back,
        shade(back, 0.8),
    )
    pen.fill(ellipse(0.2, -0.62, 0.18, 0.17), back, shade(back, 0.85))
    pen.fill(ellipse(0.255, -0.57, 0.115, 0.105), breast)
    pen.fill(
        curve((0.03, -0.42), (-0.15, -0.42), (-0.45, -0.08), (-0.1, -0.17), closed=True),
        shade(back, 0.65),
        shade(back, 0.9),
    )
    pen.fill(np.array([(0.35, -0.67), (0.52, -0.6), (0.35, -0.56)]), beak, shade(beak, 0.7))
    pen.fill(ellipse(0.25, -0.655, 0.035, 0.035), (0.05, 0.04, 0.04))
    pen.fill(ellipse(0.26, -0.668, 0.012, 0.012), WHITE)


def helicopter(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A helicopter in the sky over hills or a town."""
    near, altitude, weight = causes["nearness"], causes["altitude"], causes["weight"]
    hue, light = rng.uniform(0.54, 0.62), rng.uniform(0.75, 1.0)
    sky = hsv(hue, rng.uniform(0.2, 0.4), light)
    haze = mix(sky, hsv(rng.uniform(0.04, 0.15), 0.2, light), rng.uniform(0.3, 0.9))
    canvas.gradient((0, sky), (0.9, haze), (1, haze))
    canvas.clouds(-1, 0.95, mix(sky, WHITE, 0.55), rng.uniform(0.2, 0.45))
    land = hsv(rng.uniform(0.2, 0.4), 0.35, 0.55 * light)
    if rng.random() < 0.5:
        hills(canvas, rng, 0.94, 0.05, mix(land, haze, 0.6))
        hills(canvas, rng, 0.98, 0.03, mix(land, haze, 0.2))
    else:
        skyline(canvas, rng, 0.99, 0.1, mix((0.35, 0.36, 0.4), haze, 0.65), haze, 0.4)
        hills(canvas, rng, 0.99, 0.02, shade(land, 0.8))
    size = lerp(0.24, 0.72, near)
    pen = Pen(
        canvas,
        rng.uniform(0.44, 0.56),
        lerp(0.7, 0.24, altitude),
        size,
        rng.normal(0, 0.012),
        bool(rng.random() < 0.5),
    )
    colour = mix(
        hsv(rng.uniform(-0.03, 0.1), 0.9, 0.92), hsv(rng.uniform(0.3, 0.5), 0.4, 0.3), weight
    )
    _airframe(pen, colour, rng)


def _airframe(pen: Pen, colour: Colour, rng: np.random.Generator) -> None:
    """A helicopter, nose to the right, one unit long with its tail, centred on the origin."""
    dark, glass = (0.12, 0.13, 0.15), hsv(0.55, 0.3, rng.uniform(0.5, 0.85))
    for x in (-0.02, 0.22):
        pen.stroke(np.array([(x, 0.1), (x - 0.02, 0.24)]), 0.018, dark)
    pen.stroke(curve((-0.17, 0.245), (0.1, 0.25), (0.33, 0.245), (0.39, 0.215)), 0.022, dark)
    boom = np.array([(-0.02, -0.09), (-0.58, -0.085), (-0.58, -0.035), (0.0, 0.09)])
    pen.fill(boom, shade(colour, 1.1), shade(colour, 0.7))
    fin = np.array([(-0.54, -0.04), (-0.68, -0.22), (-0.6, -0.22), (-0.47, -0.07)])
    pen.fill(fin, colour, shade(colour, 0.8))
    pen.fill(ellipse(-0.6, -0.1, 0.1, 0.1), (0.2, 0.2, 0.22), opacity=0.3)
    turn = rng.random()
    blade = ellipse(-0.6, -0.1, 0.1, 0.1, turn, turn + 0.5)
    pen.stroke(blade[[0, -1]], 0.016, dark)
    top = [(-0.12, -0.1), (0.08, -0.16), (0.28, -0.12), (0.43, 0.03)]
    cabin = curve(*top, (0.4, 0.12), (0.2, 0.16), (-0.05, 0.13), (-0.16, 0.02), closed=True)
    pen.fill(cabin, shade(colour, 1.25), shade(colour, 0.6))
    pen.fill(
        curve((0.21, -0.1), (0.29, -0.085), (0.4, 0.04), (0.22, 0.05), closed=True),
        mix(glass, WHITE, 0.5),
        glass,
    )
    pen.fill(box(0.03, -0.09, 0.16, 0.04, 0.02), mix(glass, WHITE, 0.3), shade(glass, 0.8))
    pen.fill(box(-0.09, -0.08, 0.0, 0.02, 0.02), mix(glass, WHITE, 0.2), shade(glass, 0.7))
    pen.stroke(np.array([(-0.14, 0.085), (0.4, 0.085)]), 0.02, mix(colour, WHITE, 0.75))
    pen.fill(curve((-0.08, -0.12), (0.0, -0.2), (0.12, -0.2), (0.2, -0.13)), shade(colour, 0.7))
    pen.stroke(np.array([(0.06, -0.18), (0.06, -0.26)]), 0.026, dark)
    pen.fill(ellipse(0.06, -0.265, 0.62, 0.035), (0.2, 0.2, 0.22), opacity=0.25, soft=0.004)
    spread = rng.uniform(0.35, 0.6)
    for side in (-1, 1):
        pen.stroke(np.array([(0.06, -0.265), (0.06 + side * spread, -0.27)]), 0.014, dark)

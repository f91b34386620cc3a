"""Pictures of vehicles, machines and instruments for the embedded data set.

The same conventions as in `s2i_tf.data.foley.elements`.
"""

from collections.abc import Mapping

import numpy as np

from s2i_tf.data.foley.backdrops import room, skyline
from s2i_tf.data.foley.canvas import (
    BLACK,
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


def siren(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """An emergency vehicle with its lights flashing in a street at night."""
    pitch, near, urgency = causes["pitch"], causes["nearness"], causes["urgency"]
    lamp = mix((1.0, 0.1, 0.08), (0.1, 0.25, 1.0), pitch)
    level = lerp(0.15, 0.62, urgency)
    sky = hsv(rng.uniform(0.52, 0.8), rng.uniform(0.2, 0.45), level)
    road_y = rng.uniform(0.72, 0.8)
    canvas.gradient((0, shade(sky, 0.7)), (road_y, shade(sky, 1.35)), (1, sky))
    skyline(
        canvas,
        rng,
        road_y - 0.03,
        rng.uniform(0.3, 0.5),
        shade(sky, 0.75),
        mix(sky, WHITE, 0.4),
        0.3,
    )
    pen, road = Pen(canvas), hsv(0.65, 0.1, 0.6 * level + 0.06)
    pen.fill(box(-0.1, road_y - 0.03, 1.1, 1.1), road, shade(road, 0.7), texture=0.06)
    starts = np.stack([np.arange(0, 1.2, 0.25) + rng.uniform(-0.1, 0), np.full(5, 0.95)], axis=1)
    pen.marks(starts, starts + (0.12, 0), 0.014, mix(road, WHITE, 0.6))
    size = lerp(0.34, 0.9, near)
    car = Pen(canvas, rng.uniform(0.44, 0.56), road_y + 0.1, size, 0.0, bool(rng.random() < 0.5))
    canvas.glow(car.x, road_y + 0.1 - 0.45 * size, 0.26, lamp, lerp(0.4, 0.7, urgency))
    _vehicle(car, lamp, int(rng.integers(3)), shade(WHITE, lerp(0.68, 0.95, urgency)))
    beam = Pen(canvas, car.x, car.y - 0.47 * size, size)
    for x in (-0.09, 0.09):
        spot = beam.place(np.array([(x, 0.0)]))[0]
        canvas.glow(spot[0], spot[1], 0.07 * size, mix(lamp, WHITE, 0.35), 1.0)


def _vehicle(pen: Pen, lamp: Colour, kind: int, white: Colour) -> None:
    """An ambulance, a fire engine or a police car, front to the right, one unit long."""
    tyre, glass = (0.06, 0.06, 0.07), (0.22, 0.3, 0.38)
    body = (white, mix(shade(lamp, 0.75), white, 0.1), white)[kind]
    pen.fill(ellipse(0, 0.0, 0.52, 0.04), BLACK, opacity=0.5, soft=0.02)
    if kind == 2:
        pen.fill(
            curve((-0.3, -0.2), (-0.2, -0.4), (0.1, -0.4), (0.26, -0.22)), body, shade(body, 0.8)
        )
        pen.fill(
            curve((-0.25, -0.21), (-0.17, -0.37), (-0.03, -0.37), (-0.03, -0.21)),
            mix(glass, WHITE, 0.3),
            glass,
        )
        pen.fill(
            curve((0.01, -0.21), (0.01, -0.37), (0.08, -0.37), (0.2, -0.21)),
            mix(glass, WHITE, 0.3),
            glass,
        )
        pen.fill(box(-0.48, -0.23, 0.5, -0.05, 0.05), body, shade(body, 0.65))
    else:
        pen.fill(box(-0.5, -0.43, 0.2, -0.05, 0.03), body, shade(body, 0.7))
        pen.fill(
            curve(
                (0.18, -0.36),
                (0.34, -0.35),
                (0.45, -0.2),
                (0.5, -0.17),
                (0.5, -0.05),
                (0.18, -0.05),
            ),
            body,
            shade(body, 0.7),
        )
        pen.fill(
            np.array([(0.23, -0.33), (0.33, -0.33), (0.42, -0.2), (0.23, -0.2)]),
            mix(glass, WHITE, 0.35),
            glass,
        )
    stripe = lamp if kind != 1 else white
    pen.stroke(np.array([(-0.46, -0.15), (0.47, -0.15)]), 0.055, stripe, shade(stripe, 0.7))
    if kind == 0:
        for arm in (
            np.array([(-0.2, -0.36), (-0.2, -0.22)]),
            np.array([(-0.27, -0.29), (-0.13, -0.29)]),
        ):
            pen.stroke(arm, 0.05, lamp)
    if kind == 1:
        for y in (-0.35, -0.27):
            pen.stroke(np.array([(-0.45, y), (0.14, y)]), 0.012, (0.75, 0.75, 0.78))
        rungs = np.stack([np.linspace(-0.42, 0.1, 10), np.full(10, -0.35)], axis=1)
        pen.marks(rungs, rungs + (0, 0.08), 0.012, (0.75, 0.75, 0.78))
    pen.fill(box(0.46, -0.14, 0.51, -0.09, 0.01), (1.0, 0.95, 0.75))
    for x in (-0.3, 0.3):
        pen.fill(ellipse(x, -0.05, 0.095, 0.095), shade(tyre, 2.2), tyre)
        pen.fill(ellipse(x, -0.05, 0.045, 0.045), (0.7, 0.7, 0.73), (0.3, 0.3, 0.32))
    top = -0.395 if kind == 2 else -0.43
    pen.fill(box(-0.16, top - 0.055, 0.16, top, 0.02), mix(lamp, WHITE, 0.25), lamp)
    pen.fill(box(-0.02, top - 0.055, 0.02, top), (0.85, 0.85, 0.88))


def clock(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A clock on a wall, or an alarm clock on a table."""
    size, metal = lerp(0.17, 0.43, causes["size"]), causes["metal"]
    tint = mix(
        hsv(rng.uniform(0.06, 0.1), 0.55, 0.75), hsv(rng.uniform(0.56, 0.62), 0.3, 0.75), metal
    )
    wall = shade(mix(tint, WHITE, 0.3), rng.uniform(0.7, 1.05))
    table, alarm = mix((0.5, 0.3, 0.15), (0.38, 0.43, 0.52), metal), bool(rng.random() < 0.5)
    edge = 0.55 + 1.1 * size if alarm else rng.uniform(1.02, 1.3)
    room(canvas, rng, wall, shade(table, rng.uniform(0.8, 1.2)), min(edge, 0.97))
    rim = mix(hsv(rng.uniform(0.05, 0.08), 0.75, 0.5), hsv(0.58, 0.12, 0.82), metal)
    pen = Pen(canvas, rng.uniform(0.45, 0.55), rng.uniform(0.47, 0.53), size, rng.normal(0, 0.008))
    pen.fill(ellipse(0.1, 0.14, 1.02, 1.02), BLACK, opacity=0.35, soft=0.07)
    if alarm:
        _bells(pen, rim)
    pen.fill(ellipse(0, 0, 1, 1), mix(rim, WHITE, 0.3), shade(rim, 0.5))
    pen.fill(ellipse(0, 0, 0.9, 0.9), shade(rim, 0.5), mix(rim, WHITE, 0.3))
    paper = hsv(rng.uniform(0.08, 0.16), rng.uniform(0.02, 0.18), rng.uniform(0.9, 1.0))
    pen.fill(ellipse(0, 0, 0.83, 0.83), mix(paper, BLACK, 0.12), paper)
    _dial(pen, rng)


def _bells(pen: Pen, rim: Colour) -> None:
    for side in (-1, 1):
        pen.stroke(np.array([(0.6 * side, 0.75), (0.82 * side, 1.1)]), 0.13, shade(rim, 0.6))
        bell = Pen(
            pen.canvas, *pen.place(np.array([(0.62 * side, -0.86)]))[0], pen.size, 0.1 * side
        )
        bell.fill(ellipse(0, 0, 0.42, 0.36, 0.5, 1.0), mix(rim, WHITE, 0.35), shade(rim, 0.55))
    pen.stroke(np.array([(0, -0.9), (0, -1.22)]), 0.06, shade(rim, 0.5))
    pen.fill(ellipse(0, -1.22, 0.1, 0.1), rim, shade(rim, 0.5))


def _dial(pen: Pen, rng: np.random.Generator) -> None:
    ink, hand = hsv(rng.random(), 0.3, 0.12), hsv(rng.random(), 0.4, 0.2)
    turns = 2 * np.pi * np.arange(60) / 60
    spokes = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    pen.marks(spokes * 0.76, spokes * 0.8, 0.015, ink)
    length = rng.uniform(0.58, 0.68)
    pen.marks(spokes[::5] * length, spokes[::5] * 0.79, rng.uniform(0.045, 0.08), ink)
    minutes = rng.uniform(0, 720)
    for turn, reach, width in ((minutes / 720, 0.45, 0.08), (minutes / 60, 0.66, 0.055)):
        tip = np.array([np.sin(2 * np.pi * turn), -np.cos(2 * np.pi * turn)])
        pen.stroke(np.stack([-0.1 * tip, reach * tip]), width, hand)
    tip = spokes[rng.integers(60)]
    pen.stroke(np.stack([-0.18 * tip, 0.7 * tip]), 0.022, (0.85, 0.12, 0.1))
    pen.fill(ellipse(0, 0, 0.06, 0.06), (0.85, 0.12, 0.1))


def engine(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A piston engine on a stand in a workshop, its exhaust glowing with the revs."""
    near, revs = causes["nearness"], causes["revs"]
    wall = hsv(rng.uniform(0.45, 0.75), rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.36))
    size = lerp(0.38, 0.92, near)
    x, y = rng.uniform(0.47, 0.53), rng.uniform(0.5, 0.54)
    room(canvas, rng, wall, hsv(0.6, 0.1, rng.uniform(0.18, 0.3)), y + 0.42 * size)
    hot = mix((0.4, 0.4, 0.43), (1.0, 0.42, 0.08), revs)
    canvas.glow(x, y + 0.1, 0.55, (1.0, 0.4, 0.08), 0.45 * revs)
    pen = Pen(canvas, x, y, size, rng.normal(0, 0.006), bool(rng.random() < 0.5))
    pen.fill(ellipse(0, 0.43, 0.52, 0.05), BLACK, opacity=0.4, soft=0.02)
    _motor(pen, rng, hot)
    spot = pen.place(np.array([(0.05, 0.1)]))[0]
    canvas.glow(spot[0], spot[1], 0.3 * size, (1.0, 0.4, 0.06), 0.7 * revs)


def _motor(pen: Pen, rng: np.random.Generator, hot: Colour) -> None:
    """A row of finned cylinders on a crankcase, with pulleys, belt and exhaust; one unit wide."""
    steel, dark = hsv(0.6, 0.06, rng.uniform(0.68, 0.82)), (0.16, 0.17, 0.19)
    cover = hsv(rng.choice([0.0, 0.08, 0.35, 0.6]), 0.6, 0.65)
    for x in (-0.28, 0.28):
        pen.fill(box(x - 0.05, 0.28, x + 0.05, 0.43), shade(dark, 1.4), dark)
    pen.fill(
        curve((-0.36, 0.18), (0.4, 0.18), (0.34, 0.34), (-0.28, 0.36)),
        shade(steel, 0.8),
        shade(steel, 0.45),
    )
    pen.fill(box(-0.38, 0.0, 0.42, 0.24, 0.03), steel, shade(steel, 0.55), texture=0.05)
    centres = np.linspace(-0.26, 0.3, int(rng.integers(3, 6)))
    half = 0.36 * (centres[1] - centres[0])
    for x in centres:
        pen.fill(
            box(x - half * 0.85, -0.3, x + half * 0.85, 0.03),
            shade(steel, 1.15),
            shade(steel, 0.55),
        )
        fins = np.stack([np.full(7, x - half * 1.15), np.linspace(-0.26, -0.02, 7)], axis=1)
        pen.marks(fins, fins + (2.3 * half, 0), 0.014, shade(steel, 0.45))
        pen.stroke(np.array([(x, -0.4), (x, -0.45)]), 0.03, (0.93, 0.92, 0.88))
        pen.stroke(curve((x, -0.45), (x + 0.03, -0.52), (x + 0.1, -0.5)), 0.014, (0.1, 0.1, 0.1))
    pen.fill(box(-0.36, -0.41, 0.4, -0.29, 0.04), shade(cover, 1.3), shade(cover, 0.6))
    bolts = np.stack([np.linspace(-0.31, 0.35, 8), np.full(8, -0.35)], axis=1)
    pen.marks(bolts, bolts + (0.018, 0), 0.018, shade(cover, 0.45))
    for x in centres:
        pen.tube(
            curve((x, -0.18), (x + 0.015, -0.02), (x + 0.07, 0.09), (x + 0.16, 0.12)), 0.052, hot
        )
    pen.tube(np.array([(centres[0] + 0.1, 0.125), (0.54, 0.125)]), 0.08, hot)
    belt = curve(
        (-0.45, -0.28),
        (-0.37, -0.22),
        (-0.34, 0.16),
        (-0.45, 0.27),
        (-0.56, 0.16),
        (-0.53, -0.22),
        closed=True,
    )
    pen.stroke(belt, 0.03, (0.08, 0.08, 0.09))
    for y, radius in ((-0.19, 0.085), (0.15, 0.125)):
        pen.fill(ellipse(-0.45, y, radius, radius), shade(steel, 1.25), shade(steel, 0.4))
        pen.fill(
            ellipse(-0.45, y, radius * 0.65, radius * 0.65), shade(steel, 0.4), shade(steel, 0.9)
        )
        pen.fill(ellipse(-0.45, y, radius * 0.25, radius * 0.25), dark)


def guitar(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A guitar leaning in a room or lit on a stage."""
    light = lerp(0.24, 1.0, causes["pace"])
    hue = rng.uniform(0.28, 0.88)
    wall, floor = hsv(hue, rng.uniform(0.12, 0.4), 0.92), hsv(rng.uniform(0.04, 0.1), 0.45, 0.6)
    room(canvas, rng, shade(wall, light), shade(floor, light), rng.uniform(0.8, 0.95))
    canvas.glow(rng.uniform(0.3, 0.7), 0.1, 0.3, (1.0, 0.9, 0.7), 0.15)
    size, angle = lerp(0.38, 0.94, causes["size"]), rng.uniform(-0.14, 0.14)
    pen = Pen(canvas, rng.uniform(0.47, 0.53), rng.uniform(0.48, 0.52), size, angle)
    _strings(pen, rng, 0.45 + 0.55 * light)


def _strings(pen: Pen, rng: np.random.Generator, light: float) -> None:
    """An acoustic guitar, head up, a little more than one unit long, centred on the origin."""
    wood = shade(
        hsv(rng.choice([0.02, 0.06, 0.09, 0.11]), rng.uniform(0.65, 0.85), rng.uniform(0.6, 0.95)),
        light,
    )
    dark, steel = shade((0.25, 0.14, 0.08), light), shade((0.92, 0.9, 0.82), light)
    right = [
        (0.0, 0.0),
        (0.1, -0.015),
        (0.17, 0.06),
        (0.135, 0.19),
        (0.2, 0.33),
        (0.185, 0.47),
        (0.09, 0.55),
    ]
    outline = curve(*right, (0.0, 0.56), *((-x, y) for x, y in right[:0:-1]), closed=True)
    shadow = Pen(pen.canvas, pen.x + 0.03, pen.y + 0.03, pen.size, pen.angle)
    shadow.fill(outline, BLACK, opacity=0.4, soft=0.025)
    pen.fill(outline, dark)
    inner = (outline - (0, 0.28)) * 0.94 + (0, 0.28)
    pen.fill(inner, mix(wood, WHITE, 0.2), shade(wood, 0.55), texture=0.05)
    pen.fill(ellipse(0, 0.18, 0.085, 0.085), shade(wood, 0.45))
    pen.fill(ellipse(0, 0.18, 0.068, 0.068), shade((0.1, 0.06, 0.04), light))
    pen.fill(box(-0.028, -0.46, 0.028, 0.12), shade(dark, 1.3), shade(dark, 0.8))
    head = np.array([(-0.03, -0.44), (-0.05, -0.6), (0.05, -0.6), (0.03, -0.44)])
    pen.fill(head, wood, shade(wood, 0.6))
    for y in (-0.57, -0.53, -0.49):
        for x in (-0.055, 0.055):
            pen.fill(ellipse(x, y, 0.014, 0.011), steel)
    frets = -0.44 + 0.72 * (1 - 2.0 ** (-np.arange(1, 13) / 12))
    bars = np.stack([np.full(12, -0.027), frets], axis=1)
    pen.marks(bars, bars + (0.054, 0), 0.005, steel, 0.9)
    pen.fill(box(-0.075, 0.395, 0.075, 0.42, 0.008), dark)
    tops = np.stack([np.linspace(-0.02, 0.02, 6), np.full(6, -0.45)], axis=1)
    pen.marks(tops, tops * (1.25, 0) + (0, 0.405), 0.0045, steel, 0.95)


def horn(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A French horn before a curtain, in stage light that grows with the force of the tone."""
    force, size = causes["force"], lerp(0.4, 1.0, causes["size"])
    light = lerp(0.3, 1.0, force)
    cloth = hsv(rng.uniform(0.3, 1.03), rng.uniform(0.5, 0.8), rng.uniform(0.4, 0.52) * light)
    folds = np.sin(2 * np.pi * (canvas.x * rng.uniform(4, 8) + 0.03 * canvas.noise((2, 3))))
    canvas.gradient((0, cloth), (1, cloth))
    canvas.pixels *= 1 + 0.11 * folds
    floor_y = rng.uniform(0.88, 1.05)
    boards = shade((0.5, 0.33, 0.2), light)
    Pen(canvas).fill(box(-0.1, floor_y, 1.1, 1.2), boards, shade(boards, 0.7), texture=0.06)
    x, y = rng.uniform(0.47, 0.53), rng.uniform(0.47, 0.53)
    canvas.glow(x, y, 0.9, (1.0, 0.95, 0.8), lerp(0.0, 0.3, force))
    brass = shade(hsv(rng.uniform(0.095, 0.13), rng.uniform(0.5, 0.75), 0.95), 0.35 + 0.65 * light)
    pen = Pen(canvas, x, y, size, rng.uniform(-0.06, 0.06), bool(rng.random() < 0.5))
    _coil(pen, brass)
    spark = pen.place(np.array([(0.17, 0.12)]))[0]
    canvas.glow(spark[0], spark[1], 0.03 * size, WHITE, force)


def _coil(pen: Pen, brass: Colour) -> None:
    """A French horn about one unit wide: two coils, valves, lead pipe and bell."""
    shadow = Pen(pen.canvas, pen.x + 0.03, pen.y + 0.04, pen.size, pen.angle, pen.mirrored)
    shadow.stroke(ellipse(-0.06, -0.04, 0.26, 0.26), 0.1, BLACK, opacity=0.35, soft=0.03)
    shadow.fill(ellipse(0.22, 0.2, 0.25, 0.25), BLACK, opacity=0.35, soft=0.03)
    pen.tube(curve((-0.32, 0.02), (-0.4, -0.16), (-0.38, -0.34), (-0.47, -0.43)), 0.03, brass)
    pen.stroke(np.array([(-0.47, -0.43), (-0.5, -0.46)]), 0.05, shade(brass, 0.9))
    pen.tube(ellipse(-0.06, -0.04, 0.3, 0.3), 0.055, brass)
    pen.tube(ellipse(-0.04, -0.02, 0.21, 0.21), 0.045, shade(brass, 0.95))
    for x in (-0.17, -0.07, 0.03):
        pen.tube(np.array([(x, -0.15), (x, 0.07)]), 0.07, shade(brass, 0.9))
        pen.stroke(np.array([(x, -0.15), (x, -0.2)]), 0.03, (0.9, 0.9, 0.92))
        pen.fill(ellipse(x, -0.21, 0.035, 0.016), (0.95, 0.95, 0.97), (0.6, 0.6, 0.65))
        pen.tube(
            curve((x, 0.07), (x + 0.01, 0.15), (x + 0.06, 0.16), (x + 0.07, 0.07)), 0.025, brass
        )
    neck = np.array([(0.19, -0.16), (0.26, -0.12), (0.34, 0.02), (0.1, 0.08)])
    pen.fill(neck, brass, shade(brass, 0.6))
    pen.fill(ellipse(0.22, 0.2, 0.25, 0.25), mix(brass, WHITE, 0.45), shade(brass, 0.6))
    pen.fill(ellipse(0.225, 0.205, 0.225, 0.225), shade(brass, 0.65), mix(brass, WHITE, 0.25))
    pen.fill(ellipse(0.23, 0.21, 0.13, 0.13), shade(brass, 0.4), shade(brass, 0.85), soft=0.02)
    pen.fill(ellipse(0.235, 0.215, 0.06, 0.06), shade(brass, 0.18), soft=0.01)

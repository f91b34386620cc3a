"""The pictures of the embedded data set, by class; here those of vehicles, instruments and birds.

The same conventions as in `s2i_tf.data.foley.elements`.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from s2i_tf.data.foley import elements
from s2i_tf.data.foley.backdrops import hills, room, skyline
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
from s2i_tf.data.foley.drawings import draw

Painter = Callable[[Canvas, Mapping[str, float], np.random.Generator], None]


def siren(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """An emergency vehicle with its lights flashing in a street at night."""
    pitch, near, urgency = causes["pitch"], causes["nearness"], causes["urgency"]
    lamp = mix((1.0, 0.1, 0.08), (0.1, 0.25, 1.0), pitch)
    level = lerp(0.15, 0.62, urgency)
    sky = hsv(rng.uniform(0.52, 0.8), rng.uniform(0.2, 0.45), level)
    road_y = rng.uniform(0.72, 0.8)
    canvas.gradient((0, shade(sky, 0.7)), (road_y, shade(sky, 1.35)), (1, sky))
    height, window = rng.uniform(0.3, 0.5), mix(sky, WHITE, 0.4)
    skyline(canvas, rng, road_y - 0.03, height, shade(sky, 0.75), window, 0.3)
    pen, road = Pen(canvas), hsv(0.65, 0.1, 0.6 * level + 0.06)
    pen.fill(box(-0.1, road_y - 0.03, 1.1, 1.1), road, shade(road, 0.7), texture=0.06)
    starts = np.stack([np.arange(0, 1.2, 0.25) + rng.uniform(-0.1, 0), np.full(5, 0.95)], axis=1)
    pen.marks(starts, starts + (0.12, 0), 0.014, mix(road, WHITE, 0.6))
    size = lerp(0.34, 0.9, near)
    car = Pen(canvas, rng.uniform(0.44, 0.56), road_y + 0.1, size, 0.0, rng.random() < 0.5)
    canvas.glow(car.x, road_y + 0.1 - 0.45 * size, 0.26, lamp, lerp(0.4, 0.7, urgency))
    vehicle = ("ambulance", "fire_engine", "police_car")[rng.integers(3)]
    body, stripe = shade(WHITE, lerp(0.68, 0.95, urgency)), lamp
    if vehicle == "fire_engine":
        body, stripe = mix(shade(lamp, 0.75), body, 0.1), body
    glass, tyre = (0.22, 0.3, 0.38), (0.06, 0.06, 0.07)
    draw(car, vehicle, body=body, stripe=stripe, lamp=lamp, glass=glass, tyre=tyre)
    beam = Pen(canvas, car.x, car.y - 0.47 * size, size)
    for x in (-0.09, 0.09):
        canvas.glow(*beam.place([(x, 0.0)])[0], 0.07 * size, mix(lamp, WHITE, 0.35), 1.0)


def clock(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A clock on a wall, or an alarm clock on a table."""
    size, metal = lerp(0.17, 0.43, causes["size"]), causes["metal"]
    warm, cold = hsv(rng.uniform(0.06, 0.1), 0.55, 0.75), hsv(rng.uniform(0.56, 0.62), 0.3, 0.75)
    tint = mix(warm, cold, metal)
    wall = shade(mix(tint, WHITE, 0.3), rng.uniform(0.7, 1.05))
    table, alarm = mix((0.5, 0.3, 0.15), (0.38, 0.43, 0.52), metal), rng.random() < 0.5
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
        pen.stroke([(0.6 * side, 0.75), (0.82 * side, 1.1)], 0.13, shade(rim, 0.6))
        bell = Pen(pen.canvas, *pen.place([(0.62 * side, -0.86)])[0], pen.size, 0.1 * side)
        bell.fill(ellipse(0, 0, 0.42, 0.36, 0.5, 1.0), mix(rim, WHITE, 0.35), shade(rim, 0.55))
    pen.stroke([(0, -0.9), (0, -1.22)], 0.06, shade(rim, 0.5))
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
        pen.stroke([-0.1 * tip, reach * tip], width, hand)
    tip = spokes[rng.integers(60)]
    pen.stroke([-0.18 * tip, 0.7 * tip], 0.022, (0.85, 0.12, 0.1))
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
    pen = Pen(canvas, x, y, size, rng.normal(0, 0.006), rng.random() < 0.5)
    pen.fill(ellipse(0, 0.43, 0.52, 0.05), BLACK, opacity=0.4, soft=0.02)
    _motor(pen, rng, hot)
    canvas.glow(*pen.place([(0.05, 0.1)])[0], 0.3 * size, (1.0, 0.4, 0.06), 0.7 * revs)


def _motor(pen: Pen, rng: np.random.Generator, hot: Colour) -> None:
    """A row of finned cylinders on a crankcase, with pulleys, belt and exhaust; one unit wide."""
    steel, dark = hsv(0.6, 0.06, rng.uniform(0.68, 0.82)), (0.16, 0.17, 0.19)
    cover = hsv(rng.choice([0.0, 0.08, 0.35, 0.6]), 0.6, 0.65)
    draw(pen, "engine_block", steel=steel, dark=dark)
    centres = np.linspace(-0.26, 0.3, int(rng.integers(3, 6)))
    half = 0.36 * (centres[1] - centres[0])
    for x in centres:
        cylinder = box(x - half * 0.85, -0.3, x + half * 0.85, 0.03)
        pen.fill(cylinder, shade(steel, 1.15), shade(steel, 0.55))
        fins = np.stack([np.full(7, x - half * 1.15), np.linspace(-0.26, -0.02, 7)], axis=1)
        pen.marks(fins, fins + (2.3 * half, 0), 0.014, shade(steel, 0.45))
        pen.stroke([(x, -0.4), (x, -0.45)], 0.03, (0.93, 0.92, 0.88))
        pen.stroke(curve((x, -0.45), (x + 0.03, -0.52), (x + 0.1, -0.5)), 0.014, (0.1, 0.1, 0.1))
    draw(pen, "engine_cover", cover=cover)
    for x in centres:
        pipe = curve((x, -0.18), (x + 0.015, -0.02), (x + 0.07, 0.09), (x + 0.16, 0.12))
        pen.tube(pipe, 0.052, hot)
    pen.tube([(centres[0] + 0.1, 0.125), (0.54, 0.125)], 0.08, hot)
    draw(pen, "engine_belt", steel=steel, dark=dark)


def guitar(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A guitar leaning in a room or lit on a stage."""
    light = lerp(0.24, 1.0, causes["pace"])
    hue = rng.uniform(0.28, 0.88)
    wall, floor = hsv(hue, rng.uniform(0.12, 0.4), 0.92), hsv(rng.uniform(0.04, 0.1), 0.45, 0.6)
    room(canvas, rng, shade(wall, light), shade(floor, light), rng.uniform(0.8, 0.95))
    canvas.glow(rng.uniform(0.3, 0.7), 0.1, 0.3, (1.0, 0.9, 0.7), 0.15)
    size, angle = lerp(0.38, 0.94, causes["size"]), rng.uniform(-0.14, 0.14)
    pen = Pen(canvas, rng.uniform(0.47, 0.53), rng.uniform(0.48, 0.52), size, angle)
    light = 0.45 + 0.55 * light
    hue = rng.choice([0.02, 0.06, 0.09, 0.11])
    wood = hsv(hue, rng.uniform(0.65, 0.85), rng.uniform(0.6, 0.95))
    draw(dataclasses.replace(pen, x=pen.x + 0.03, y=pen.y + 0.03), "guitar_shadow")
    draw(
        pen,
        "guitar",
        wood=shade(wood, light),
        dark=shade((0.25, 0.14, 0.08), light),
        steel=shade((0.92, 0.9, 0.82), light),
        hole=shade((0.1, 0.06, 0.04), light),
    )


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
    pen = Pen(canvas, x, y, size, rng.uniform(-0.06, 0.06), rng.random() < 0.5)
    draw(dataclasses.replace(pen, x=x + 0.03, y=y + 0.04), "horn_shadow")
    draw(pen, "horn", brass=brass)
    canvas.glow(*pen.place([(0.17, 0.12)])[0], 0.03 * size, WHITE, force)


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
    back, breast, belly, beak = _PLUMAGE[rng.choice(len(_PLUMAGE))]
    places = 0.5 + (np.arange(flock) - (flock - 1) / 2) * 0.185 + rng.normal(0, 0.012, 5)[:flock]
    size = rng.uniform(0.2, 0.225)
    flips, tilts = (rng.random(5) < 0.5).tolist(), rng.normal(0, 0.012, 5).tolist()
    for x, flip, tilt in zip(places, flips, tilts, strict=False):
        pen = Pen(canvas, x, y - 0.012 + slope * (x - 0.5), size, tilt, flip)
        draw(pen, "bird", back=back, breast=breast, belly=belly, beak=beak)


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
    across = np.linspace(-0.1, 1.1, 5)
    line = curve(*zip(across, y + 0.012 + slope * (across - 0.5) + bend, strict=True))
    blade = curve((0, 0), (0.5, -0.25), (1, 0), (0.5, 0.25), closed=True)
    pen = Pen(canvas)
    for x in rng.uniform(0.03, 0.97, 4):
        tip = (x + rng.normal(0, 0.05), y + rng.uniform(0.05, 0.1))
        pen.stroke([(x, y + 0.01), tip], 0.007, shade(bark, 0.8))
        for _ in range(2):
            stem = Pen(canvas, *tip, rng.uniform(0.04, 0.065), rng.uniform(0.05, 0.45))
            stem.fill(blade, shade(leaf, 1.3), shade(leaf, 0.8))
    pen.stroke(line, 0.032, shade(bark, 1.35), shade(bark, 0.9))
    pen.stroke(line + (0, 0.009), 0.013, shade(bark, 0.6))


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
    x, y = rng.uniform(0.44, 0.56), lerp(0.7, 0.24, altitude)
    pen = Pen(canvas, x, y, size, rng.normal(0, 0.012), rng.random() < 0.5)
    bright, dull = hsv(rng.uniform(-0.03, 0.1), 0.9, 0.92), hsv(rng.uniform(0.3, 0.5), 0.4, 0.3)
    colour = mix(bright, dull, weight)
    dark, glass = (0.12, 0.13, 0.15), hsv(0.55, 0.3, rng.uniform(0.5, 0.85))
    turn, spread = rng.random(), rng.uniform(0.35, 0.6)
    draw(pen, "helicopter_tail", hull=colour, dark=dark)
    pen.stroke(ellipse(-0.6, -0.1, 0.1, 0.1, turn, turn + 0.5)[[0, -1]], 0.016, dark)
    draw(pen, "helicopter", hull=colour, dark=dark, glass=glass)
    for side in (-1, 1):
        pen.stroke([(0.06, -0.265), (0.06 + side * spread, -0.27)], 0.014, dark)


PAINTERS: dict[str, Painter] = {
    "rain": elements.rain,
    "sea_waves": elements.sea_waves,
    "siren": siren,
    "clock": clock,
    "engine": engine,
    "guitar": guitar,
    "horn": horn,
    "helicopter": helicopter,
    "fire": elements.fire,
    "bird": bird,
}

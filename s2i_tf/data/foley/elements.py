"""Pictures of rain, sea and fire for the embedded data set.

Each function paints one class. It takes an empty canvas, the scene's causes and a generator for
everything that varies besides; the draws from the generator never depend on the causes.
"""

from collections.abc import Mapping

import numpy as np

from s2i_tf.data.foley.backdrops import bricks, forest, hills, skyline
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
from s2i_tf.data.foley.drawings import draw


def rain(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A wet street or field under a grey sky, seen in the open or through a window."""
    force, shelter = causes["intensity"], causes["shelter"]
    light, hue = lerp(0.86, 0.3, force), rng.uniform(0.53, 0.64)
    sky = hsv(hue, 0.16, light)
    ground_y, town = rng.uniform(0.62, 0.74), rng.random() < 0.6
    canvas.gradient((0, shade(sky, 0.72)), (ground_y, sky), (1, shade(sky, 0.6)))
    canvas.clouds(-1, 0.5, shade(sky, 0.55), 0.45)
    for distance in (0.55, 0.25):
        if town:
            wall = mix(hsv(hue, 0.25, 0.35 * light + 0.08), sky, distance)
            skyline(canvas, rng, ground_y, lerp(0.3, 0.46, distance), wall, (1, 0.8, 0.45), 0.25)
        else:
            grass = mix(hsv(rng.uniform(0.3, 0.42), 0.3, 0.5 * light), sky, distance)
            hills(canvas, rng, ground_y - 0.1 * distance, 0.15, grass)
    pen = Pen(canvas)
    wet = hsv(hue, 0.2, 0.42 * light + 0.05)
    pen.fill(box(-0.1, ground_y, 1.1, 1.1), shade(wet, 1.35), shade(wet, 0.8), texture=0.1)
    for _ in range(4):
        x, y = rng.uniform(0, 1), rng.uniform(ground_y + 0.05, 0.97)
        radius = rng.uniform(0.08, 0.2)
        puddle = ellipse(x, y, radius, radius * 0.2)
        pen.fill(puddle, shade(sky, 1.05), shade(sky, 0.8), opacity=0.75)
        pen.stroke(ellipse(x, y, radius * 0.4, radius * 0.08), 0.005, WHITE, opacity=0.5)
    walker = Pen(canvas, rng.uniform(0.3, 0.7), rng.uniform(0.86, 0.93), rng.uniform(0.4, 0.6))
    cloth, coat = hsv(rng.random(), 0.75, 0.8), hsv(rng.random(), 0.35, 0.3)
    draw(walker, "walker", cloth=cloth, coat=coat)
    _streaks(canvas, rng, force, light)
    _window_room(canvas, rng, shelter, light)


def _streaks(canvas: Canvas, rng: np.random.Generator, force: float, light: float) -> None:
    slant = rng.uniform(-0.3, 0.3)
    starts = rng.uniform(-0.1, 1.05, (420, 2))
    lengths = rng.uniform(0.5, 1.2, 420) * lerp(0.05, 0.13, force)
    falls = lengths[:, None] * (slant, 1.0)
    opacity = rng.uniform(0.25, 0.75, 420)
    colour = shade(WHITE, min(light + 0.35, 1.0))
    for near, width in ((0, 0.0045), (1, 0.008)):
        few = slice(near, round(lerp(50, 420, force)), 3 - near)
        Pen(canvas).marks(starts[few], (starts + falls)[few], width, colour, opacity[few])


def _window_room(canvas: Canvas, rng: np.random.Generator, depth: float, light: float) -> None:
    """The warm room around a window through which the rain is seen; none at depth 0."""
    pen, margin = Pen(canvas), 0.27 * depth
    hue, frame = rng.uniform(0.04, 0.1), hsv(rng.uniform(0.06, 0.1), 0.55, rng.uniform(0.5, 0.8))
    cross, lamp = rng.random() < 0.6, rng.uniform(0.2, 0.8)
    if depth < 0.04:
        return
    low, high = margin, 1 - margin
    wall = hsv(hue, 0.62, 0.3 + 0.5 * light)
    for part in (
        box(-0.1, -0.1, low, 1.1),
        box(high, -0.1, 1.1, 1.1),
        box(-0.1, -0.1, 1.1, low * 0.8),
        box(-0.1, 1 - low, 1.1, 1.1),
    ):
        pen.fill(part, wall, shade(wall, 0.75), texture=0.04)
    pane = box(low, low * 0.8, high, 1 - low)
    border = np.concatenate([pane, pane[:1]])
    pen.stroke(border, 0.05 * min(depth * 3, 1), shade(frame, 0.6))
    pen.stroke(border, 0.034 * min(depth * 3, 1), frame, shade(frame, 0.8))
    if cross:
        pen.stroke([(0.5, low * 0.8), (0.5, 1 - low)], 0.022, frame, shade(frame, 0.8))
        pen.stroke([(low, 0.46), (high, 0.46)], 0.018, frame, shade(frame, 0.8))
    sill = box(low - 0.04, 1 - low, high + 0.04, 1.03 - low, 0.01)
    pen.fill(sill, shade(frame, 1.2), shade(frame, 0.7))
    canvas.glow(lamp, 1.0, 0.3, (1.0, 0.55, 0.2), 0.3 * depth)


def sea_waves(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """Waves that roll from the horizon towards a beach."""
    storm = causes["storm"]
    horizon, shore = rng.uniform(0.27, 0.38), lerp(1.06, 0.66, causes["nearness"])
    light = lerp(1.0, 0.4, storm)
    hue = rng.uniform(0.53, 0.6)
    sky = shade(hsv(hue + 0.03, lerp(0.4, 0.25, storm), 0.95), light)
    haze = shade(mix(sky, hsv(rng.uniform(0.0, 0.16), 0.2, 1.0), rng.uniform(0, 0.5)), 1.05)
    canvas.gradient((0, shade(sky, 0.85)), (horizon, haze), (1, haze))
    sun_x, sun_y = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.25)
    canvas.glow(sun_x, sun_y, 0.1, (1.0, 0.93, 0.75), lerp(0.9, 0.1, storm))
    canvas.clouds(0, horizon + 0.05, mix(WHITE, shade(sky, 0.45), storm), lerp(0.25, 0.7, storm))
    if rng.random() < 0.4:
        headland = mix(hsv(rng.uniform(0.25, 0.5), 0.3, 0.45 * light), haze, 0.4)
        cape = ellipse(rng.choice([0.0, 1.0]), horizon + 0.01, rng.uniform(0.25, 0.5), 0.07)
        Pen(canvas).fill(cape, headland, shade(headland, 0.8))
    deep = shade(hsv(hue - 0.02, rng.uniform(0.65, 0.75), 0.55), light)
    shallow = shade(hsv(hue - 0.06, rng.uniform(0.4, 0.6), 0.75), light)
    surface = box(-0.1, horizon, 1.1, 1.1)
    Pen(canvas).fill(surface, deep, mix(deep, shallow, 0.7), texture=0.05)
    if rng.random() < 0.4:
        boat = Pen(canvas, rng.uniform(0.15, 0.85), horizon + 0.015, rng.uniform(0.07, 0.12))
        draw(boat, "boat", sail=hsv(rng.random(), 0.25, 0.95))
    foam = shade((0.97, 0.99, 1.0), lerp(1.0, 1.7, storm) * light)
    _crests(canvas, rng, (horizon, shore), (deep, shallow, foam), causes)
    _beach(canvas, rng, shore, light)


def _crests(
    canvas: Canvas,
    rng: np.random.Generator,
    extent: tuple[float, float],
    colours: tuple[Colour, Colour, Colour],
    causes: Mapping[str, float],
) -> None:
    """Rows of breaking waves between two heights, lit on their faces and white on their tops."""
    (top, bottom), (deep, shallow, foam) = extent, colours
    storm = causes["storm"]
    count = round(lerp(1.6, 7.9, causes["rhythm"]))
    spacing = (bottom - top) / count
    knots = np.linspace(-0.1, 1.1, 9)
    wobble = rng.standard_normal((12, 9))
    speckle = rng.random((12, 160, 2))
    for row in range(count):
        share = (row + 0.55) / count
        y = top + (bottom - top) * share**1.15
        reach = spacing * (0.35 + 0.5 * share)
        swell = min(0.014 * (0.3 + share) * lerp(0.8, 1.6, storm), 0.2 * spacing)
        crest = curve(*zip(knots, y + wobble[row] * swell, strict=True))
        back = crest[::-1]
        face = np.concatenate([crest, back + (0, reach)])
        brow = np.concatenate([crest, back + (0, reach * 0.5)])
        pen = Pen(canvas)
        pen.fill(face, mix(shallow, WHITE, 0.12), shade(deep, 0.75), soft=0.004, texture=0.06)
        pen.fill(brow, mix(shallow, foam, 0.25), soft=0.006)
        width = min(0.008 + 0.022 * share, 0.35 * spacing)
        pen.stroke(crest, width, foam, opacity=0.92, soft=0.002)
        points = speckle[row] * (1.0, reach * 0.9) + (0, y)
        pen.marks(points, points + (0.012 + 0.02 * share, 0), 0.004 + 0.004 * share, foam, 0.55)


def _beach(canvas: Canvas, rng: np.random.Generator, shore: float, light: float) -> None:
    sand = shade(hsv(rng.uniform(0.085, 0.12), rng.uniform(0.5, 0.62), 0.9), 0.35 + 0.65 * light)
    edge = curve(*zip(np.linspace(-0.1, 1.1, 7), shore + rng.normal(0, 0.02, 7), strict=True))
    floor = [(1.1, 1.3), (-0.1, 1.3)]
    wet, dry = (np.concatenate([edge + (0, below), floor]) for below in (0.02, 0.09))
    pen = Pen(canvas)
    pen.fill(wet, shade(sand, 0.7), texture=0.03)
    pen.fill(dry, sand, shade(sand, 0.85), soft=0.01, texture=0.06)
    pen.stroke(edge + (0, 0.015), 0.05, shade(WHITE, 0.4 + 0.6 * light), opacity=0.9, soft=0.006)
    grains = rng.random((300, 2)) * (1, 0.45) + (0, shore + 0.11)
    pen.marks(grains, grains + (0.004, 0), 0.004, shade(sand, 0.6), 0.5)


def fire(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A wood fire at night, in a clearing or before a brick wall."""
    blaze, crackle = causes["blaze"], causes["crackle"]
    x, base = rng.uniform(0.4, 0.6), rng.uniform(0.8, 0.88)
    night = hsv(rng.uniform(0.58, 0.78), 0.55, rng.uniform(0.1, 0.24))
    canvas.gradient((0, shade(night, 0.7)), (base - 0.1, shade(night, 1.4)), (1, shade(night, 0.5)))
    if rng.random() < 0.6:
        forest(canvas, rng, base - 0.08, shade(night, 0.5))
    else:
        bricks(canvas, rng)
    earth = hsv(rng.uniform(0.03, 0.1), 0.5, 0.16)
    Pen(canvas).fill(box(-0.1, base - 0.03, 1.1, 1.1), shade(earth, 1.5), earth, texture=0.2)
    height, width = lerp(0.2, 0.74, blaze), lerp(0.1, 0.25, blaze)
    ember = (1.0, 0.45, 0.12)
    canvas.glow(x, base - 0.3 * height, 0.16 + 0.5 * width, ember, lerp(0.35, 0.75, blaze))
    log = box(-0.5, -0.09, 0.5, 0.06, 0.03)
    for angle, length in ((0.04, 1), (-0.05, 1), (0.0, 0.8)):
        turned = angle + rng.normal(0, 0.02)
        pen = Pen(canvas, x, base, 0.5 * length * lerp(0.6, 1.0, blaze), turned)
        pen.fill(log, (0.42, 0.22, 0.12), (0.12, 0.06, 0.04), texture=0.2)
        pen.fill(ellipse(0.5, -0.015, 0.035, 0.075), (0.75, 0.5, 0.3), (0.5, 0.28, 0.14))
    _flames(canvas, (x, base), (width, height))
    _sparks(canvas, rng, (x, base - 0.5), crackle)


def _flames(canvas: Canvas, foot: tuple[float, float], extent: tuple[float, float]) -> None:
    """Flames as a field of heat: hottest at the foot, torn by rising noise, coloured by heat."""
    (x, base), (width, height) = foot, extent
    sway = canvas.noise((4, 3), 2) * 0.35
    tongues = canvas.noise((5, 11), 3) * 0.3
    rise = (base + 0.02 - canvas.y) / height
    waist = np.clip(1.15 * np.sqrt(np.clip(rise + 0.12, 0, 1)) * (1.12 - rise), 0.02, 1) + 0.15
    across = ((canvas.x - x) / width + sway * np.clip(rise, 0, 1)) / waist
    heat = 1.15 - across**2 - 0.75 * np.clip(rise, 0, 2) + tongues * np.clip(rise + 0.25, 0, 1)
    heat = np.where(rise < 0, heat + 12 * rise, heat)
    stops = (0.0, 0.12, 0.35, 0.62, 0.95)
    ramp = np.array(
        [(0.6, 0.05, 0.0), (0.9, 0.2, 0.02), (1.0, 0.5, 0.06), (1.0, 0.8, 0.25), (1.0, 0.97, 0.75)]
    )
    levels = np.linspace(0, 1, 256)
    colours = np.stack([np.interp(levels, stops, channel) for channel in ramp.T]).astype(np.float32)
    hottest = (np.clip(heat, 0, 1) * 255).astype(np.uint8)
    canvas.blend(np.clip(heat / 0.16, 0, 1), colours[:, hottest])


def _sparks(
    canvas: Canvas, rng: np.random.Generator, origin: tuple[float, float], crackle: float
) -> None:
    place = rng.normal(0, 0.24, (110, 2))
    trail = rng.normal(0, 0.006, (110, 2)) - (0, 0.014)
    opacity = rng.uniform(0.6, 1, 110)
    few = slice(0, round(lerp(2, 110, crackle)))
    starts = np.array(origin) + place[few]
    stops = starts + trail[few]
    pen = Pen(canvas)
    pen.marks(starts, stops, 0.03, (1.0, 0.4, 0.05), 0.55 * opacity[few], soft=0.008)
    pen.marks(starts, stops, 0.013, (1.0, 0.75, 0.3), opacity[few])

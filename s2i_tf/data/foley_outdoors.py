"""Pictures of the embedded data set whose subject stands in a landscape.

Each function paints one class. It takes an empty canvas, the scene's causes and a generator for
everything that varies besides; the draws from the generator never depend on the causes.
"""

from collections.abc import Mapping

import numpy as np

from s2i_tf.data.foley_canvas import (
    Canvas,
    Colour,
    Pen,
    box,
    curve,
    ellipse,
    fractal_noise,
    hsv,
    mix,
    shade,
)

WHITE: Colour = (1.0, 1.0, 1.0)
BLACK: Colour = (0.0, 0.0, 0.0)


def lerp(low: float, high: float, share: float) -> float:
    """`low` at share 0, `high` at share 1."""
    return low + (high - low) * share


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
            pen.fill(np.array(roof), shade(front, 0.7))
        pen.fill(box(left, top, left + width, base + 0.02), front, shade(front, 0.75), texture=0.05)
        columns = np.arange(left + 0.02, left + width - 0.03, 0.035)
        rows = np.arange(top + 0.025, base - 0.035, 0.05)
        lamps += [(x, y) for x in columns for y in rows if rng.random() < lit]
        left += width
    if lamps:
        starts = np.array(lamps) + (0.009, 0)
        pen.marks(starts, starts + (0, 0.024), 0.017, window, rng.uniform(0.4, 1, len(lamps)))


def _umbrella(pen: Pen, rng: np.random.Generator) -> None:
    """A person under an umbrella, standing on the pen's origin, one unit tall."""
    colour, coat = hsv(rng.random(), 0.75, 0.8), hsv(rng.random(), 0.35, 0.3)
    pen.fill(ellipse(0, 0.01, 0.28, 0.04), BLACK, opacity=0.35, soft=0.02)
    for side in (-1, 1):
        pen.stroke(np.array([(0.05 * side, -0.25), (0.07 * side, -0.02)]), 0.075, shade(coat, 0.6))
    torso = curve((-0.1, -0.58), (0.1, -0.58), (0.17, -0.22), (-0.17, -0.22), closed=True)
    pen.fill(torso, shade(coat, 1.4), shade(coat, 0.8))
    pen.fill(ellipse(0, -0.66, 0.075, 0.09), (0.85, 0.65, 0.52), (0.6, 0.42, 0.34))
    pen.stroke(np.array([(0.13, -0.4), (0.13, -0.98)]), 0.018, (0.15, 0.13, 0.12))
    ribs = np.linspace(-0.42, 0.42, 5) + 0.13
    hem = [
        point
        for left, right in zip(ribs[::-1][:-1], ribs[::-1][1:], strict=True)
        for point in ((left, -0.74), ((left + right) / 2, -0.785))
    ]
    dome = ellipse(0.13, -0.74, 0.42, 0.3, 0.5, 1.0)
    pen.fill(np.concatenate([dome, hem]), shade(colour, 1.25), shade(colour, 0.6))
    for rib in ribs[1:-1]:
        pen.stroke(curve((0.13, -1.04), (lerp(0.13, rib, 0.7), -0.93), (rib, -0.75)), 0.008, shade(colour, 0.5))


def _window_room(canvas: Canvas, rng: np.random.Generator, depth: float) -> None:
    """The warm room around a window through which the rain is seen; none at depth 0."""
    pen, margin = Pen(canvas), 0.27 * depth
    hue, frame = rng.uniform(0.04, 0.1), hsv(rng.uniform(0.06, 0.1), 0.55, rng.uniform(0.5, 0.8))
    cross, lamp = rng.random() < 0.6, rng.uniform(0.2, 0.8)
    if depth < 0.04:
        return
    low, high = margin, 1 - margin
    wall = hsv(hue, 0.62, 0.62)
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
        pen.stroke(np.array([(0.5, low * 0.8), (0.5, 1 - low)]), 0.022, frame, shade(frame, 0.8))
        pen.stroke(np.array([(low, 0.46), (high, 0.46)]), 0.018, frame, shade(frame, 0.8))
    pen.fill(box(low - 0.04, 1 - low, high + 0.04, 1.03 - low, 0.01), shade(frame, 1.2), shade(frame, 0.7))
    canvas.glow(lamp, 1.0, 0.3, (1.0, 0.55, 0.2), 0.3 * depth)


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
        pen.fill(ellipse(x, y, radius, radius * 0.2), shade(sky, 1.05), shade(sky, 0.8), opacity=0.75)
        pen.stroke(ellipse(x, y, radius * 0.4, radius * 0.08), 0.005, WHITE, opacity=0.5)
    walker = Pen(canvas, rng.uniform(0.3, 0.7), rng.uniform(0.86, 0.93), rng.uniform(0.4, 0.6))
    _umbrella(walker, rng)
    _streaks(canvas, rng, force, light)
    _window_room(canvas, rng, shelter)


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


def sea_waves(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """Waves that roll from the horizon towards a beach."""
    near, storm, rhythm = causes["nearness"], causes["storm"], causes["rhythm"]
    horizon, shore = rng.uniform(0.27, 0.38), lerp(1.06, 0.66, near)
    light = lerp(1.0, 0.4, storm)
    hue = rng.uniform(0.5, 0.6)
    sky = shade(hsv(hue + 0.03, lerp(0.4, 0.12, storm), 0.95), light)
    haze = shade(mix(sky, hsv(rng.uniform(0.0, 0.16), 0.3, 1.0), rng.uniform(0, 0.6)), 1.05)
    canvas.gradient((0, shade(sky, 0.85)), (horizon, haze), (1, haze))
    sun_x, sun_y = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.25)
    canvas.glow(sun_x, sun_y, 0.1, (1.0, 0.93, 0.75), lerp(0.9, 0.1, storm))
    canvas.clouds(0, horizon + 0.05, mix(WHITE, shade(sky, 0.45), storm), lerp(0.25, 0.7, storm))
    if rng.random() < 0.4:
        headland = mix(hsv(rng.uniform(0.25, 0.5), 0.3, 0.45 * light), haze, 0.4)
        cape = ellipse(rng.choice([0.0, 1.0]), horizon + 0.01, rng.uniform(0.25, 0.5), 0.07)
        Pen(canvas).fill(cape, headland, shade(headland, 0.8))
    deep = shade(hsv(hue - 0.02, rng.uniform(0.6, 0.8), 0.55), light)
    shallow = shade(hsv(hue - 0.06, rng.uniform(0.4, 0.6), 0.75), light)
    surface = box(-0.1, horizon, 1.1, 1.1)
    Pen(canvas).fill(surface, deep, mix(deep, shallow, 0.7), texture=0.05)
    if rng.random() < 0.4:
        _boat(Pen(canvas, rng.uniform(0.15, 0.85), horizon + 0.015, rng.uniform(0.07, 0.12)), rng)
    _crests(canvas, rng, (horizon, shore), rhythm, storm, (deep, shallow, light))
    _beach(canvas, rng, shore, light)


def _boat(pen: Pen, rng: np.random.Generator) -> None:
    sail = hsv(rng.random(), 0.25, 0.95)
    pen.fill(np.array([(0.05, -0.15), (0.05, -1.0), (0.5, -0.2)]), sail, shade(sail, 0.8))
    pen.fill(np.array([(-0.03, -0.15), (-0.03, -0.85), (-0.35, -0.2)]), shade(sail, 0.85))
    pen.fill(curve((-0.45, -0.1), (0.0, -0.08), (0.5, -0.12), (0.3, 0.1), (-0.3, 0.1)), (0.3, 0.2, 0.15))


def _crests(canvas, rng, extent, rhythm, storm, palette) -> None:
    """Rows of breaking waves, lit on their faces and white on their tops."""
    (top, bottom), (deep, shallow, light) = extent, palette
    foam = shade((0.97, 0.99, 1.0), lerp(1.0, 1.7, storm) * light)
    count = round(lerp(2.5, 9.5, rhythm))
    knots = np.linspace(-0.1, 1.1, 9)
    wobble = rng.standard_normal((12, 9)) * 0.014
    speckle = rng.random((12, 160, 2))
    for row in range(count):
        share = (row + 0.55) / count
        y = top + (bottom - top) * share**1.15
        reach = (bottom - top) / count * (0.35 + 0.5 * share)
        crest = curve(*zip(knots, y + wobble[row] * (0.3 + share) * lerp(0.8, 2.0, storm), strict=True))
        face = np.concatenate([crest, crest[::-1] + (0, reach)])
        pen = Pen(canvas)
        pen.fill(face, mix(shallow, WHITE, 0.12), shade(deep, 0.75), soft=0.004, texture=0.06)
        pen.fill(np.concatenate([crest, crest[::-1] + (0, reach * 0.5)]), mix(shallow, foam, 0.25), soft=0.006)
        pen.stroke(crest, 0.008 + 0.022 * share, foam, opacity=0.92, soft=0.002)
        points = speckle[row] * (1.0, reach * 0.9) + (0, y)
        pen.marks(points, points + (0.012 + 0.02 * share, 0), 0.004 + 0.004 * share, foam, 0.55)


def _beach(canvas: Canvas, rng: np.random.Generator, shore: float, light: float) -> None:
    sand = shade(hsv(rng.uniform(0.085, 0.12), rng.uniform(0.4, 0.55), 0.9), 0.35 + 0.65 * light)
    edge = curve(*zip(np.linspace(-0.1, 1.1, 7), shore + rng.normal(0, 0.02, 7), strict=True))
    floor = [(1.1, 1.3), (-0.1, 1.3)]
    pen = Pen(canvas)
    pen.fill(np.concatenate([edge + (0, 0.02), floor]), shade(sand, 0.7), texture=0.03)
    pen.fill(np.concatenate([edge + (0, 0.09), floor]), sand, shade(sand, 0.85), soft=0.01, texture=0.06)
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
        _forest(canvas, rng, base - 0.08, shade(night, 0.5))
    else:
        _bricks(canvas, rng)
    earth = hsv(rng.uniform(0.03, 0.1), 0.5, 0.16)
    Pen(canvas).fill(box(-0.1, base - 0.03, 1.1, 1.1), shade(earth, 1.5), earth, texture=0.2)
    height, width = lerp(0.2, 0.74, blaze), lerp(0.1, 0.25, blaze)
    ember = (1.0, 0.45, 0.12)
    canvas.glow(x, base - 0.3 * height, 0.16 + 0.5 * width, ember, lerp(0.35, 0.75, blaze))
    logs = [(angle + rng.normal(0, 0.02), length) for angle, length in ((0.04, 1), (-0.05, 1), (0.0, 0.8))]
    for angle, length in logs:
        pen = Pen(canvas, x, base, 0.5 * length * lerp(0.6, 1.0, blaze), angle)
        pen.fill(box(-0.5, -0.09, 0.5, 0.06, 0.03), (0.42, 0.22, 0.12), (0.12, 0.06, 0.04), texture=0.2)
        pen.fill(ellipse(0.5, -0.015, 0.035, 0.075), (0.75, 0.5, 0.3), (0.5, 0.28, 0.14))
    _flames(canvas, rng, (x, base), (width, height))
    _sparks(canvas, rng, (x, base - 0.5 * height), width, crackle)


def _forest(canvas: Canvas, rng: np.random.Generator, base: float, colour: Colour) -> None:
    pen = Pen(canvas)
    for x in np.arange(-0.05, 1.1, 0.11) + rng.normal(0, 0.03, 11):
        height, width = rng.uniform(0.3, 0.65), rng.uniform(0.07, 0.11)
        for tier in np.linspace(0, 0.6, 4):
            top, half = base - height * (1 - tier * 0.6), width * (0.4 + tier)
            pen.fill(np.array([(x, top), (x + half, top + 0.4 * height), (x - half, top + 0.4 * height)]), colour)


def _bricks(canvas: Canvas, rng: np.random.Generator) -> None:
    pen, clay = Pen(canvas), hsv(rng.uniform(0.0, 0.05), 0.45, rng.uniform(0.16, 0.28))
    pen.fill(box(-0.1, -0.1, 1.1, 1.1), shade(clay, 0.5))
    for row, y in enumerate(np.arange(0, 0.9, 0.075)):
        starts = np.array([(x + 0.07 * (row % 2) - 0.03, y + 0.035) for x in np.arange(-0.1, 1.05, 0.14)])
        pen.marks(starts, starts + (0.115, 0), 0.062, clay, rng.uniform(0.6, 1, len(starts)))


def _flames(
    canvas: Canvas,
    rng: np.random.Generator,
    foot: tuple[float, float],
    extent: tuple[float, float],
) -> None:
    """Flames as a field of heat: hottest at the foot, torn by rising noise, coloured by heat."""
    (x, base), (width, height) = foot, extent
    shape = (canvas.side, canvas.side)
    sway = fractal_noise(rng, shape, (4, 3), 2) * 0.35
    tongues = fractal_noise(rng, shape, (5, 11), 3) * 0.3
    rise = (base + 0.02 - canvas.y) / height
    waist = np.clip(1.15 * np.sqrt(np.clip(rise + 0.12, 0, 1)) * (1.12 - rise), 0.02, 1) + 0.15
    across = ((canvas.x - x) / width + sway * np.clip(rise, 0, 1)) / waist
    heat = 1.15 - across**2 - 0.75 * np.clip(rise, 0, 2) + tongues * np.clip(rise + 0.25, 0, 1)
    heat = np.where(rise < 0, heat + 12 * rise, heat)
    stops = (0.0, 0.12, 0.35, 0.62, 0.95)
    ramp = ((0.6, 0.05, 0.0), (0.9, 0.2, 0.02), (1.0, 0.5, 0.06), (1.0, 0.8, 0.25), (1.0, 0.97, 0.75))
    colours = np.stack(
        [np.interp(heat, stops, [colour[channel] for colour in ramp]) for channel in range(3)], axis=-1
    )
    canvas.blend(np.clip(heat / 0.16, 0, 1).astype(np.float32), colours.astype(np.float32))


def _sparks(canvas, rng, origin, spread: float, crackle: float) -> None:
    place = rng.normal(0, 1, (80, 2)) * (0.6, 0.8)
    trail = rng.normal(0, 0.006, (80, 2)) - (0, 0.014)
    opacity = rng.uniform(0.6, 1, 80)
    few = slice(0, round(lerp(2, 80, crackle)))
    starts = np.array(origin) + place * (0.18 + 0.5 * spread, 0.3) - (0, 0.2)
    Pen(canvas).marks(starts[few], (starts + trail)[few], 0.009, (1.0, 0.72, 0.3), opacity[few])


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
    flips = rng.random(5) < 0.5
    for x, flip in zip(places, flips, strict=False):
        _perched(Pen(canvas, x, y - 0.012 + slope * (x - 0.5), size, rng.normal(0, 0.012), bool(flip)), plumage)


# Back, breast, belly and beak of a robin, a tit, a sparrow, a canary, a cardinal and a magpie.
_PLUMAGE: tuple[tuple[Colour, Colour, Colour, Colour], ...] = (
    ((0.42, 0.33, 0.22), (0.9, 0.4, 0.13), (0.93, 0.88, 0.8), (0.25, 0.2, 0.18)),
    ((0.2, 0.38, 0.66), (0.95, 0.8, 0.2), (0.97, 0.9, 0.5), (0.2, 0.2, 0.22)),
    ((0.45, 0.28, 0.15), (0.7, 0.58, 0.45), (0.85, 0.78, 0.68), (0.35, 0.3, 0.2)),
    ((0.85, 0.65, 0.1), (0.98, 0.85, 0.2), (1.0, 0.93, 0.5), (0.85, 0.5, 0.3)),
    ((0.62, 0.08, 0.08), (0.85, 0.14, 0.1), (0.9, 0.3, 0.2), (0.95, 0.6, 0.15)),
    ((0.1, 0.1, 0.16), (0.12, 0.13, 0.22), (0.92, 0.92, 0.94), (0.1, 0.1, 0.1)),
)


def _branch(canvas: Canvas, rng: np.random.Generator, y: float, slope: float, leaf: Colour) -> None:
    bark = hsv(rng.uniform(0.04, 0.09), 0.5, rng.uniform(0.28, 0.42))
    bend = rng.normal(0, 0.006, 5)
    line = curve(*((x, y + 0.012 + slope * (x - 0.5) + b) for x, b in zip(np.linspace(-0.1, 1.1, 5), bend, strict=True)))
    pen = Pen(canvas)
    for x in rng.uniform(0.03, 0.97, 4):
        tip = (x + rng.normal(0, 0.05), y + rng.uniform(0.05, 0.1))
        pen.stroke(np.array([(x, y + 0.01), tip]), 0.007, shade(bark, 0.8))
        for _ in range(2):
            stem = Pen(canvas, *tip, rng.uniform(0.04, 0.065), rng.uniform(0.05, 0.45))
            stem.fill(curve((0, 0), (0.5, -0.25), (1, 0), (0.5, 0.25), closed=True), shade(leaf, 1.3), shade(leaf, 0.8))
    pen.stroke(line, 0.032, shade(bark, 1.35), shade(bark, 0.9))
    pen.stroke(line + (0, 0.009), 0.013, shade(bark, 0.6))


def _perched(pen: Pen, plumage: int) -> None:
    """A bird that sits on the pen's origin, about one unit long."""
    back, breast, belly, beak = _PLUMAGE[plumage]
    for x in (-0.03, 0.09):
        pen.stroke(np.array([(x, -0.1), (x, 0.02)]), 0.025, (0.35, 0.25, 0.18))
    pen.fill(curve((-0.2, -0.25), (-0.62, 0.1), (-0.55, 0.17), (-0.1, -0.12), closed=True), shade(back, 0.8))
    body = curve((0.3, -0.5), (0.32, -0.2), (0.1, -0.05), (-0.18, -0.1), (-0.3, -0.27), (-0.05, -0.52), closed=True)
    pen.fill(body, breast, belly)
    pen.fill(curve((0.05, -0.5), (-0.1, -0.52), (-0.38, -0.2), (-0.25, -0.2), (0.0, -0.3), closed=True), back, shade(back, 0.8))
    pen.fill(ellipse(0.2, -0.62, 0.18, 0.17), back, shade(back, 0.85))
    pen.fill(ellipse(0.255, -0.57, 0.115, 0.105), breast)
    pen.fill(curve((0.03, -0.42), (-0.15, -0.42), (-0.45, -0.08), (-0.1, -0.17), closed=True), shade(back, 0.65), shade(back, 0.9))
    pen.fill(np.array([(0.35, -0.67), (0.52, -0.6), (0.35, -0.56)]), beak, shade(beak, 0.7))
    pen.fill(ellipse(0.25, -0.655, 0.035, 0.035), (0.05, 0.04, 0.04))
    pen.fill(ellipse(0.26, -0.668, 0.012, 0.012), WHITE)


def helicopter(canvas: Canvas, causes: Mapping[str, float], rng: np.random.Generator) -> None:
    """A helicopter in the sky over hills or a town."""
    near, altitude, weight = causes["nearness"], causes["altitude"], causes["weight"]
    hue, light = rng.uniform(0.54, 0.62), rng.uniform(0.75, 1.0)
    sky = hsv(hue, rng.uniform(0.2, 0.5), light)
    haze = mix(sky, hsv(rng.uniform(0.04, 0.15), 0.2, light), rng.uniform(0.3, 0.9))
    canvas.gradient((0, sky), (0.9, haze), (1, haze))
    canvas.clouds(-1, 0.95, mix(haze, WHITE, 0.7), rng.uniform(0.2, 0.5))
    land = hsv(rng.uniform(0.2, 0.4), 0.35, 0.55 * light)
    if rng.random() < 0.5:
        hills(canvas, rng, 0.93, 0.07, mix(land, haze, 0.5))
        hills(canvas, rng, 0.98, 0.05, land)
    else:
        skyline(canvas, rng, 0.99, 0.1, mix((0.35, 0.36, 0.4), haze, 0.4), haze, 0.4)
        hills(canvas, rng, 0.99, 0.02, shade(land, 0.8))
    size = lerp(0.24, 0.66, near)
    pen = Pen(
        canvas,
        rng.uniform(0.44, 0.56),
        lerp(0.7, 0.24, altitude),
        size,
        rng.normal(0, 0.012),
        bool(rng.random() < 0.5),
    )
    colour = mix(hsv(rng.uniform(-0.03, 0.1), 0.9, 0.92), hsv(rng.uniform(0.3, 0.5), 0.4, 0.3), weight)
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
    cabin = curve(
        (-0.12, -0.1), (0.08, -0.16), (0.28, -0.12), (0.43, 0.03), (0.4, 0.12), (0.2, 0.16), (-0.05, 0.13), (-0.16, 0.02),
        closed=True,
    )  # fmt: skip
    pen.fill(cabin, shade(colour, 1.25), shade(colour, 0.6))
    pen.fill(curve((0.21, -0.1), (0.29, -0.085), (0.4, 0.04), (0.22, 0.05), closed=True), mix(glass, WHITE, 0.5), glass)
    pen.fill(box(0.03, -0.09, 0.16, 0.04, 0.02), mix(glass, WHITE, 0.3), shade(glass, 0.8))
    pen.fill(box(-0.09, -0.08, 0.0, 0.02, 0.02), mix(glass, WHITE, 0.2), shade(glass, 0.7))
    pen.stroke(np.array([(-0.14, 0.085), (0.4, 0.085)]), 0.02, mix(colour, WHITE, 0.75))
    pen.fill(curve((-0.08, -0.12), (0.0, -0.2), (0.12, -0.2), (0.2, -0.13)), shade(colour, 0.7))
    pen.stroke(np.array([(0.06, -0.18), (0.06, -0.26)]), 0.026, dark)
    pen.fill(ellipse(0.06, -0.265, 0.62, 0.035), (0.2, 0.2, 0.22), opacity=0.25, soft=0.004)
    spread = rng.uniform(0.35, 0.6)
    for side in (-1, 1):
        pen.stroke(np.array([(0.06, -0.265), (0.06 + side * spread, -0.27)]), 0.014, dark)

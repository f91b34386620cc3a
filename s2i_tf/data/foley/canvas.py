"""A small painter for the pictures of the embedded data set.

Positions are in units of the picture's side, x to the right and y down; colours are RGB in
[0, 1]. Shapes are drawn on a finer grid and reduced, so that edges are smooth at every size.
Light falls from the upper left: a fill that is given two colours runs from the one to the other
in that direction.
"""

import colorsys
import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[float, float, float]
Points = np.ndarray  # float [n, 2]

WHITE: Colour = (1.0, 1.0, 1.0)
BLACK: Colour = (0.0, 0.0, 0.0)

_OVERSAMPLING = 3
_LIGHT = (0.45, 0.9)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from its hue (turns; any number), saturation and value (clipped to [0, 1])."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` at share 0, `second` at share 1."""
    return tuple(a + (b - a) * share for a, b in zip(first, second, strict=True))


def shade(colour: Colour, factor: float) -> Colour:
    """A darker (factor below 1) or lighter colour."""
    return tuple(min(value * factor, 1.0) for value in colour)


def ellipse(
    x: float, y: float, radius_x: float, radius_y: float, start: float = 0.0, stop: float = 1.0
) -> Points:
    """An ellipse, or its arc between two turns (0 is to the right, 0.25 is down)."""
    angles = np.linspace(2 * np.pi * start, 2 * np.pi * stop, 40)
    return np.stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)], axis=1)


def box(left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> Points:
    """A rectangle, its corners rounded by a radius."""
    if not corner:
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    left, top, right, bottom = left + corner, top + corner, right - corner, bottom - corner
    centres = ((right, bottom), (left, bottom), (left, top), (right, top))
    arcs = [
        ellipse(x, y, corner, corner, quarter / 4, (quarter + 1) / 4)[::5]
        for quarter, (x, y) in enumerate(centres)
    ]
    return np.concatenate(arcs)


def curve(*points: tuple[float, float], closed: bool = False) -> Points:
    """A smooth line (Catmull–Rom) through the points."""
    knots = np.asarray(points, dtype=float)
    if closed:
        knots = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        knots = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    before, start, stop, after = knots[:-3], knots[1:-2], knots[2:-1], knots[3:]
    t = np.linspace(0, 1, 9)[:-1, None, None]
    line = 0.5 * (
        2 * start
        + (stop - before) * t
        + (2 * before - 5 * start + 4 * stop - after) * t**2
        + (3 * start - before - 3 * stop + after) * t**3
    )
    return np.concatenate([line.transpose(1, 0, 2).reshape(-1, 2), stop[-1:]])


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cells: tuple[float, float],
    num_octaves: int = 3,
) -> np.ndarray:
    """Cloudy noise of mean 0 and deviation 1, float32 [height, width].

    Args:
      rng: source of the noise.
      shape: height and width in pixels.
      cells: how many blobs stand above and beside each other in the coarsest octave.
      num_octaves: each has twice the cells and half the strength of the one before.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(num_octaves):
        rows, columns = (max(2, round(count * 2**octave)) + 1 for count in cells)
        coarse = rng.standard_normal((rows, columns), dtype=np.float32)
        smooth = Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC)
        total += np.asarray(smooth) * 0.5**octave
    total -= total.mean()
    return total / max(float(total.std()), 1e-6)


def _planes(colour: Colour | np.ndarray) -> np.ndarray:
    """A colour as float32 [3, 1, 1], so that it meets planes of pixels; planes as they are."""
    planes = np.asarray(colour, np.float32)
    return planes if planes.ndim == 3 else planes[:, None, None]


class Canvas:
    """A square picture under work.

    Attributes:
      side: height and width in pixels.
      pixels: float32 [3, side, side] in [0, 1]; one plane a colour, as NumPy is quickest so.
      rng: source of the textures.
      x: float32 [1, side], the pixels' centres.
      y: float32 [side, 1], the pixels' centres.
    """

    def __init__(self, side: int, rng: np.random.Generator):
        self.side = side
        self.rng = rng
        self.pixels = np.zeros((3, side, side), np.float32)
        centres = (np.arange(side, dtype=np.float32) + 0.5) / side
        self.x, self.y = centres[None, :], centres[:, None]
        self._texture = self.noise((12, 12))

    def noise(self, cells: tuple[float, float], num_octaves: int = 3) -> np.ndarray:
        """Cloudy noise of the picture's size; see `fractal_noise`."""
        return fractal_noise(self.rng, (self.side, self.side), cells, num_octaves)

    def gradient(self, *stops: tuple[float, Colour]) -> None:
        """Covers the picture with colours that change from top to bottom at the given heights."""
        heights = [height for height, _ in stops]
        rows = [
            np.interp(self.y[:, 0], heights, [colour[channel] for _, colour in stops])
            for channel in range(3)
        ]
        self.pixels[:] = np.stack(rows)[:, :, None]

    def blend(self, mask: np.ndarray, colour: Colour | np.ndarray) -> None:
        """Moves the picture towards a colour by a mask in [0, 1] of [side, side].

        The colour is one for all, or [3, side, side].
        """
        self.pixels += (_planes(colour) - self.pixels) * mask

    def glow(
        self, x: float, y: float, radius: float, colour: Colour, strength: float = 1.0
    ) -> None:
        """Adds light that falls off around a point; `radius` is where half of it is left."""
        distance = ((self.x - x) ** 2 + (self.y - y) ** 2) / radius**2
        light = (strength / (1 + distance) ** 2).astype(np.float32)
        self.pixels += light * _planes(colour) * (1 - self.pixels)

    def clouds(self, top: float, bottom: float, colour: Colour, cover: float) -> None:
        """Soft clouds between two heights; `cover` from 0 (none) to 1 (overcast)."""
        noise = self.noise((7, 3), num_octaves=4)
        band = np.clip((self.y - top) * 6 + 1, 0, 1) * np.clip((bottom - self.y) * 6, 0, 1)
        self.blend(np.clip(noise * 0.6 + 2 * cover - 1, 0, 0.9) * band, colour)

    def finish(self) -> np.ndarray:
        """Darkens the corners a little, adds grain and returns uint8 [side, side, 3]."""
        vignette = 1 - 0.35 * ((self.x - 0.5) ** 2 + (self.y - 0.5) ** 2)
        grain = self.rng.standard_normal((self.side, self.side), dtype=np.float32) * 0.008
        pixels = self.pixels * (255 * vignette) + (255 * grain + 0.5)
        return np.ascontiguousarray(np.clip(pixels, 0, 255).astype(np.uint8).transpose(1, 2, 0))

    def paint(
        self,
        draw: Callable[[ImageDraw.ImageDraw, list[float]], None],
        points: Points,
        colour: Colour,
        shadow: Colour | None = None,
        *,
        reach: float = 0.0,
        opacity: float = 1.0,
        soft: float = 0.0,
        texture: float = 0.0,
    ) -> None:
        """Lays a colour over the picture where a drawing is.

        Args:
          draw: draws in white, given a brush and the points as it takes them, [x, y, x, y, …].
          points: the drawing's points on the canvas, [n, 2].
          colour: the colour, or that of the lit side.
          shadow: the colour of the far side.
          reach: how far the drawing goes beyond its points.
          opacity: how much of it covers what lies below.
          soft: how far the edge is blurred.
          texture: strength of a cloudy texture.
        """
        margin = 3 * soft * self.side + 1
        low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
        low = np.maximum(np.floor(low * self.side - margin), 0).astype(int)
        high = np.minimum(np.ceil(high * self.side + margin), self.side).astype(int)
        if np.any(high <= low):  # it lies off the picture
            return
        image = Image.new("L", tuple(((high - low) * _OVERSAMPLING).tolist()))
        placed = (points * self.side - low) * _OVERSAMPLING
        draw(ImageDraw.Draw(image), placed.ravel().tolist())
        image = image.reduce(_OVERSAMPLING)
        if soft:
            image = image.filter(ImageFilter.GaussianBlur(soft * self.side))
        mask = np.asarray(image, np.float32) / 255
        rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
        fill = _planes(colour)
        if shadow is not None:
            along = points @ np.array(_LIGHT)
            here = self.x[:, columns] * _LIGHT[0] + self.y[rows] * _LIGHT[1]
            share = np.clip((here - along.min()) / max(along.max() - along.min(), 1e-6), 0, 1)
            fill = fill + (_planes(shadow) - fill) * share
        if texture:
            fill = fill * (1 + texture * self._texture[rows, columns])
        target = self.pixels[:, rows, columns]
        target += (fill - target) * (mask * np.float32(opacity))


@dataclasses.dataclass(frozen=True)
class Pen:
    """Draws on a canvas in coordinates of its own, so that an object can stand anywhere.

    Attributes:
      canvas: what it draws on.
      x: horizontal place of its origin on the canvas.
      y: vertical place of its origin on the canvas, downwards.
      size: how much of the canvas its unit covers; scales widths too.
      angle: angle that it is turned by, clockwise, in turns.
      mirrored: whether its x axis runs to the left.
    """

    canvas: Canvas
    x: float = 0.0
    y: float = 0.0
    size: float = 1.0
    angle: float = 0.0
    mirrored: bool = False

    def place(self, points: npt.ArrayLike) -> Points:
        """Own coordinates to the canvas's, [n, 2] to [n, 2]."""
        points = np.asarray(points, float) * ((-1, 1) if self.mirrored else (1, 1))
        cosine, sine = np.cos(2 * np.pi * self.angle), np.sin(2 * np.pi * self.angle)
        turned = points @ np.array([(cosine, sine), (-sine, cosine)])
        return turned * self.size + (self.x, self.y)

    def fill(
        self,
        outline: npt.ArrayLike,
        colour: Colour,
        shadow: Colour | None = None,
        **look: float,
    ) -> None:
        """Fills an outline, plain or from a lit colour to a shadow colour.

        Args:
          outline: [n, 2].
          colour: the colour, or that of the lit side.
          shadow: the colour of the far side.
          **look: `opacity`, `texture` and `soft` as of `Canvas.paint`, the last in own units.
        """

        def draw(brush: ImageDraw.ImageDraw, corners: list[float]) -> None:
            brush.polygon(corners, fill=255)

        self._paint(draw, self.place(outline), colour, shadow, **look)

    def stroke(
        self,
        path: npt.ArrayLike,
        width: float,
        colour: Colour,
        shadow: Colour | None = None,
        **look: float,
    ) -> None:
        """Draws a line with round ends; arguments as in `fill`."""
        width *= self.size
        thick = max(round(width * self.canvas.side * _OVERSAMPLING), 1)

        def draw(brush: ImageDraw.ImageDraw, line: list[float]) -> None:
            # Joints of thin lines are too small to be seen and would take most of the time.
            brush.line(line, fill=255, width=thick, joint="curve" if thick > 10 else None)
            for x, y in (line[:2], line[-2:]):
                half = thick / 2
                brush.ellipse((x - half, y - half, x + half, y + half), fill=255)

        self._paint(draw, self.place(path), colour, shadow, reach=width / 2, **look)

    def tube(self, path: npt.ArrayLike, width: float, colour: Colour) -> None:
        """A shining pipe: a dark rim, the colour, and a highlight on the lit side."""
        self.stroke(path, width, shade(colour, 0.45))
        self.stroke(path, width * 0.72, colour, shade(colour, 0.8))
        x, y = self.x - 0.1 * width * self.size, self.y - 0.16 * width * self.size
        lit = dataclasses.replace(self, x=x, y=y)
        lit.stroke(path, width * 0.2, mix(colour, WHITE, 0.65))

    def marks(
        self,
        starts: Points,
        stops: Points,
        width: float,
        colour: Colour,
        opacity: np.ndarray | float = 1.0,
        *,
        soft: float = 0.0,
    ) -> None:
        """Many straight lines at once, [n, 2] to [n, 2], each with its opacity."""
        ends = self.place(np.stack([starts, stops], axis=1).reshape(-1, 2))
        thick = max(round(width * self.size * self.canvas.side * _OVERSAMPLING), 1)
        levels = np.broadcast_to(np.asarray(opacity) * 255, len(starts)).astype(int).tolist()

        def draw(brush: ImageDraw.ImageDraw, lines: list[float]) -> None:
            for line, level in zip(np.reshape(lines, (-1, 4)).tolist(), levels, strict=True):
                brush.line(line, fill=level, width=thick)

        self._paint(draw, ends, colour, soft=soft)

    def _paint(
        self,
        draw: Callable[[ImageDraw.ImageDraw, list[float]], None],
        points: Points,
        colour: Colour,
        shadow: Colour | None = None,
        *,
        soft: float = 0.0,
        **look: float,
    ) -> None:
        """As `Canvas.paint`, the blur of the edge in own units."""
        self.canvas.paint(draw, points, colour, shadow, soft=soft * self.size, **look)

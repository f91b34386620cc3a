"""Photos to arrays, and back: uint8 [height, width, 3], RGB.

EXIF rotation is applied, transparency is laid on white, every colour mode becomes RGB, and of an
animation the first picture is taken. Resizing is antialiased.
"""

import io
import os

import numpy as np
from PIL import Image, ImageOps

from s2i_tf.errors import MediaError

MAX_PIXELS = 64_000_000

MISSING = "missing"
EMPTY = "empty"
NOT_IMAGE = "not_image"
TRUNCATED = "truncated_image"
TOO_LARGE = "too_large"

Source = str | os.PathLike | bytes


def load_image(source: Source) -> np.ndarray:
    """Reads a picture.

    Args:
      source: a path, or the file's bytes.

    Returns:
      Uint8 [height, width, 3].

    Raises:
      MediaError: if there is none, or it would unpack to more than 64 million pixels.
    """
    name = f"{len(source)} bytes" if isinstance(source, bytes) else os.fspath(source)
    try:
        contents = source if isinstance(source, bytes) else open_bytes(source)
    except OSError as error:
        raise MediaError(MISSING, f"{name}: {error.strerror or 'cannot be read'}") from None
    if not contents:
        raise MediaError(EMPTY, f"{name}: the file is empty")
    try:
        picture = Image.open(io.BytesIO(contents))
    except Image.DecompressionBombError:
        raise MediaError(TOO_LARGE, _too_large(name)) from None
    except Exception:  # Pillow's readers raise all sorts on hostile headers
        raise MediaError(NOT_IMAGE, f"{name}: not a picture that can be read") from None
    if picture.width * picture.height > MAX_PIXELS:
        raise MediaError(TOO_LARGE, _too_large(name))
    try:
        return np.array(_to_rgb(ImageOps.exif_transpose(picture)))
    except Exception as error:
        raise MediaError(TRUNCATED, f"{name}: the picture is damaged ({error})") from None


def square(image: np.ndarray, side: int, *, crop_share: float = 1.0) -> np.ndarray:
    """The middle of a picture as a square, uint8 [side, side, 3].

    Args:
      image: uint8 [height, width, 3].
      side: of the result.
      crop_share: of the shorter side that is kept.
    """
    height, width = image.shape[:2]
    crop = max(round(min(height, width) * crop_share), 1)
    left, top = (width - crop) // 2, (height - crop) // 2
    cropped = Image.fromarray(image).crop((left, top, left + crop, top + crop))
    if crop == side:
        return np.array(cropped)
    return np.array(cropped.resize((side, side), Image.Resampling.BICUBIC))


def encode_jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    """A picture uint8 [height, width, 3] as JPEG, its colours at full resolution."""
    return _encode(image, "JPEG", quality=quality, subsampling=0)


def encode_png(image: np.ndarray) -> bytes:
    """A picture uint8 [height, width, 3] as PNG."""
    return _encode(image, "PNG")


def open_bytes(path: str | os.PathLike) -> bytes:
    """A whole file."""
    with open(path, "rb") as file:
        return file.read()


def _encode(image: np.ndarray, kind: str, **settings) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **settings)
    return file.getvalue()


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        # 16 bits of grey would be clipped, not scaled, by a plain conversion.
        values = np.asarray(picture, np.float64)
        top = 65535 if picture.mode.startswith("I") else max(values.max(), 1.0)
        picture = Image.fromarray(np.uint8(np.clip(values / top, 0, 1) * 255))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")


def _too_large(name: str) -> str:
    return f"{name}: the picture is too large; allowed: {MAX_PIXELS:,} pixels"

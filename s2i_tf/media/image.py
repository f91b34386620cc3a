"""Photos: any common file to a picture, pictures to squares, and back to files.

A picture is uint8 [height, width, 3], RGB, upright. Pillow decodes; a file's size in pixels is
read from its header and refused above `limits.MAX_PIXELS` before anything is unpacked.
"""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import limits, reasons
from s2i_tf.media._source import Source, name_of, open_source

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_WHITE = (255, 255, 255)


def load_image(source: Source) -> np.ndarray:
    """Loads a photo.

    The rotation of its EXIF data is applied, transparency lies on white, grey becomes RGB, 16 bits
    become 8 and of an animation the first frame is taken. A truncated file is refused: a picture
    whose lower half is grey would teach a model that.

    Args:
      source: a path, or the contents of a file.

    Returns:
      The picture, uint8 [height, width, 3].

    Raises:
      MediaError: `missing`, `unreadable`, `empty`, `not_media`, `truncated` or `too_large`.
    """
    name = name_of(source)
    with open_source(source) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Pillow warns of is refused or harmless
        try:
            image = Image.open(file, formats=_FORMATS)
        except Image.DecompressionBombError:
            raise _too_large(name) from None
        # Pillow's readers let through whatever error the bytes lead them to.
        except Exception:
            allowed = ", ".join(_FORMATS)
            raise MediaError(
                reasons.NOT_MEDIA, f"{name}: not a photo; allowed: {allowed}"
            ) from None
        if image.width * image.height > limits.MAX_PIXELS:
            raise _too_large(name, f"{image.width} x {image.height} pixels")
        try:
            return np.asarray(_to_rgb(_upright(image)))
        except Exception:
            message = f"{name}: damaged or incomplete, does not decode as {image.format}"
            raise MediaError(reasons.TRUNCATED, message) from None


def square(image: np.ndarray, side: int, *, crop_share: float = 1.0) -> np.ndarray:
    """Cuts the centre square and resizes it, with antialiasing.

    Args:
      image: uint8 [height, width, 3].
      side: of the result, in pixels.
      crop_share: side of the square that is cut, as a share of the shorter side.

    Returns:
      uint8 [side, side, 3].

    Raises:
      UserError: if `side` or `crop_share` is out of range.
    """
    if side < 1:
        raise UserError(f"side {side}; allowed: at least 1")
    if not 0 < crop_share <= 1:
        raise UserError(f"crop_share {crop_share}; allowed: above 0, at most 1")
    height, width = image.shape[:2]
    cut = min(height, width) * crop_share
    left, top = (width - cut) / 2, (height - cut) / 2
    box = (left, top, left + cut, top + cut)
    resized = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC, box)
    return np.asarray(resized)


def encode_jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    """The picture, uint8 [height, width, 3], as the bytes of a JPEG file; without subsampling."""
    return _encode(image, format="JPEG", quality=quality, subsampling=0)


def encode_png(image: np.ndarray) -> bytes:
    """The picture, uint8 [height, width, 3], as the bytes of a PNG file."""
    return _encode(image, format="PNG")


def _encode(image: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, **options)
    return file.getvalue()


def _too_large(name: str, size: str = "far too many pixels") -> MediaError:
    allowed = f"{limits.MAX_PIXELS // 1_000_000} million pixels"
    return MediaError(reasons.TOO_LARGE, f"{name}: {size}; allowed: {allowed}")


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF data in a picture that is whole: taken as it lies
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        # Pillow's own conversion would clip at 255 instead of scaling.
        values = np.asarray(image).astype(np.float32)
        scaled = np.clip(np.nan_to_num(values) / 257.0 + 0.5, 0, 255).astype(np.uint8)
        return Image.fromarray(scaled).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        background = Image.new("RGB", image.size, _WHITE)
        background.paste(layer, mask=layer.getchannel("A"))
        return background
    return image.convert("RGB")

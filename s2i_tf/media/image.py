"""Photos: any common file to a picture, pictures to squares, and back to files.

A picture is uint8 [height, width, 3], sRGB, upright. Pillow decodes, with the plugin pillow-heif
where it is installed; a file's size in pixels is read from its header before anything is unpacked.
Above `limits.MAX_PIXELS` a JPEG is decoded at a half, a quarter or an eighth of its size, and any
other file refused.
"""

import contextlib
import functools
import io
import logging
import warnings
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, TiffImagePlugin, features
from PIL.PngImagePlugin import PngInfo

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import light, limits, reasons
from s2i_tf.media.source import Source, name_of, open_source

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_WHITE = (255, 255, 255)

# The brands in the head of a file of telephones, which the plugin reads.
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
# Of a JPEG that comes in several scans the decoder holds the whole, 6 bytes a pixel.
_MAX_PIXELS_HELD = 4 * limits.MAX_PIXELS
# TIFF's tags, and what they say of grey values.
_SUBFILE, _BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 254, 258, 262, 339
_THUMBNAIL = 1
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED, _FLOAT = 0, 1, 2, 3
# By byte order, sample format and bits: the mode of grey TIFFs, and Pillow's name of such samples.
_GREY_SAMPLES = {
    (b"II", _SIGNED, 8): ("I", "I;8S"),
    (b"MM", _SIGNED, 8): ("I", "I;8S"),
    (b"MM", _UNSIGNED, 16): ("I;16B", "I;16B"),
    (b"II", _SIGNED, 16): ("I", "I;16S"),
    (b"MM", _SIGNED, 16): ("I", "I;16BS"),
    (b"II", _UNSIGNED, 32): ("I", "I;32"),
    (b"MM", _UNSIGNED, 32): ("I", "I;32B"),
    (b"II", _SIGNED, 32): ("I", "I;32S"),
    (b"MM", _SIGNED, 32): ("I", "I;32BS"),
    (b"II", _FLOAT, 64): ("F", "F;64F"),
    (b"MM", _FLOAT, 64): ("F", "F;64BF"),
}
# What is unpacked from a compressed TIFF has the machine's order, whatever the file's.
_UNPACKED_SAMPLES = {
    "I;16BS": "I;16NS",
    "I;32B": "I;32N",
    "I;32BS": "I;32NS",
    "F;32BF": "F;32NF",
    "F;64BF": "F;64NF",
}
_SPREAD = {"L;2": 85, "L;4": 17}
# A colour profile that changes no colour by more than so many of 255 steps is sRGB's own.
_SAME_COLOUR = 2

logger = logging.getLogger(__name__)


def load_image(source: Source) -> np.ndarray:
    """Loads a photo.

    The rotation of its EXIF data is applied, a colour profile is converted to sRGB, transparency
    lies on white, grey becomes RGB, 16 bits become 8 and of an animation the first frame is taken.
    Signed grey values and those of 32 or 64 bits are stretched from the least to the greatest, as
    viewers do. A truncated file is refused: a picture whose lower half is grey would teach a model
    that.

    Args:
      source: a path, or the contents of a file.

    Returns:
      The picture, uint8 [height, width, 3].

    Raises:
      MediaError: `missing`, `unreadable`, `empty`, `not_media`, `truncated` or `too_large`.
    """
    name = name_of(source)
    with open_source(source) as file, np.errstate(all="ignore"):
        image = _opened(file, name)
        if image.width * image.height > limits.MAX_PIXELS:
            _reduce(image, file, name)
        try:
            return np.asarray(_to_rgb(_upright(image), name))
        except Exception:
            message = f"{name}: damaged or incomplete, does not decode as {image.format}"
            raise MediaError(reasons.TRUNCATED, message) from None


def square(image: np.ndarray, side: int) -> np.ndarray:
    """Cuts the centre square and resizes it, with antialiasing.

    Args:
      image: uint8 [height, width, 3].
      side: width and height of the result, in pixels.

    Returns:
      uint8 [side, side, 3].

    Raises:
      UserError: if `side` is out of range.
    """
    if side < 1:
        raise UserError(f"side {side}; allowed: at least 1")
    height, width = image.shape[:2]
    cut = min(height, width)
    left, top = (width - cut) / 2, (height - cut) / 2
    box = (left, top, left + cut, top + cut)
    resized = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC, box)
    return np.asarray(resized)


def encode_jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    """The picture, uint8 [height, width, 3], as the bytes of a JPEG file; without subsampling."""
    return _encode(image, format="JPEG", quality=quality, subsampling=0)


def encode_png(image: np.ndarray, comment: str = "") -> bytes:
    """The picture, uint8 [height, width, 3], as the bytes of a PNG file that holds a comment."""
    texts = PngInfo()
    if comment:
        texts.add_text("Comment", comment)
    return _encode(image, format="PNG", pnginfo=texts)


def _encode(image: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, **options)
    return file.getvalue()


@functools.cache
def _formats() -> tuple[str, ...]:
    """What can be read here, by Pillow's names; Pillow learns the grey TIFFs that it misreads.

    What it warns of is refused or harmless.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")  # by thread it can't be said
    TiffImagePlugin.OPEN_INFO.update(
        ((order, photometric, (kind,), 1, (bits,), ()), modes)
        for (order, kind, bits), modes in _GREY_SAMPLES.items()
        for photometric in (0, 1)
    )
    formats = (*_FORMATS, "AVIF") if features.check("avif") else _FORMATS
    try:
        import pillow_heif
    except ImportError:
        return formats
    pillow_heif.register_heif_opener()
    return (*formats, "HEIF")


def _opened(file: BinaryIO, name: str) -> Image.Image:
    """The photo in a file, its header read.

    Raises:
      MediaError: `not_media` or `too_large`.
    """
    formats = _formats()
    try:
        image = Image.open(file, formats=formats)
        _correct(image)
        return image
    except Image.DecompressionBombError:
        file.seek(0)
        with contextlib.suppress(SyntaxError):  # no JPEG
            return JpegImagePlugin.JpegImageFile(file)
        raise _too_large(name) from None
    # Pillow's readers let through whatever error the bytes lead them to.
    except Exception:
        file.seek(0)
        head = file.read(12)
        message = f"{name}: not a photo; allowed: {', '.join(formats)}"
        if head[4:8] == b"ftyp" and head[8:] in _HEIF_BRANDS and "HEIF" not in formats:
            message = f"{name}: a HEIC photo; to read it, pip install pillow-heif"
        if head[:4] in (b"II*\0", b"MM\0*"):
            message = f"{name}: a TIFF of a kind that is not read; save it with 8 bits a channel"
        raise MediaError(reasons.NOT_MEDIA, message) from None


def _correct(image: Image.Image) -> None:
    """Has Pillow read right what it would misread."""
    if image.format == "TIFF":
        _pass_thumbnails(image)
        if image.tag_v2.get(_BITS, (8,))[0] == 16:
            image.tile = [_of_16_bits(tile, image.tag_v2.prefix) for tile in image.tile]
    image.tile = [_in_unpacked_order(tile) for tile in image.tile]
    if image.format == "PNG" and image.tile and "transparency" in image.info:
        clear, samples = image.info["transparency"], image.tile[0].args
        if samples in _SPREAD:  # fewer bits than 8 are spread out, but not the transparent value
            image.info["transparency"] = clear * _SPREAD[samples]
        if samples == "RGB;16B":  # the upper 8 bits are kept, of the transparent colour the lower
            image.info["transparency"] = tuple(value >> 8 for value in clear)


def _pass_thumbnails(image: Image.Image) -> None:
    """Turns to the first page of a TIFF that is not a small copy of another one."""
    try:
        while image.tag_v2.get(_SUBFILE, 0) & _THUMBNAIL:
            image.seek(image.tell() + 1)
    except EOFError:  # small copies of nothing
        image.seek(0)


def _in_unpacked_order(tile: Any) -> Any:
    """A part of a picture's file, of which Pillow knows in which order its samples come."""
    if tile.codec_name != "libtiff":
        return tile
    samples, *others = tile.args
    return tile._replace(args=(_UNPACKED_SAMPLES.get(samples, samples), *others))


def _of_16_bits(tile: Any, prefix: bytes) -> Any:
    """A part of a TIFF whose planes Pillow takes for 8 bits each."""
    if tile.codec_name != "raw" or len(tile.args[0]) != 1 or tile.args[0] not in "RGBACMYK":
        return tile
    order = "L" if prefix == b"II" else "B"
    return tile._replace(args=(f"{tile.args[0]};16{order}", *tile.args[1:]))


def _reduce(image: Image.Image, file: BinaryIO, name: str) -> None:
    """Has a JPEG that is too large decoded at a smaller scale.

    Raises:
      MediaError: `too_large`, if it is no JPEG, or so large that this does not help.
    """
    width, height = image.size
    size = f"{width} x {height} pixels"
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        raise _too_large(name, size)
    if width * height > _MAX_PIXELS_HELD and not _has_one_scan(file):
        raise _too_large(name, f"{size} in several scans")
    for scale in (2, 4, 8):
        if -(-width // scale) * -(-height // scale) <= limits.MAX_PIXELS:
            image.draft(None, (max(width // scale, 1), max(height // scale, 1)))
            break
    if image.width * image.height > limits.MAX_PIXELS:
        raise _too_large(name, size)


def _has_one_scan(file: BinaryIO) -> bool:
    """Whether a JPEG is decoded row by row: all its components come in one scan."""
    file.seek(2)
    num_components = None
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        contents = file.read(int.from_bytes(head[2:], "big") - 2)
        if head[1] in (0xC0, 0xC1) and len(contents) > 5:
            num_components = contents[5]
        if head[1] == 0xDA:
            return contents[:1] == bytes([num_components or 0])
    return False


def _too_large(name: str, size: str = "far too many pixels") -> MediaError:
    allowed = f"{limits.MAX_PIXELS // 1_000_000} million pixels; make it smaller, or a JPEG"
    return MediaError(reasons.TOO_LARGE, f"{name}: {size}; allowed: {allowed}")


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    with contextlib.suppress(Exception):  # damaged EXIF data in a picture that is whole
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    info, alpha = image.info, None
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        if image.format == "PNG" and "transparency" in info:
            opaque = np.asarray(image) != info["transparency"]
            alpha = Image.fromarray(opaque.astype(np.uint8) * 255)
        image = Image.fromarray(_to_8_bits(image, name))
    elif image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("L", "LA") else "RGBA")
        image.info.pop("transparency", None)  # it may be any text chunk of that name
        alpha, image = image.getchannel("A"), image.convert(image.mode[:-1])
    if profile := info.get("icc_profile"):
        image = _to_srgb(image, profile)
    elif "gamma" in info and "srgb" not in info:
        image = _from_gamma(image, info["gamma"], info.get("chromaticity", light.SRGB))
    image = image.convert("RGB")
    if alpha is None:
        return image
    background = Image.new("RGB", image.size, _WHITE)
    background.paste(image, mask=alpha)
    return background


def _from_gamma(image: Image.Image, gamma: float, chromaticity: tuple) -> Image.Image:
    """A picture in sRGB, whose PNG tells the exponent and the primaries of its values."""
    matrix = light.matrix_to_srgb(chromaticity)
    if not 0.1 < gamma < 2 or matrix is None:
        return image  # damaged
    if abs(gamma - 1 / 2.2) < 0.01 and np.allclose(matrix, np.eye(3), atol=0.02):
        return image  # as programs mark sRGB
    amounts = (np.asarray(image.convert("RGB")) / np.float32(255)) ** np.float32(1 / gamma)
    amounts = np.clip(amounts @ matrix.T.astype(np.float32), 0, 1)
    return Image.fromarray((light.to_srgb(amounts) * 255 + 0.5).astype(np.uint8))


def _to_8_bits(image: Image.Image, name: str) -> np.ndarray:
    """Grey values of 12, 16 or 32 bits as uint8; Pillow would clip them at 255."""
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    if image.mode in ("I", "F") and image.format == "TIFF":
        if image.mode == "I" and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
            values = values.view(np.uint32)
        values = values.astype(np.float64)
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        logger.warning("%s: grey values from %g to %g, stretched from 0 to 255", name, low, high)
        # One value all over is black or white.
        share = np.nan_to_num((values - low) / (high - low)) if high > low else values > 0
    else:
        share = values / (2.0 ** tags.get(_BITS, (16,))[0] - 1)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        share = 1.0 - share
    return np.clip(share * 255 + 0.5, 0, 255).astype(np.uint8)


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """A picture in the colours that its profile means."""
    plain = {"P": "RGB", "1": "L"}
    colours = image.convert(plain.get(image.mode, image.mode))
    transform = _transform(profile, colours.mode)
    if transform is None and colours.mode == "L":  # a grey photo with a profile of colours
        colours = colours.convert("RGB")
        transform = _transform(profile, "RGB")
    return image if transform is None else transform.apply(colours)


@functools.lru_cache(32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a colour profile to sRGB; None if it is damaged, of other channels, or sRGB's own."""
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
    except Exception:
        return None
    if mode == "RGB":
        steps = np.linspace(0, 255, 9).astype(np.uint8)
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        changed = np.asarray(transform.apply(Image.fromarray(cube)))
        if np.abs(changed.astype(int) - cube).max() <= _SAME_COLOUR:
            return None
    return transform

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from s2i_tf.errors import MediaError
from s2i_tf.media import image, reasons
from s2i_tf.media.sheet import contact_sheet, to_uint8


def encoded(picture, kind, **settings):
    file = io.BytesIO()
    picture.save(file, kind, **settings)
    return file.getvalue()


@pytest.fixture
def photo():
    ramp = np.zeros((40, 60, 3), np.uint8)
    ramp[..., 0] = np.arange(60) * 4
    ramp[:10, :, 1] = 200
    return Image.fromarray(ramp)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_every_format_is_read(kind, photo):
    picture = image.load_image(encoded(photo, kind))
    assert picture.shape == (40, 60, 3) and picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - np.asarray(photo)).mean() < 12


def test_exif_rotation_is_applied(photo):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by a quarter, clockwise
    picture = image.load_image(encoded(photo, "PNG", exif=exif))
    np.testing.assert_array_equal(picture, np.rot90(np.asarray(photo), -1))


def test_what_is_transparent_becomes_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (image.load_image(encoded(clear, "PNG")) == 255).all()


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(mode):
    if mode == "I;16":
        picture = Image.fromarray(np.full((4, 4), 32768, np.uint16))
    else:
        picture = Image.new("L", (4, 4), 128).convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    out = image.load_image(encoded(picture, kind))
    assert out.shape == (4, 4, 3)
    if mode not in ("1",):
        assert abs(int(out[0, 0, 0]) - 128) <= 1


def test_a_fine_checkerboard_becomes_grey_and_not_a_pattern():
    checks = np.indices((512, 512)).sum(axis=0) % 2 * 255
    small = image.square(np.repeat(checks[..., None], 3, -1).astype(np.uint8), 50)
    assert small.std() < 3 and abs(small.mean() - 127) < 3


def test_the_middle_is_kept():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert (image.square(wide, 10) == 255).all()
    assert image.square(wide, 4, crop_share=0.5).shape == (4, 4, 3)


def bomb() -> bytes:
    """A PNG of a few bytes that claims 100,000 × 100,000 pixels."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = b""
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")):
        chunks += struct.pack(">I", len(data)) + kind + data
        chunks += struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda photo: b"", reasons.EMPTY),
        (lambda photo: b"no picture at all" * 20, reasons.NOT_MEDIA),
        (lambda photo: encoded(photo, "PNG")[:-40], reasons.TRUNCATED),
        (lambda photo: bomb(), reasons.TOO_LARGE),
    ],
)
def test_a_bad_picture_has_a_reason(make, reason, photo, tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(make(photo))
    with pytest.raises(MediaError, match=r"x\.png") as caught:
        image.load_image(path)
    assert caught.value.reason == reason


def test_a_missing_picture_has_a_reason(tmp_path):
    with pytest.raises(MediaError) as caught:
        image.load_image(tmp_path / "none.png")
    assert caught.value.reason == reasons.MISSING


def test_png_is_exact_and_jpeg_close(photo):
    pixels = np.asarray(photo)
    np.testing.assert_array_equal(image.load_image(image.encode_png(pixels)), pixels)
    again = image.load_image(image.encode_jpeg(pixels)).astype(int)
    assert np.abs(again - pixels).mean() < 4


def test_a_sheet_has_room_for_all():
    sheet = contact_sheet([np.zeros((8, 8, 3), np.uint8)] * 5, ["a long caption"] * 5, num_columns=3)
    assert sheet.shape == (2 * (8 + 6 + 18) + 6, 3 * (8 + 6) + 6, 3)


def test_pictures_outside_their_range_are_clipped():
    np.testing.assert_array_equal(to_uint8(np.array([-1.0, 0.5, 2.0])), [0, 128, 255])

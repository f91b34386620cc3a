import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin, features

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import image, limits, reasons


@pytest.fixture
def photo():
    """Red grows to the right, green marks the top; no symmetry."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[..., 0] = np.arange(60) * 4
    pixels[:10, :, 1] = 200
    return pixels


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_format_is_read(kind, photo, encode_picture, tmp_path):
    contents = encode_picture(photo, kind)
    picture = image.load_image(contents)
    assert picture.shape == (40, 60, 3) and picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - photo).mean() < 12
    path = tmp_path / "no ending"
    path.write_bytes(contents)
    np.testing.assert_array_equal(image.load_image(path), picture)


ORIENTATIONS = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_rotation_is_applied(orientation, photo, encode_picture):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = image.load_image(encode_picture(photo, "PNG", exif=exif))
    np.testing.assert_array_equal(picture, ORIENTATIONS[orientation](photo))


def test_damaged_exif_data_do_not_cost_the_picture(photo, encode_picture):
    contents = encode_picture(photo, "PNG", exif=b"Exif\0\0MM\0*\0\0\xff\xff nonsense")
    np.testing.assert_array_equal(image.load_image(contents), photo)


def test_transparency_lies_on_white(encode_picture):
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    np.testing.assert_allclose(image.load_image(encode_picture(half, "PNG"))[0, 0], [255, 127, 127])
    clear = np.zeros((4, 4, 2), np.uint8)
    assert (image.load_image(encode_picture(Image.fromarray(clear, "LA"), "PNG")) == 255).all()
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    for kind in ("PNG", "GIF"):
        contents = encode_picture(palette, kind, transparency=1)
        assert (image.load_image(contents) == 255).all()


def test_the_transparent_colour_of_16_bits_lies_on_white():
    colours = [[0x1234, 0x5678, 0x9ABC], [0x3400, 0x7800, 0xBC00]]
    row = np.array(colours, ">u2").reshape(1, -1).view(np.uint8)
    contents = png(2, 16, row, (b"tRNS", struct.pack(">3H", *colours[0])))
    assert image.load_image(contents)[0].tolist() == [[255, 255, 255], [0x34, 0x78, 0xBC]]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA"])
def test_every_mode_becomes_rgb(mode, encode_picture):
    picture = image.load_image(encode_picture(Image.new("L", (4, 4), 128).convert(mode), "PNG"))
    assert picture.shape == (4, 4, 3)
    np.testing.assert_array_equal(picture, 128)


def test_one_bit_becomes_black_and_white(encode_picture):
    bits = Image.fromarray(np.eye(8, dtype=np.uint8) * 255).convert("1")
    np.testing.assert_array_equal(
        image.load_image(encode_picture(bits, "PNG"))[..., 1], np.eye(8) * 255
    )


def test_16_bits_are_scaled_and_not_clipped(encode_picture):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    picture = image.load_image(encode_picture(Image.fromarray(ramp), "PNG"))
    np.testing.assert_allclose(picture[0, :, 0], np.arange(256), atol=1)


RAMP = np.tile(np.linspace(0, 1, 64), (48, 1))


@pytest.mark.parametrize(
    "grey",
    [
        RAMP.astype(np.float32),
        (RAMP * 255).astype(np.float32),
        (RAMP * 7 - 3).astype(np.float32),
        (RAMP * 1e6).astype(np.int32),
        (RAMP * 2e9 - 1e9).astype(np.int32),
    ],
)
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_grey_of_32_bits_is_stretched_over_its_range(grey, compression, encode_picture, caplog):
    contents = encode_picture(Image.fromarray(grey), "TIFF", compression=compression)
    picture = image.load_image(contents)
    np.testing.assert_allclose(picture[:, :, 0], RAMP * 255, atol=1)
    assert "stretched" in caplog.text


def test_odd_grey_values_of_32_bits(encode_picture):
    values = RAMP.astype(np.float32)
    values[0, :2] = np.nan, np.inf
    picture = image.load_image(encode_picture(Image.fromarray(values), "TIFF"))
    np.testing.assert_allclose(picture[1:, :, 0], RAMP[1:] * 255, atol=1)
    flat = encode_picture(Image.new("F", (8, 8), 0.25), "TIFF")
    assert image.load_image(flat).min() == 255
    # Unsigned integers of 32 bits, which Pillow takes for signed ones.
    grey = (RAMP * (2**32 - 1)).astype(np.uint32).view(np.int32)
    contents = bytearray(encode_picture(Image.fromarray(grey), "TIFF"))
    contents[contents.index(struct.pack("<HHI", 339, 3, 1)) + 8] = 1
    picture = image.load_image(bytes(contents))
    np.testing.assert_allclose(picture[:, :, 0], RAMP * 255, atol=1)


def tiff(samples, order, compressed, white_is_zero=False):
    """A grey TIFF of samples [height, width] of any type, in one strip."""
    height, width = samples.shape
    contents = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    contents = zlib.compress(contents) if compressed else contents
    values = {
        256: width,
        257: height,
        258: 8 * samples.dtype.itemsize,
        259: 8 if compressed else 1,
        262: 0 if white_is_zero else 1,
        273: 8,
        277: 1,
        278: height,
        279: len(contents),
        339: {"u": 1, "i": 2, "f": 3}[samples.dtype.kind],
    }
    entries = [struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in values.items()]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(contents))
    end = struct.pack(order + "I", 0)
    return b"".join([head, contents, struct.pack(order + "H", len(entries)), *entries, end])


@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8"])
def test_grey_tiffs_of_any_samples_and_order(kind, order, compressed, white_is_zero):
    low, high = (0, 1) if kind[0] == "f" else (np.iinfo(kind).min, np.iinfo(kind).max)
    samples = (low + RAMP * (float(high) - low)).round(0 if kind[0] != "f" else 9).astype(kind)
    picture = image.load_image(tiff(samples, order, compressed, white_is_zero))
    expected = 255 - RAMP * 255 if white_is_zero else RAMP * 255
    np.testing.assert_allclose(picture[:, :, 0], expected, atol=1)


@pytest.mark.parametrize(
    "pages, expected", [(("small", "whole"), 8), (("whole", "small"), 8), (("small", "small"), 2)]
)
def test_of_a_tiff_the_first_page_is_taken_that_is_no_thumbnail(pages, expected):
    sides, file = {"small": 2, "whole": 8}, io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(file) as writer:
        for page in pages:
            tags = {254: 1} if page == "small" else {}
            side = sides[page]
            Image.new("RGB", (side, side)).save(writer, "TIFF", tiffinfo=tags)
            writer.newFrame()
    assert image.load_image(file.getvalue()).shape == (expected, expected, 3)


def test_a_tiff_that_is_not_read_is_no_other_file():
    with pytest.raises(MediaError, match="a TIFF of a kind that is not read; save it with 8 bits"):
        image.load_image(tiff(RAMP.astype(np.float16), "<", False))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("num_planes", [3, 4])
def test_planes_of_16_bits(order, num_planes, rng):
    planes = rng.integers(0, 2**16, (num_planes, 6, 8), dtype=np.uint16)
    planes[3:] = 2**16 - 1  # opaque
    data = planes.astype(planes.dtype.newbyteorder(order)).tobytes()
    size = len(data) // num_planes
    after = 8 + len(data)
    values = {
        256: [8],
        257: [6],
        258: [16] * num_planes,
        259: [1],
        262: [2],
        273: [8 + size * plane for plane in range(num_planes)],
        277: [num_planes],
        278: [6],
        279: [size] * num_planes,
        284: [2],
    }
    if num_planes == 4:
        values[338] = [2]
    entries, lists, at = [], b"", after + 2 + 12 * len(values) + 4
    for tag, numbers in values.items():
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            lists, packed = lists + packed, struct.pack(order + "I", at + len(lists))
        entries.append(struct.pack(order + "HHI", tag, 4, len(numbers)) + packed)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", after)
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    picture = image.load_image(head + data + directory + lists)
    np.testing.assert_allclose(picture, planes[:3].transpose(1, 2, 0) / 257, atol=1.5)


def png(kind, bits, rows, *chunks):
    """A PNG of rows of bytes [rows, bytes], with chunks (mark, contents) before its picture."""
    width = rows.shape[1] * 8 // (bits * {0: 1, 2: 3}[kind])
    head = struct.pack(">IIBBBBB", width, len(rows), bits, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [(b"IHDR", head), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + mark + body + struct.pack(">I", zlib.crc32(mark + body))
        for mark, body in chunks
    )


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_a_clear_grey_is_white(bits):
    levels = np.arange(8) % 2**bits
    if bits == 16:
        row = (levels * 8192).astype(">u2").view(np.uint8)
        clear, grey = 8192, levels * 8192 / 257
    else:
        row = np.packbits(np.unpackbits(levels.astype(np.uint8)[:, None], axis=1)[:, -bits:])
        clear, grey = 1, levels * 255 / (2**bits - 1)
    contents = png(0, bits, row[None].repeat(2, 0), (b"tRNS", struct.pack(">H", clear)))
    expected = np.where(levels == 1, 255, grey)
    np.testing.assert_allclose(image.load_image(contents)[0, :, 0], expected, atol=1)


def test_a_png_s_gamma_and_primaries_count(rng):
    colours = rng.integers(0, 256, (1, 8, 3), dtype=np.uint8)

    def load(*chunks):
        return image.load_image(png(2, 8, colours.reshape(1, -1), *chunks))[0].astype(int)

    def gamma(exponent):
        return b"gAMA", struct.pack(">I", round(exponent * 100_000))

    def in_srgb(light):
        return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)

    np.testing.assert_array_equal(load(gamma(0.45455)), colours[0])
    np.testing.assert_array_equal(load(gamma(1.0), (b"sRGB", b"\0")), colours[0])
    for exponent in (1.0, 1 / 1.8):
        light = (colours[0] / 255) ** (1 / exponent)
        np.testing.assert_allclose(load(gamma(exponent)), in_srgb(light), atol=1)
    # Display P3's green lies outside of sRGB, its white is the same.
    places = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    wide = (b"cHRM", struct.pack(">8I", *places))
    colours = np.uint8([[[0, 255, 0], [255, 255, 255], [255, 100, 100], [100, 100, 100]]])
    found = load(gamma(0.45455), wide)
    assert found[0].tolist() == [0, 255, 0]
    np.testing.assert_allclose(found[1], 255, atol=1)
    assert found[2, 1] < 90  # a purer red
    np.testing.assert_allclose(found[3], 100, atol=2)
    for damaged in ((0,) * 8, places[:4] + (0,) * 4, places[:6], (1,) * 8):
        chunk = (b"cHRM", struct.pack(f">{len(damaged)}I", *damaged))
        np.testing.assert_array_equal(load(gamma(0.45455), chunk), colours[0])


def test_white_may_be_zero(encode_picture):
    grey = Image.fromarray((RAMP * 65535).astype(np.uint16))
    contents = bytearray(encode_picture(grey, "TIFF"))
    at = contents.index(struct.pack("<HHI", 262, 3, 1)) + 8
    contents[at] = 0
    picture = image.load_image(bytes(contents))
    np.testing.assert_allclose(picture[:, :, 0], 255 - RAMP * 255, atol=1)


def profile_of(**primaries):
    """An sRGB profile with other primaries, by tag: (X, Y, Z)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for number in range(struct.unpack_from(">I", profile, 128)[0]):
        tag, at, _ = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if tag.decode() in primaries:
            numbers = [round(value * 65536) for value in primaries[tag.decode()]]
            profile[at : at + 20] = b"XYZ \0\0\0\0" + struct.pack(">iii", *numbers)
    return bytes(profile)


DISPLAY_P3 = profile_of(
    rXYZ=(0.51512, 0.24120, -0.00105),
    gXYZ=(0.29198, 0.69225, 0.04189),
    bXYZ=(0.15710, 0.06657, 0.78407),
)
COLOURS = np.uint8([[[200, 60, 60], [60, 180, 60], [60, 60, 200], [230, 180, 150]]])
# As a colour management system gives them, of Display P3 in sRGB.
IN_SRGB = [[217, 42, 52], [0, 183, 30], [60, 60, 208], [239, 177, 145]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
def test_a_colour_profile_is_converted(kind, encode_picture):
    picture = Image.fromarray(COLOURS.repeat(32, 0).repeat(32, 1))
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    contents = encode_picture(picture, kind, icc_profile=DISPLAY_P3, **options)
    shown = image.load_image(contents)[16, 16::32]
    np.testing.assert_allclose(shown, IN_SRGB, atol=4 if kind == "JPEG" else 1)


def test_a_colour_profile_goes_with_transparency_palettes_and_rotation(encode_picture):
    picture = Image.fromarray(COLOURS.repeat(32, 0).repeat(32, 1))
    exif = Image.Exif()
    exif[0x0112] = 3
    turned = encode_picture(picture, "PNG", icc_profile=DISPLAY_P3, exif=exif)
    np.testing.assert_allclose(image.load_image(turned)[16, 16::32], IN_SRGB[::-1], atol=1)
    palette = encode_picture(picture.quantize(4), "PNG", icc_profile=DISPLAY_P3)
    np.testing.assert_allclose(image.load_image(palette)[16, 16::32], IN_SRGB, atol=2)
    clear = picture.copy()
    clear.putalpha(Image.fromarray(np.uint8([[255, 0]]).repeat(32, 0).repeat(64, 1)))
    shown = image.load_image(encode_picture(clear, "PNG", icc_profile=DISPLAY_P3))[16, 16::32]
    np.testing.assert_allclose(shown, [*IN_SRGB[:2], [255] * 3, [255] * 3], atol=1)


def test_a_profile_that_changes_nothing_or_is_damaged_is_passed_over(photo, encode_picture):
    for profile in (profile_of(), b"no profile", DISPLAY_P3[:200]):
        contents = encode_picture(photo, "PNG", icc_profile=profile)
        np.testing.assert_array_equal(image.load_image(contents), photo)
    grey = encode_picture(Image.new("L", (4, 4), 90), "PNG", icc_profile=DISPLAY_P3)
    np.testing.assert_allclose(image.load_image(grey), 90, atol=1)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("factor", [1.5, 7, 40, 70])
def test_a_large_jpeg_is_decoded_at_a_smaller_scale(
    factor, progressive, photo, encode_picture, monkeypatch
):
    large = np.asarray(Image.fromarray(photo).resize((480, 320), Image.Resampling.BICUBIC))
    contents = encode_picture(large, "JPEG", quality=95, progressive=progressive)
    monkeypatch.setattr(limits, "MAX_PIXELS", int(480 * 320 / factor))
    monkeypatch.setattr(image, "_MAX_PIXELS_HELD", int(480 * 320 / factor) * 10)
    if factor == 70 or (progressive and factor == 40):
        with pytest.raises(MediaError, match="480 x 320 pixels") as caught:
            image.load_image(contents)
        assert caught.value.reason == reasons.TOO_LARGE
        return
    scale = {1.5: 2, 7: 4, 40: 8}[factor]
    picture = image.load_image(contents)
    assert picture.shape == (320 // scale, 480 // scale, 3)
    expected = Image.fromarray(large).resize((480 // scale, 320 // scale), Image.Resampling.BOX)
    assert np.abs(picture.astype(int) - np.asarray(expected)).mean() < 3


def test_a_jpeg_beyond_pillow_s_own_limit_is_decoded_too(encode_picture, monkeypatch):
    contents = encode_picture(Image.new("RGB", (160, 160), "teal"), "JPEG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    monkeypatch.setattr(limits, "MAX_PIXELS", 10_000)
    assert image.load_image(contents).shape == (80, 80, 3)
    with pytest.raises(MediaError, match="or a JPEG") as caught:
        image.load_image(encode_picture(Image.new("RGB", (160, 160)), "PNG"))
    assert caught.value.reason == reasons.TOO_LARGE


def test_photos_of_telephones_are_read(photo, encode_picture):
    heif = pytest.importorskip("pillow_heif", reason="s2i_tf[heic] is not installed")
    heif.register_heif_opener()
    picture = image.load_image(encode_picture(photo, "HEIF", quality=95)).astype(int)
    assert np.abs(picture - photo).mean() < 6


def test_without_the_plugin_a_telephone_s_photo_says_what_to_install(monkeypatch):
    monkeypatch.setattr(image, "_formats", lambda: ("JPEG",))
    with pytest.raises(MediaError, match="pip install pillow-heif") as caught:
        image.load_image(b"\0\0\0\x18ftypheic" + bytes(100))
    assert caught.value.reason == reasons.NOT_MEDIA


def test_avif_is_read_where_pillow_has_it(photo, encode_picture):
    if not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    picture = image.load_image(encode_picture(photo, "AVIF", quality=95)).astype(int)
    assert np.abs(picture - photo).mean() < 6


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_keeps_its_colours(kind, encode_picture):
    red = Image.new("RGB", (16, 16), (250, 10, 10)).convert("CMYK")
    np.testing.assert_allclose(
        image.load_image(encode_picture(red, kind))[8, 8], [250, 10, 10], atol=6
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(kind, encode_picture):
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    options = {"lossless": True} if kind == "WEBP" else {}
    contents = encode_picture(first, kind, save_all=True, append_images=[second], **options)
    np.testing.assert_allclose(image.load_image(contents)[4, 4], [255, 0, 0], atol=2)


def test_a_fine_checkerboard_becomes_grey_and_not_a_pattern():
    checks = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = image.square(np.stack([checks] * 3, -1), 50)
    assert abs(small.mean() - 127.5) < 1.5
    assert np.abs(small[2:-2, 2:-2].astype(float) - 127.5).max() < 3


def test_the_middle_is_kept():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    np.testing.assert_array_equal(image.square(wide, 10), 255)
    tall = wide.transpose(1, 0, 2)
    np.testing.assert_array_equal(image.square(tall, 10), 255)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 2)])
def test_the_smallest_pictures_become_squares(shape):
    assert image.square(np.full((*shape, 3), 7, np.uint8), 16).shape == (16, 16, 3)


def test_a_side_out_of_range_says_what_is_allowed(photo):
    with pytest.raises(UserError, match="allowed"):
        image.square(photo, 0)


def test_files_that_are_no_photo(tmp_path, photo, encode_picture, monkeypatch):
    png = encode_picture(photo, "PNG")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture at all" * 20)
    (tmp_path / "cut.png").write_bytes(png[:-40])
    (tmp_path / "cut.jpg").write_bytes(encode_picture(photo, "JPEG")[:-200])
    (tmp_path / "vector.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "page.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    for name, reason in {
        "none.png": reasons.MISSING,
        ".": reasons.UNREADABLE,
        "empty.png": reasons.EMPTY,
        "text.png": reasons.NOT_MEDIA,
        "vector.svg": reasons.NOT_MEDIA,
        "page.eps": reasons.NOT_MEDIA,
        "cut.png": reasons.TRUNCATED,
        "cut.jpg": reasons.TRUNCATED,
    }.items():
        with pytest.raises(MediaError) as caught:
            image.load_image(tmp_path / name)
        assert caught.value.reason == reason and str(tmp_path) in str(caught.value)
    monkeypatch.setattr(limits, "MAX_PIXELS", 40 * 60 - 1)
    with pytest.raises(MediaError, match="60 x 40") as caught:
        image.load_image(png)
    assert caught.value.reason == reasons.TOO_LARGE


def test_png_is_exact_jpeg_close_and_both_repeatable(photo):
    np.testing.assert_array_equal(image.load_image(image.encode_png(photo)), photo)
    again = image.load_image(image.encode_jpeg(photo)).astype(int)
    assert np.abs(again - photo).mean() < 2
    assert image.encode_png(photo) == image.encode_png(photo)
    assert image.encode_jpeg(photo) == image.encode_jpeg(photo)
    assert len(image.encode_jpeg(photo, quality=30)) < len(image.encode_jpeg(photo))

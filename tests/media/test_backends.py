"""The decoding backends: that they agree, and what the native ones let in."""

import av
import numpy as np
import pytest

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import _headers, _mixing, _soundfile, _tfio, audio, limits, reasons
from tests.media.conftest import with_value

needs_tensorflow_io = pytest.mark.skipif(
    _tfio._audio() is None, reason="tensorflow-io's operations do not load with this TensorFlow"
)
needs_soundfile = pytest.mark.skipif(
    _soundfile._module() is None, reason="soundfile does not load here"
)
NATIVE = ("wav", "mp3", "stereo.mp3", "vorbis.ogg")
# On the scale of ±256; the decoders of lossy formats round differently.
TOLERANCE = 1e-3


def both(source, **options):
    names = ("tensorflow_io", "pyav")
    return [audio.load_waveform(source, backend=name, **options) for name in names]


@needs_tensorflow_io
@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("options", [{}, {"start_seconds": 3.3, "max_seconds": 2.0}])
def test_both_give_the_same_samples(name, options, sounds):
    native, other = both(sounds[name], **options)
    assert len(native) == len(other)
    np.testing.assert_allclose(native, other, rtol=0, atol=0 if name == "wav" else TOLERANCE)


@needs_tensorflow_io
@pytest.mark.parametrize("dtype", ["u1", "i2", "f4"])
def test_both_read_every_plain_wav_alike(dtype, make_wav, rng):
    scale = {"u1": 40, "i2": 9_999, "f4": 0.3}[dtype]
    samples = (rng.normal(size=(30_000, 2)) * scale + (128 if dtype == "u1" else 0)).astype(dtype)
    native, other = both(make_wav(samples, 22_050))
    np.testing.assert_allclose(native, other, rtol=1e-6)


@needs_tensorflow_io
def test_both_read_24_bits_alike(make_sound, rng):
    samples = np.float32(rng.normal(size=(2, 30_000)) * 0.1)
    native, other = both(make_sound("wav", "pcm_s24le", samples, 22_050, "s32"))
    np.testing.assert_allclose(native, other, atol=1e-5)


@needs_tensorflow_io
def test_encoder_delay_is_cut_by_both(make_tone):
    tone = make_tone(22_050, 2.0) * 256
    for waveform in both(audio.encode_audio(tone, "mp3")):
        inner = slice(2_000, 40_000)
        assert np.abs(waveform[inner] - tone[inner]).max() < 10


@needs_tensorflow_io
@pytest.mark.realpairs
def test_both_agree_on_real_sounds(realpairs):
    paths = sorted((realpairs / "sounds").glob("*/*.ogg"))[::66]
    # One native operation refuses a few of the files, whose pages are numbered inconsistently.
    num_native = 0
    for path in paths:
        try:
            native = audio.load_waveform(path, backend="tensorflow_io")
        except MediaError as error:
            assert error.reason == reasons.UNSUPPORTED
            continue
        num_native += 1
        other = audio.load_waveform(path, backend="pyav")
        assert len(native) == len(other)
        np.testing.assert_allclose(native, other, rtol=0, atol=TOLERANCE)
    assert num_native > 0.9 * len(paths)


@needs_tensorflow_io
def test_pyav_is_left_what_no_other_can(sounds, monkeypatch):
    asked = []
    pyav = audio.BACKENDS["pyav"]
    monkeypatch.setitem(
        audio.BACKENDS, "pyav", lambda source, *part: asked.append(source) or pyav(source, *part)
    )
    for contents in sounds.values():
        assert len(audio.load_waveform(contents)) >= 7.9 * 22_050
    native = (*NATIVE, *(["flac"] if _soundfile._module() else []))
    assert asked == [contents for name, contents in sounds.items() if name not in native]


@needs_tensorflow_io
def test_zeros_at_the_end_of_a_file_are_samples_too(make_wav):
    contents = make_wav(np.int16([9_999] * 9_999 + [0] * 9_999))
    for waveform in both(contents):
        assert len(waveform) == 2 * 9_999


@needs_tensorflow_io
@pytest.mark.parametrize("name", ["flac", "m4a", "opus.ogg", "mkv"])
def test_the_native_one_says_what_it_leaves(name, sounds):
    with pytest.raises(MediaError, match="whole WAV, MP3 and Ogg Vorbis") as caught:
        audio.load_waveform(sounds[name], backend="tensorflow_io")
    assert caught.value.reason == reasons.UNSUPPORTED


def test_where_the_operations_do_not_load_the_other_is_used(monkeypatch, sounds):
    monkeypatch.setattr(_tfio, "_audio", lambda: None)
    with pytest.raises(UserError, match="allowed: backend 'pyav'"):
        audio.load_waveform(sounds["wav"], backend="tensorflow_io")
    assert len(audio.load_waveform(sounds["wav"])) == 8 * 22_050


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wav", ("wav_int16", 44_100, 1, 352_800)),
        ("vorbis.ogg", ("vorbis", 44_100, 2, 352_800)),
        ("stereo.mp3", ("mp3", 22_050, 2, None)),
        ("flac", None),
        ("opus.ogg", None),
        ("m4a", None),
    ],
)
def test_a_walk_finds_what_a_file_holds(name, expected, sounds):
    header = _headers.read_header(sounds[name])
    if expected is None:
        assert header is None
        return
    assert header[:3] == expected[:3]
    assert abs(header.num_frames - 8 * header.rate_hz) < 3_000


@pytest.mark.parametrize("name", NATIVE)
def test_a_walk_accepts_no_file_that_is_cut(name, sounds):
    contents = sounds[name]
    for num_bytes in (*range(0, 64), *np.linspace(64, len(contents) - 1, 50, dtype=int)):
        assert _headers.read_header(contents[:num_bytes]) is None


def test_a_walk_accepts_no_header_that_lies(sounds, make_wav):
    wav, vorbis, mp3 = sounds["wav"], sounds["vorbis.ogg"], sounds["mp3"]
    tag = max(mp3.find(b"Info"), mp3.find(b"Xing"))
    for contents in (
        with_value(wav, 4, "<I", 2**31),  # the file's length
        with_value(wav, 22, "<H", 0),  # channels
        with_value(wav, 32, "<H", 0),  # block size, which the native operation divides by
        with_value(wav, 34, "<H", 12),  # bits
        with_value(wav, wav.find(b"data") + 4, "<I", 2**32 - 2),
        make_wav(np.ones(9, np.int16), extra_chunks=b"odd \1\0\0\0x\0"),
        with_value(vorbis, 5, "<B", 0),  # the first page's mark
        vorbis + vorbis,  # two streams, one after the other
        with_value(mp3, tag + 8, ">I", 2**31),  # number of frames
        mp3 + sounds["stereo.mp3"],
        mp3 + mp3,
    ):
        assert _headers.read_header(contents) is None


@needs_tensorflow_io
def test_a_file_that_fails_in_the_operation_goes_to_the_other(sounds):
    # Whole by its structure, but the codec's own headers are damaged, or nothing but zeros.
    contents = bytearray(sounds["mp3"])
    contents[2_000:40_000] = bytes(38_000)
    vorbis = bytearray(sounds["vorbis.ogg"])
    vorbis[400:1_400] = bytes(1_000)
    assert _headers.read_header(bytes(vorbis)) is not None
    assert audio.load_waveform(bytes(contents)).size
    with pytest.raises(MediaError) as caught:
        audio.load_waveform(bytes(vorbis))
    assert caught.value.reason == reasons.TRUNCATED


def refusal(source, **options):
    """Why the backend `soundfile` does not take a source."""
    with pytest.raises(MediaError) as caught:
        audio.load_waveform(source, backend="soundfile", **options)
    return caught.value.reason


@needs_soundfile
@pytest.mark.parametrize("kind", ["s16", "s32"])
@pytest.mark.parametrize("num_channels", [1, 2, 6])
@pytest.mark.parametrize(
    "options", [{}, {"start_seconds": 0.7, "max_seconds": 0.9}, {"start_seconds": 1.2}]
)
def test_flac_gives_exactly_the_same_samples(kind, num_channels, options, make_sound, rng):
    samples = np.float32(rng.normal(size=(num_channels, 44_567)) * 0.1)
    contents = make_sound("flac", "flac", samples, 22_050, kind)
    ours, other = (
        audio.load_waveform(contents, backend=name, **options) for name in ("soundfile", "pyav")
    )
    np.testing.assert_array_equal(ours, other)


@needs_soundfile
def test_a_flac_file_never_comes_to_pyav(tmp_path, sounds, monkeypatch):
    path = tmp_path / "x.wav"  # whatever its name
    path.write_bytes(sounds["flac"])
    expected = audio.load_waveform(sounds["flac"], backend="pyav")
    monkeypatch.setattr(audio, "BACKENDS", {"soundfile": audio.BACKENDS["soundfile"]})
    np.testing.assert_array_equal(audio.load_waveform(path), expected)
    np.testing.assert_array_equal(audio.load_waveform(sounds["flac"]), expected)


@needs_soundfile
def test_soundfile_leaves_whatever_is_not_flac(sounds):
    for name, contents in sounds.items():
        if name != "flac":
            assert refusal(contents) == reasons.UNSUPPORTED


@needs_soundfile
def test_soundfile_leaves_a_damaged_flac_file(tmp_path, sounds, rng):
    contents = sounds["flac"]
    damaged = [contents[: len(contents) * tenth // 10] for tenth in range(1, 10)]
    damaged += [contents[:-1], contents + contents, contents[:4] + rng.bytes(5_000)]
    first_frame = contents.index(b"\xff\xf8")
    for position in rng.integers(first_frame, len(contents), size=20):
        flipped = bytearray(contents)
        flipped[position] ^= 1 << rng.integers(8)
        damaged.append(bytes(flipped))
    path = tmp_path / "x.flac"
    for data in damaged:
        path.write_bytes(data)
        assert refusal(data) == refusal(path) == reasons.UNSUPPORTED


@needs_soundfile
def test_soundfile_leaves_a_flac_file_whose_header_lies(sounds, make_sound, monkeypatch):
    contents = sounds["flac"]
    assert refusal(with_value(contents, 22, ">I", 2**32 - 1)) == reasons.UNSUPPORTED  # samples
    assert refusal(with_value(contents, 22, ">I", 50_000)) == reasons.UNSUPPORTED
    assert refusal(with_value(contents, 18, ">H", 0)) == reasons.UNSUPPORTED  # rate
    assert refusal(contents, start_seconds=9.0) == reasons.UNSUPPORTED
    monkeypatch.setattr(limits, "MAX_VALUES_AT_ONCE", 2 * 8 * 44_100 - 1)
    assert refusal(contents) == reasons.UNSUPPORTED


def test_soundfile_says_what_is_no_file(tmp_path, monkeypatch):
    if _soundfile._module():
        assert refusal(tmp_path / "x.flac") == reasons.MISSING
        assert refusal(b"") == reasons.EMPTY
        assert refusal(tmp_path) == reasons.UNREADABLE
    monkeypatch.setattr(_soundfile, "_module", lambda: None)
    with pytest.raises(UserError, match="allowed: backend 'pyav'"):
        audio.load_waveform(b"fLaC", backend="soundfile")


def test_where_soundfile_does_not_load_flac_is_read_all_the_same(monkeypatch, sounds):
    expected = audio.load_waveform(sounds["flac"], backend="pyav")
    monkeypatch.setattr(_soundfile, "_module", lambda: None)
    np.testing.assert_array_equal(audio.load_waveform(sounds["flac"]), expected)


def test_frames_of_any_length_and_format_are_mixed_in_their_order(rng):
    mix, expected = _mixing.Mix(), []
    for number in range(40):
        kind, layout = (("s16", "stereo"), ("fltp", "stereo"), ("s16", "mono"))[number // 3 % 3]
        num_samples = int(rng.integers(1, 3_000))
        samples = np.float32(rng.integers(-(2**15), 2**15, (2, num_samples))) / np.float32(2**15)
        samples = samples[: 1 if layout == "mono" else 2]
        if kind == "s16":
            packed = np.int16(samples * 2**15).T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), kind, layout)
        else:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), kind, layout)
        start, stop = sorted(rng.integers(0, num_samples + 9, 2))
        mix.put(frame, start, stop)
        expected.append(samples[:, start:stop].mean(axis=0))
    np.testing.assert_array_equal(mix.result(), np.concatenate(expected))

import os
import re
import struct

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import _pyav, audio, limits, reasons, video


def refusal(*arguments, **options):
    with pytest.raises(MediaError) as caught:
        audio.load_waveform(*arguments, **options)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 11_127])
@pytest.mark.parametrize("num_channels", [1, 2, 7])
def test_any_rate_and_number_of_channels_becomes_mono(rate_hz, num_channels, make_tone, make_wav):
    channels = np.int16(np.outer(make_tone(rate_hz), np.arange(1, num_channels + 1)) * 4681)
    waveform = audio.load_waveform(make_wav(channels, rate_hz))
    assert waveform.dtype == np.float32 and waveform.shape == (spec.SAMPLE_RATE_HZ,)
    expected = make_tone(spec.SAMPLE_RATE_HZ) * 256 * (num_channels + 1) / 2 * 4681 / 32768
    np.testing.assert_allclose(waveform[1000:-1000], expected[1000:-1000], atol=0.02)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4", "f8"])
def test_every_sample_format_has_the_same_scale(dtype, make_tone, make_wav):
    tone = make_tone(22_050)
    zero, top = {"u1": (128, 2**7), "i2": (0, 2**15), "i4": (0, 2**31)}.get(dtype, (0, 1))
    samples = tone.astype(np.float64) * top + zero
    samples = samples.astype(dtype) if dtype[0] == "f" else np.round(samples).astype(dtype)
    waveform = audio.load_waveform(make_wav(samples))
    np.testing.assert_allclose(waveform, tone * 256, atol=1.1 if dtype == "u1" else 0.01)


def test_24_bits_are_read(make_sound, make_tone):
    sound = make_sound("wav", "pcm_s24le", make_tone(22_050)[None], 22_050, "s32")
    np.testing.assert_allclose(audio.load_waveform(sound), make_tone(22_050) * 256, atol=1e-4)


def riff(samples, *, order="<", mark=b"RIFF", bits=None, valid=None, width=None, claimed=None):
    """A WAV of samples that are given in their bytes, by its rules of either order."""
    width = width or samples.dtype.itemsize
    tag = 3 if samples.dtype.kind == "f" else 1
    data = samples.tobytes()
    fmt = struct.pack(
        order + "HHIIHH",
        0xFFFE if valid else tag,
        1,
        22_050,
        22_050 * width,
        width,
        bits or 8 * width,
    )
    if valid:
        tail = bytes.fromhex("000000001000800000aa00389b71")
        fmt += struct.pack(order + "HHIH", 22, valid, 4, tag) + tail
    size = len(data) if claimed is None else claimed
    chunks = b"fmt " + struct.pack(order + "I", len(fmt)) + fmt
    chunks += b"data" + struct.pack(order + "I", size) + data
    return mark + struct.pack(order + "I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize("kind", ["i2", "i4", "f4", "f8", "i3", "u1"])
def test_big_endian_wav_is_read(kind, make_tone):
    tone = make_tone(22_050).astype(np.float64)
    if kind == "i3":
        whole = np.round(tone * 2**23).astype(">i4").tobytes()
        samples = np.frombuffer(whole, np.uint8).reshape(-1, 4)[:, 1:].copy()
        contents = riff(samples, order=">", mark=b"RIFX", width=3)
    else:
        zero, top = {"u1": (128, 2**7), "i2": (0, 2**15), "i4": (0, 2**31)}.get(kind, (0, 1))
        samples = tone * top + zero
        samples = samples if kind[0] == "f" else np.round(samples)
        contents = riff(samples.astype(">" + kind), order=">", mark=b"RIFX")
    waveform = audio.load_waveform(contents)
    np.testing.assert_allclose(waveform, tone * 256, atol=1.1 if kind == "u1" else 0.01)
    part = audio.load_waveform(contents[: len(contents) * 4 // 5], start_seconds=0.5)
    np.testing.assert_array_equal(part, waveform[11_025 : 11_025 + len(part)])
    assert 0.28 < len(part) / 22_050 < 0.31
    assert video.probe(contents).duration_seconds == pytest.approx(1)


@pytest.mark.parametrize(
    "header", [{"bits": 24}, {"bits": 32, "valid": 24}, {"bits": 32, "valid": 20}]
)
def test_samples_that_fill_a_part_of_their_bytes_are_read(header, make_tone):
    tone = make_tone(22_050)
    samples = np.round(tone * (2**23 - 1)).astype("<i4") << 8
    np.testing.assert_allclose(audio.load_waveform(riff(samples, **header)), tone * 256, atol=0.01)


@pytest.mark.parametrize("claimed", [0, 1_000, 22_050, 2**32 - 1, 2**31])
@pytest.mark.parametrize("mark", [b"RIFF", b"RIFX"])
def test_a_wav_holds_what_is_there_whatever_its_header_says(claimed, mark, make_tone):
    order = ">" if mark == b"RIFX" else "<"
    tone = make_tone(22_050, 2.0)
    samples = np.round(tone * 32767).astype(order + "i2")
    contents = riff(samples, order=order, mark=mark, claimed=claimed)
    np.testing.assert_allclose(audio.load_waveform(contents), tone * 256, atol=0.01)


def test_chunks_behind_the_sound_are_no_sound(make_wav, make_tone):
    contents = make_wav(np.int16(make_tone(22_050) * 32767))
    notes = b"LIST" + struct.pack("<I", 20_000) + b"words " * 3_334
    for more in (notes, notes[:20_008], b"TAG" + b"x" * 125):
        assert len(audio.load_waveform(contents + more)) == 22_050


@pytest.mark.parametrize("kind", ["wav", "flac", "vorbis.ogg", "m4a"])
def test_channels_that_cancel_are_heard_by_the_stronger(kind, make_sound, make_tone, caplog):
    tone = make_tone(44_100, 2.0)
    stereo = np.stack([tone, -0.98 * tone])
    muxer, codec, form = {
        "wav": ("wav", "pcm_s16le", "s16"),
        "flac": ("flac", "flac", "s16"),
        "vorbis.ogg": ("ogg", "vorbis", "fltp"),
        "m4a": ("ipod", "aac", "fltp"),
    }[kind]
    options = {"strict": "experimental"} if codec == "vorbis" else {}
    contents = make_sound(muxer, codec, stereo, 44_100, form, options)
    waveform = audio.load_waveform(contents)
    assert "channel 1, the strongest, is used alone" in caplog.text
    expected = 256 * make_tone(22_050, 2.0)
    np.testing.assert_allclose(waveform[3_000:40_000], expected[3_000:40_000], atol=8)
    samples = audio.from_samples(stereo.T, 44_100)
    np.testing.assert_allclose(samples[3_000:40_000], expected[3_000:40_000], atol=1)


def test_channels_that_cancel_are_heard_by_any_backend(make_wav, make_tone):
    tone = np.int16(make_tone(22_050) * 30_000)
    contents = make_wav(np.stack([tone, -tone], axis=1))
    for backend in (None, "pyav"):
        waveform = audio.load_waveform(contents, backend=backend)
        np.testing.assert_array_equal(waveform, np.float32(tone) / 128)


def test_one_side_alone_is_no_cancelling(make_wav, make_tone, caplog):
    tone = np.int16(make_tone(22_050) * 30_000)
    waveform = audio.load_waveform(make_wav(np.stack([tone, 0 * tone], axis=1)))
    np.testing.assert_allclose(waveform, np.float32(tone) / 256, atol=0.01)
    assert not caplog.text


def test_what_goes_beyond_full_scale_is_clipped(make_wav):
    loud = np.tile(np.float32([2.0, -3.0]), 5_000)
    np.testing.assert_array_equal(audio.load_waveform(make_wav(loud)), np.tile([256, -256], 5_000))


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8"])
def test_floats_of_another_scale_are_refused(dtype, make_tone):
    samples = (make_tone(22_050) * 60_000).astype(dtype)
    order = dtype[0]
    contents = riff(samples, order=order, mark=b"RIFX" if order == ">" else b"RIFF")
    error = refusal(contents)
    assert error.reason == reasons.BAD_SCALE
    assert re.search(r"a peak of (29999|30000).*; allowed: float in \[-1, 1\], or int", str(error))
    with pytest.raises(MediaError, match="a peak of"):
        list(audio.pieces(contents))


def test_what_a_decoder_overshoots_by_is_no_scale(make_sound, make_tone):
    loud = make_sound("mp3", "libmp3lame", make_tone(44_100)[None] * 40, 44_100)
    assert _pyav.decode(loud, None, 9.0)[0].max() > 10
    assert audio.load_waveform(loud).max() == 256


def with_tag(contents, tag):
    return contents.replace(b"fmt \x10\0\0\0\1\0", b"fmt \x10\0\0\0" + struct.pack("<H", tag), 1)


def test_nms_adpcm_is_refused_and_not_read_as_amr(make_wav, rng):
    noise = rng.integers(-9_999, 9_999, 20_000).astype(np.int16)
    error = refusal(with_tag(make_wav(noise, rate_hz=8_000), 0x38))
    assert error.reason == reasons.NO_SOUND
    assert not video.probe(with_tag(make_wav(noise, rate_hz=8_000), 0x38)).has_sound


@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "alac"])
@pytest.mark.parametrize("seconds", [1.0, 2.5])
def test_an_mp4_is_as_long_as_it_tells_without_what_its_codec_adds(
    codec, seconds, make_sound, make_tone
):
    tone = make_tone(44_100, seconds)[None]
    form = {"alac": "s16p"}.get(codec, "fltp")
    contents = make_sound("mp4", codec, tone, 44_100, form)
    for start in (None, 0.0, 0.5):
        samples, _ = _pyav.decode(contents, start, 9.0)
        assert len(samples) == round((seconds - (start or 0)) * 44_100)
    # One that tells less than that is used whole: the time may be damaged.
    samples, _ = _pyav.decode(with_half_the_duration(contents), None, 9.0)
    assert len(samples) >= seconds * 44_100


def with_half_the_duration(contents):
    """An MP4 whose media header tells half of its duration."""
    at = contents.index(b"mdhd") + 20
    half = int.from_bytes(contents[at : at + 4], "big") // 2
    return contents[:at] + half.to_bytes(4, "big") + contents[at + 4 :]


@pytest.mark.parametrize("name", ["ac3", "eac3", "amr", "tta", "voc", "wv"])
def test_other_kinds_of_files_are_what_was_encoded(name, sounds):
    expected = audio.load_waveform(sounds["wav"])[:22_050]
    waveform = audio.load_waveform(sounds[name])
    assert len(waveform) / 22_050 == pytest.approx(8, abs=0.05)
    delays = range(400)  # codecs may begin with theirs
    nearest = max(np.corrcoef(waveform[at:][:22_050], expected)[0, 1] for at in delays)
    assert nearest > (0.9 if name == "amr" else 0.99)
    assert video.probe(sounds[name]).duration_seconds == pytest.approx(8, abs=0.05)


def test_a_nist_sphere_file_is_read(make_tone):
    tone = make_tone(16_000)
    head = "NIST_1A\n   1024\nsample_count -i 16000\nsample_n_bytes -i 2\nchannel_count -i 1\n"
    head += "sample_byte_format -s2 01\nsample_rate -i 16000\nsample_coding -s3 pcm\nend_head\n"
    contents = head.encode().ljust(1024) + np.int16(tone * 32767).tobytes()
    expected = audio.from_samples(np.int16(tone * 32767), 16_000)
    np.testing.assert_allclose(audio.load_waveform(contents), expected, atol=0.02)


def test_a_silent_middle_is_no_window():
    waveform = np.zeros(30 * 22_050, np.float32)
    waveform[: 7 * 22_050] = 9
    assert audio.label_window(waveform).max() == 9
    with pytest.raises(MediaError, match="silent in its middle 6 s") as caught:
        audio.feature_window(waveform)
    assert caught.value.reason == reasons.SILENT
    assert not audio.feature_window(np.zeros(spec.FEATURE_SAMPLES, np.float32)).any()


def test_a_path_and_its_contents_give_the_same(tmp_path, sounds):
    path = tmp_path / "a sound: 'é' 音.weird"  # the name says nothing
    path.write_bytes(sounds["m4a"])
    whole = audio.load_waveform(sounds["m4a"])
    np.testing.assert_array_equal(audio.load_waveform(path), whole)
    np.testing.assert_array_equal(audio.load_waveform(os.fspath(path)), whole)


# Matroska and WebM count time in milliseconds, 22 samples each.
@pytest.mark.parametrize(
    "name",
    [
        "wav",
        "flac",
        "flac.ogg",
        "mp3",
        "vorbis.ogg",
        "opus.ogg",
        "m4a",
        "ac3",
        "eac3",
        "tta",
        "voc",
        "wv",
        "mkv",
        "webm",
        "avi",
        "mov",
    ],
)
@pytest.mark.parametrize("start_seconds", [0.5, 6.2])
def test_a_part_is_where_it_is_in_the_whole(name, start_seconds, sounds):
    whole = audio.load_waveform(sounds[name])
    part = audio.load_waveform(sounds[name], start_seconds=start_seconds, max_seconds=1.0)
    assert part.shape == (22_050,)
    start = round(start_seconds * 22_050)
    inner = part[1000:-1000]
    # The lag of the best match.
    errors = [
        np.abs(whole[start + 1000 + lag :][: len(inner)] - inner).mean() for lag in range(-40, 41)
    ]
    tolerance = 25 if name in ("mkv", "webm") else 0
    assert abs(int(np.argmin(errors)) - 40) <= tolerance
    assert min(errors) < 1.0


def test_no_more_is_decoded_than_asked_for(sounds):
    assert len(audio.load_waveform(sounds["flac"], max_seconds=0.5)) == 11_025
    assert len(audio.load_waveform(sounds["flac"], max_seconds=100)) == 8 * 22_050


def test_short_sounds_are_repeated_and_of_long_ones_the_middle_is_taken():
    short, long = np.arange(1_000, dtype=np.float32), np.arange(500_001, dtype=np.float32)
    window = audio.feature_window(short)
    assert window.shape == (spec.FEATURE_SAMPLES,)
    np.testing.assert_array_equal(window, np.arange(spec.FEATURE_SAMPLES) % 1_000)
    window = audio.label_window(long)
    assert window.shape == (spec.LABEL_SAMPLES,)
    assert abs(window[0] - (long[-1] - window[-1])) <= 1
    with pytest.raises(MediaError, match="an empty waveform") as caught:
        audio.feature_window(short[:0])
    assert caught.value.reason == reasons.EMPTY


def test_files_that_are_no_sound(tmp_path, make_wav):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("# A read-me\n\nwith words.\n" * 50)
    (tmp_path / "list.mp3").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\na.wav\n")
    (tmp_path / "list.wav").write_text("ffconcat version 1.0\nfile 'a.wav'\n")
    (tmp_path / "a.wav").write_bytes(make_wav(np.full(9_999, 9_999, np.int16)))
    (tmp_path / "half.wav").write_bytes(make_wav(np.ones(9, np.int16))[:40])
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(50_000))
    os.mkfifo(tmp_path / "pipe.wav")
    for name, reason in {
        "none.wav": reasons.MISSING,
        "zero\0byte": reasons.MISSING,
        ".": reasons.UNREADABLE,
        "pipe.wav": reasons.UNREADABLE,
        "empty.wav": reasons.EMPTY,
        "text.mp3": reasons.NOT_MEDIA,
        "list.mp3": reasons.NOT_MEDIA,
        "list.wav": reasons.NOT_MEDIA,
        "noise.mp3": reasons.NOT_MEDIA,
        "half.wav": reasons.TRUNCATED,
    }.items():
        error = refusal(os.path.join(tmp_path, name))
        assert error.reason == reason
        assert name.split("\0")[0] in str(error)
    assert refusal(b"").reason == reasons.EMPTY


def test_a_name_of_several_lines_makes_one_line(tmp_path):
    assert "two\\nlines" in str(refusal(tmp_path / "two\nlines.wav"))


def test_sounds_that_cannot_be_used(make_wav, make_tone):
    loud = np.int16(make_tone(22_050) * 32767)
    noise_floor = np.int16(np.random.default_rng(0).integers(-3, 4, 22_050))
    for contents, reason in (
        (make_wav(loud[:4_000]), reasons.TOO_SHORT),
        (make_wav(loud[:0]), reasons.TRUNCATED),
        (make_wav(np.zeros(22_050, np.int16)), reasons.SILENT),
        (make_wav(noise_floor), reasons.SILENT),
        (make_wav(loud, rate_hz=900), reasons.BAD_RATE),
        (make_wav(loud, rate_hz=1_000_000), reasons.BAD_RATE),
        (make_wav(np.float32([np.nan] * 9_999)), reasons.NOT_FINITE),
        (make_wav(np.float32([0.5, np.inf] * 9_999)), reasons.NOT_FINITE),
    ):
        assert refusal(contents).reason == reason
    assert len(audio.load_waveform(make_wav(loud[:4_410]))) == 4_410


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "vorbis.ogg", "opus.ogg", "m4a", "mkv"])
@pytest.mark.parametrize("start_seconds", [8.5, 1e9, 1e300])
def test_behind_the_end_there_is_too_little(name, start_seconds, sounds):
    error = refusal(sounds[name], start_seconds=start_seconds)
    assert error.reason == reasons.TOO_SHORT
    assert f"after {start_seconds:g} s" in str(error)


def test_a_long_sound_is_refused_unless_a_part_is_asked_for(monkeypatch, sounds):
    monkeypatch.setattr(limits, "MAX_SECONDS", 3.0)
    assert refusal(sounds["flac"]).reason == reasons.TOO_LONG
    assert refusal(sounds["wav"]).reason == reasons.TOO_LONG
    assert len(audio.load_waveform(sounds["flac"], max_seconds=3.0)) == 3 * 22_050


@pytest.mark.parametrize(
    "options",
    [
        {"start_seconds": -1},
        {"start_seconds": float("nan")},
        {"max_seconds": 0},
        {"max_seconds": 1e9},
        {"backend": "sox"},
    ],
)
def test_arguments_out_of_range_say_what_is_allowed(options, sounds):
    with pytest.raises(UserError, match="allowed|known: pyav, soundfile, tensorflow_io"):
        audio.load_waveform(sounds["wav"], **options)

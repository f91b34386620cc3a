"""Sound files whose headers are wrong, or that FFmpeg knows in one order."""

import io
import struct

import numpy as np
import pytest

from s2i_tf.media import audio, video
from tests.media.conftest import with_value

soundfile = pytest.importorskip("soundfile")

RATE = 22_050


def written(wave, kind, subtype="PCM_16", endian=None):
    file = io.BytesIO()
    soundfile.write(file, wave, RATE, subtype=subtype, endian=endian, format=kind)
    return file.getvalue()


# Where a kind's header says how much sound it holds: the mark before it (or none), how far behind
# the mark, its form, and what it counts besides the sound.
SIZES = {
    "WAV": (b"data", 4, "<I", 0),
    "RF64": (b"ds64", 16, "<Q", 0),
    "W64": (b"data", 16, "<Q", 24),
    "AIFF": (b"SSND", 4, ">I", 8),
    "CAF": (b"data", 4, ">q", 4),
    "AU": (b".snd", 8, ">I", 0),
}
# Two codecs of blocks beside those of samples: nothing is known of their length but its bytes.
SUBTYPES = {
    "WAV": ("PCM_16", "PCM_24", "DOUBLE", "IMA_ADPCM", "MS_ADPCM"),
    "RF64": ("PCM_16", "PCM_24"),
    "W64": ("PCM_16", "FLOAT", "ULAW"),
    "AIFF": ("PCM_S8", "PCM_16", "PCM_24", "FLOAT", "ALAW", "IMA_ADPCM"),
    "CAF": ("PCM_16", "FLOAT", "ALAC_16"),
    "AU": ("PCM_16", "FLOAT", "ULAW"),
}


def check_whole(contents, tone):
    waveform = audio.load_waveform(contents)
    assert len(waveform) == pytest.approx(len(tone), abs=2_100)  # blocks of ADPCM are filled up
    assert np.corrcoef(waveform[: len(tone)], tone[: len(waveform)])[0, 1] > 0.99
    assert video.probe(contents).duration_seconds == pytest.approx(len(tone) / RATE, abs=0.1)


def test_a_chunk_behind_a_sound_that_is_not_filled_up_is_no_sound():
    """Of 8 bits and an odd number of samples, as some programs write it."""
    sound = 128 + 100 * np.sin(np.arange(22_051) / 10)
    noise = np.random.default_rng(0).integers(0, 256, 8_192, np.uint8).tobytes()
    contents = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE, 1, 8)
    contents += b"data" + struct.pack("<I", 22_051) + sound.astype(np.uint8).tobytes()
    contents += b"junk" + struct.pack("<I", len(noise)) + noise
    contents = b"RIFF" + struct.pack("<I", len(contents)) + contents
    assert len(audio.load_waveform(contents)) == 22_051


@pytest.mark.parametrize("claim", ["nothing", "a little", "a half", "thrice", "all there can be"])
@pytest.mark.parametrize(
    ("kind", "subtype"), [(kind, subtype) for kind in SIZES for subtype in SUBTYPES[kind]]
)
def test_a_sound_is_as_long_as_it_is_there(kind, subtype, claim, make_tone):
    tone = make_tone(RATE, 3.0)
    contents = written(tone, kind, subtype)
    mark, behind, form, counted = SIZES[kind]
    at = contents.rindex(mark) + behind
    (size,) = struct.unpack_from(form, contents, at)
    largest = 2 ** (8 * struct.calcsize(form)) - 1
    claimed = {
        "nothing": counted,
        "a little": counted + 64,
        "a half": counted + size // 16 * 8,
        "thrice": 3 * size,
        "all there can be": -1 if form == ">q" else largest,
    }[claim]
    check_whole(with_value(contents, at, form, claimed), tone)


@pytest.mark.parametrize(("kind", "at", "form"), [("W64", 16, "<Q"), ("AIFF", 4, ">I")])
def test_the_size_of_the_whole_file_does_not_count(kind, at, form, make_tone):
    tone = make_tone(RATE, 3.0)
    check_whole(with_value(written(tone, kind), at, form, 0), tone)


@pytest.mark.parametrize("num_frames", [0, 1_000, 10**7])
def test_the_number_of_frames_of_an_aiff_does_not_count(num_frames, make_tone):
    tone = make_tone(RATE, 3.0)
    contents = written(tone, "AIFF")
    check_whole(with_value(contents, contents.index(b"COMM") + 10, ">I", num_frames), tone)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE", "ULAW"])
def test_an_au_of_the_other_order_is_read(subtype, make_tone):
    check_whole(written(make_tone(RATE, 3.0), "AU", subtype, "LITTLE"), make_tone(RATE, 3.0))


@pytest.mark.parametrize("subtype", ["ALAW", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"])
def test_a_big_endian_wav_of_any_codec_is_read(subtype, make_tone):
    check_whole(written(make_tone(RATE, 3.0), "WAV", subtype, "BIG"), make_tone(RATE, 3.0))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_a_big_endian_extensible_wav_is_read(subtype, make_tone):
    contents = written(make_tone(RATE, 3.0), "WAV", subtype, "BIG")
    at = contents.index(b"fmt ") + 8
    tag, *others, bits = struct.unpack_from(">HHIIHH", contents, at)
    fmt = struct.pack(">HHIIHH", 0xFFFE, *others, bits)
    fmt += struct.pack(">HHI", 22, bits, 4)
    fmt += struct.pack(">IHH8s", tag, 0, 16, b"\x80\0\0\xaa\0\x38\x9b\x71")
    chunks = b"fmt " + struct.pack(">I", len(fmt)) + fmt + contents[contents.index(b"data") :]
    extensible = b"RIFX" + struct.pack(">I", 4 + len(chunks)) + b"WAVE" + chunks
    check_whole(extensible, make_tone(RATE, 3.0))


def test_a_float_may_have_fewer_valid_bits_than_it_is_wide(make_tone):
    contents = written(make_tone(RATE, 3.0), "WAVEX", "FLOAT")
    valid = contents.index(b"fmt ") + 8 + 18
    check_whole(with_value(contents, valid, "<H", 24), make_tone(RATE, 3.0))


@pytest.mark.parametrize(("endian", "order"), [("LITTLE", "<"), ("BIG", ">")])
@pytest.mark.parametrize(("num_channels", "block"), [(1, 4), (1, 0), (1, 1), (2, 2)])
def test_the_size_of_a_block_does_not_count(endian, order, num_channels, block, make_tone):
    tone = make_tone(RATE, 3.0)
    contents = written(np.stack([tone] * num_channels, axis=1), "WAV", "PCM_16", endian)
    check_whole(with_value(contents, contents.index(b"fmt ") + 20, f"{order}H", block), tone)


@pytest.mark.parametrize("factor", [0, 0.5, 8])
@pytest.mark.parametrize(
    ("kind", "subtype"), [("WAV", "PCM_16"), ("RF64", "PCM_24"), ("W64", "FLOAT")]
)
def test_the_rate_of_bytes_does_not_count(kind, subtype, factor, rng):
    """FFmpeg seeks by it."""
    contents = written(rng.uniform(-0.5, 0.5, 12 * RATE), kind, subtype)
    at = contents.index(b"fmt ") + (24 if kind == "W64" else 8) + 8
    (speed,) = struct.unpack_from("<I", contents, at)
    contents = with_value(contents, at, "<I", round(factor * speed))
    whole = audio.load_waveform(contents)
    part = audio.load_waveform(contents, start_seconds=7.7, max_seconds=1.0)
    first = round(7.7 * RATE)
    np.testing.assert_allclose(part, whole[first : first + RATE], atol=0.1)


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32"])
@pytest.mark.parametrize("tag", ["that of libsndfile", "sowt"])
def test_a_little_endian_aiff_is_read(subtype, tag, make_tone):
    contents = written(make_tone(RATE, 3.0), "AIFF", subtype, "LITTLE")
    if tag == "sowt":
        own = {"PCM_24": b"42n1", "PCM_32": b"23ni"}[subtype]
        assert own in contents
        contents = contents.replace(own, b"sowt")
    check_whole(contents, make_tone(RATE, 3.0))


@pytest.mark.parametrize(
    ("kind", "endian", "subtype", "mark"),
    [
        ("WAV", "BIG", "PCM_16", b"fmt "),
        ("WAV", "BIG", "PCM_24", b"fmt "),
        ("WAV", "LITTLE", "PCM_16", b"fmt "),
        ("AIFF", "BIG", "PCM_16", b"COMM"),
        ("AIFF", "LITTLE", "PCM_24", b"COMM"),
    ],
)
def test_what_tells_the_samples_may_stand_behind_them(kind, endian, subtype, mark, make_tone):
    tone = make_tone(RATE, 3.0)
    contents = written(tone, kind, subtype, endian)
    form = "<4sI" if (kind, endian) == ("WAV", "LITTLE") else ">4sI"
    chunks, position = [], 12
    while position < len(contents):
        name, size = struct.unpack_from(form, contents, position)
        end = position + 8 + size + size % 2
        chunks.append((name == mark, contents[position:end]))
        position = end
    check_whole(contents[:12] + b"".join(chunk for _, chunk in sorted(chunks)), tone)


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_a_caf_may_fill_the_upper_part_of_its_bytes(endian, make_tone):
    contents = written(make_tone(RATE, 3.0), "CAF", "PCM_32", endian)
    bits = contents.index(b"desc") + 12 + 28
    assert struct.unpack_from(">I", contents, bits) == (32,)
    check_whole(with_value(contents, bits, ">I", 24), make_tone(RATE, 3.0))


def ogg(make_sound, codec, samples, rate_hz=48_000):
    """An Ogg file of samples [channels, num]."""
    if codec != "vorbis":
        return make_sound("ogg", codec, samples, rate_hz, "s16" if codec == "flac" else "flt")
    file = io.BytesIO()
    soundfile.write(file, samples.T, rate_hz, format="OGG", subtype="VORBIS")
    return file.getvalue()


@pytest.mark.parametrize("codec", ["vorbis", "libopus", "flac"])
def test_ogg_files_chained_are_one_sound(codec, make_sound, rng):
    noise = rng.uniform(-0.5, 0.5, (1, 12 * 48_000)).astype(np.float32)

    parts = np.split(noise, [5 * 48_000], axis=1)
    chained = b"".join(ogg(make_sound, codec, part) for part in parts)
    assert video.probe(chained).duration_seconds == pytest.approx(12, abs=0.1)
    whole = audio.load_waveform(chained)
    assert len(whole) == pytest.approx(12 * RATE, abs=0.05 * RATE)
    part = audio.load_waveform(chained, start_seconds=7.7, max_seconds=1.0)
    first = round(7.7 * RATE)
    assert np.corrcoef(part, whole[first : first + RATE])[0, 1] > 0.99


@pytest.mark.parametrize("codec", ["vorbis", "libopus", "flac"])
@pytest.mark.parametrize("num_channels", [(1, 2), (2, 1), (2, 2, 1, 1, 2)])
def test_ogg_files_chained_may_change_their_channels(codec, num_channels, make_sound, caplog):
    """FFmpeg stops at the first that is another: it cut there, and at the length of the last."""
    lengths = range(5, 5 - len(num_channels), -1)
    begins = np.cumsum([0, *lengths])
    chained = b"".join(
        ogg(make_sound, codec, np.stack([tone_of(pitch, seconds)] * num))
        for pitch, (seconds, num) in enumerate(zip(lengths, num_channels, strict=True))
    )
    assert video.probe(chained).duration_seconds == pytest.approx(begins[-1], abs=0.1)
    whole = audio.load_waveform(chained)
    assert len(whole) == pytest.approx(begins[-1] * RATE, abs=0.05 * RATE)
    for pitch, seconds in enumerate(lengths):
        for second in (begins[pitch] + 0.1, begins[pitch] + seconds - 0.2):
            spectrum = np.abs(np.fft.rfft(whole[round(second * RATE) :][: RATE // 10]))
            assert np.argmax(spectrum) == 40 + 20 * pitch
    part = audio.load_waveform(chained, start_seconds=5.7, max_seconds=1.0)
    expected = whole[round(5.7 * RATE) :][:RATE]
    np.testing.assert_allclose(part[100:-100], expected[100:-100], atol=0.01)
    np.testing.assert_allclose(np.concatenate(list(audio.pieces(chained))), whole, atol=0.01)
    assert not caplog.text


def test_another_kind_of_file_behind_an_ogg_file_is_no_sound(make_sound):
    first = ogg(make_sound, "vorbis", tone_of(0, 3)[None])
    other = make_sound("mp3", "libmp3lame", tone_of(1, 3)[None], 48_000)
    assert len(audio.load_waveform(first + other)) == 3 * RATE


def tone_of(pitch, seconds):
    times = np.arange(seconds * 48_000) / 48_000
    return np.float32(0.5 * np.sin(2 * np.pi * (400 + 200 * pitch) * times))


@pytest.mark.parametrize("codec", ["vorbis", "flac"])
def test_what_is_chained_on_with_another_rate_is_left_out_and_said_so(codec, make_sound, caplog):
    first, second = (
        ogg(make_sound, codec, np.sin(np.arange(seconds * rate_hz)[None] / 9) / 2, rate_hz)
        for seconds, rate_hz in ((5, 48_000), (3, 44_100))
    )
    assert len(audio.load_waveform(first + second)) == 5 * RATE
    (record,) = caplog.records
    assert "48000 Hz; what it has of 44100 Hz is left out" in record.getMessage()
    audio.load_waveform(first)
    assert len(caplog.records) == 1
    there_and_back = first + second + first
    assert len(audio.load_waveform(there_and_back)) == 10 * RATE
    if codec != "flac":  # whose packets do not tell their rate
        for chained, seconds in ((first + second, 5), (there_and_back, 10)):
            assert video.probe(chained).duration_seconds == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU"])
@pytest.mark.parametrize("tag", [b"ID3\4\0\0", b"APETAGEX"])
def test_the_tags_of_a_player_are_no_sound(kind, tag, make_tone):
    contents = written(make_tone(RATE, 3.0), kind) + tag + b"\xf3" * 40_000
    assert len(audio.load_waveform(contents)) == 3 * RATE


@pytest.mark.parametrize("num_cut", [100, 500, 1_000])
def test_an_ogg_cut_by_more_than_its_last_packet_holds_lasts_as_long_as_it_does(num_cut, rng):
    contents = written(rng.uniform(-0.3, 0.3, 17_374), "OGG", "VORBIS")
    page = contents.rindex(b"OggS")
    cut = with_checksum(with_value(contents, page + 6, "<q", 17_374 - num_cut), page)
    assert video.probe(cut).duration_seconds == pytest.approx((17_374 - num_cut) / RATE, abs=0.05)
    assert len(audio.load_waveform(cut)) == 17_374 - num_cut


def with_checksum(contents, page):
    """An Ogg file whose last page, which begins there, is told to be whole."""
    contents = with_value(contents, page + 22, "<I", 0)
    crc = 0
    for byte in contents[page:]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return with_value(contents, page + 22, "<I", crc)

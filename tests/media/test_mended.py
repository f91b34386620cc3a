"""Sound files whose headers say less or more than is there, or that FFmpeg knows in one order."""

import io
import struct

import numpy as np
import pytest

from s2i_tf.media import audio, video

soundfile = pytest.importorskip("soundfile")

RATE = 22_050


def written(wave, kind, subtype="PCM_16", endian=None):
    file = io.BytesIO()
    soundfile.write(file, wave, RATE, subtype=subtype, endian=endian, format=kind)
    return file.getvalue()


def with_value(contents, at, form, value):
    contents = bytearray(contents)
    struct.pack_into(form, contents, at, value)
    return bytes(contents)


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

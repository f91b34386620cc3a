"""The time of films, their geometry and colours, in every container."""

import io
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import _pyav, audio, light, reasons, video
from tests.media.conftest import number_of, second_of, with_value

RATE = 10
CONTAINERS = {
    "mp4": ("mp4", "libx264", "aac", {}),
    "fragments.mp4": (
        *("mp4", "libx264", "aac"),
        {"movflags": "frag_keyframe+empty_moov+delay_moov"},
    ),
    "mov": ("mov", "mpeg4", "pcm_s16le", {}),
    "mkv": ("matroska", "libx264", "aac", {}),
    "live.mkv": ("matroska", "libx264", "aac", {"live": "1"}),
    "webm": ("webm", "libvpx", "libopus", {}),
    "live.webm": ("webm", "libvpx", "libopus", {"live": "1"}),
    "flv": ("flv", "flv", "aac", {}),
    "ts": ("mpegts", "libx264", "aac", {}),
    "mts": ("mpegts", "libx264", "aac", {"mpegts_m2ts_mode": "1"}),
    "asf": ("asf", "mpeg4", "aac", {}),
}


def check_moment(film, seconds, expected):
    """The sound and the picture are those of a moment on the film's clock."""
    assert abs(number_of(video.frame_at(film, seconds)) - expected * RATE) <= 1
    sound = audio.load_waveform(film, start_seconds=seconds, max_seconds=1.0)
    # Begins within a quarter before the moment's second, or in it.
    assert second_of(sound) == int(expected + 0.11)


@pytest.mark.parametrize(("picture_start", "sound_start"), [(0, 0), (0, 3), (3, 0), (1, 2)])
@pytest.mark.parametrize("name", CONTAINERS)
def test_sound_and_picture_are_of_one_moment(name, picture_start, sound_start, make_film):
    *kinds, options = CONTAINERS[name]
    film = make_film(*kinds, picture_start=picture_start, sound_starts=(sound_start,), **options)
    zero, both = min(picture_start, sound_start), max(picture_start, sound_start)
    for seconds in (0.0, 1.2, 3.1, 5.3):
        # Before both tracks have begun there is no moment that has both: the first that has.
        check_moment(film, seconds, max(zero + seconds, both))
    info = video.probe(film)
    assert info.duration_seconds == pytest.approx(8 - zero, abs=0.15)
    assert info.start_seconds == pytest.approx(both - zero, abs=0.1)
    assert info.end_seconds == pytest.approx(8 - zero, abs=0.15)
    # Without a start all of the sound is taken, from its own first sample on.
    assert len(audio.load_waveform(film)) == pytest.approx((8 - sound_start) * 22_050, abs=3_000)


@pytest.mark.parametrize(
    ("muxer", "codec", "sound", "rate"),
    [("mpegts", "libx264", "aac", 10), ("mpeg", "mpeg2video", "mp2", 25)],
)
@pytest.mark.parametrize("clocks", [(0, 0), (1000, 5000), (5000, 1000)])
def test_parts_laid_end_to_end_are_one_film(muxer, codec, sound, rate, clocks, make_film):
    def part(first, last, clock):
        starts = {"picture_start": first, "sound_starts": (first,)}
        return make_film(muxer, codec, sound, seconds=last, rate=rate, clock=clock, **starts)

    film = part(4, 8, clocks[0]) + part(0, 4, clocks[1])
    assert video.probe(film).duration_seconds == pytest.approx(8, abs=0.2)
    assert len(audio.load_waveform(film)) == pytest.approx(8 * 22_050, abs=4_000)
    for seconds, expected in ((0, 4), (2.5, 6.5), (5.3, 1.3), (7.2, 3.2)):
        shown = number_of(video.frame_at(film, seconds))
        assert abs(shown - int(expected * rate) % 256) <= 1
        heard = audio.load_waveform(film, start_seconds=seconds, max_seconds=0.5)
        assert second_of(heard) == int(expected + 0.11)


@pytest.mark.parametrize("seconds_before", [4, 0.05])
def test_a_clock_that_runs_over_goes_on(seconds_before, make_film):
    clock = (1 << 33) / 90_000 - seconds_before
    film = make_film("mpegts", "libx264", "aac", clock=clock)
    assert video.probe(film).duration_seconds == pytest.approx(8, abs=0.1)
    for seconds in (0.0, 3.1, 5.3):
        check_moment(film, seconds, seconds)


def with_late_sound(flv, milliseconds):
    """An FLV of which the first packet of sound after 4 s says that it comes so much later."""
    at = 13
    while True:
        kind, size = flv[at], int.from_bytes(flv[at + 1 : at + 4], "big")
        time = int.from_bytes(flv[at + 4 : at + 7], "big")
        if kind == 8 and time > 4000:
            return flv[: at + 4] + (time + milliseconds).to_bytes(3, "big") + flv[at + 7 :]
        at += 11 + size + 4


@pytest.mark.parametrize("seconds", [0.5, 1048.576])
def test_one_damaged_time_silences_nothing(seconds, make_film):
    film = with_late_sound(make_film("flv", "flv", "aac"), round(1000 * seconds))
    assert video.probe(film).duration_seconds == pytest.approx(8, abs=0.2)
    sound = audio.load_waveform(film, start_seconds=0.0)
    assert len(sound) == pytest.approx(8 * 22_050, abs=4_000)
    assert [second_of(sound[round((at + 0.2) * 22_050) :]) for at in (3, 4, 5, 6)] == [3, 4, 5, 6]


def test_groups_of_packets_with_a_damaged_time_stay_in_their_place(make_film):
    film = make_film("matroska", "libx264", "aac", options={"bf": "0"}, cluster_time_limit="1000")
    at = 0
    for _ in range(4):
        at = film.index(b"\x1f\x43\xb6\x75", at + 1)
    at = film.index(b"\xe7\x82", at) + 2  # its time, of two bytes
    late = with_value(film, at, "B", film[at] ^ 0x80)
    assert video.probe(late).duration_seconds == pytest.approx(8, abs=0.2)
    for seconds in (3.1, 5.3):
        check_moment(late, seconds, seconds)


@pytest.mark.parametrize("muxer", ["matroska", "mpegts"])
def test_long_silence_comes_in_pieces(muxer, make_film):
    film = make_film(muxer, "libx264", "aac", seconds=28, gap=(2.0, 25.0))
    assert video.probe(film).duration_seconds == pytest.approx(28, abs=0.2)
    for pieces in (
        [len(piece) for piece, _ in _pyav.stream(film, 1.0)],
        [frame.samples for frame in _pyav.stream_frames(film)],
    ):
        assert max(pieces) <= 11.1 * 48_000
        assert sum(pieces) == pytest.approx(28 * 48_000, abs=5_000)


@pytest.mark.parametrize(
    ("muxer", "codec", "sound", "options"),
    [
        ("mpegts", "libx264", "aac", {"g": "80"}),
        ("mpegts", "libx264", "aac", {"g": "20", "bf": "0"}),
        ("mpegts", "mpeg2video", "mp2", {"g": "20"}),
        ("mpeg", "mpeg2video", "mp2", {"g": "20"}),
        ("avi", "libx264", "libmp3lame", {"g": "20"}),  # frames that come in another order
        ("avi", "mpeg4", "libmp3lame", {"g": "20", "bf": "2"}),
        ("avi", "mjpeg", "libmp3lame", {}),
        ("matroska", "libx264", "aac", {"g": "200"}),
    ],
)
def test_the_frame_is_the_one_that_is_shown(muxer, codec, sound, options, make_film):
    rate = 25 if codec == "mpeg2video" else RATE
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    film = make_film(muxer, codec, sound, rate=rate, options=options, pixels=pixels)
    for seconds in (0.0, 0.5, 1.9, 2.1, 3.2, 5.5, 7.5):
        shown = number_of(video.frame_at(film, seconds))
        assert abs(shown - int(seconds * rate + 1e-6)) <= 1
    assert number_of(video.frame_at(film, 1e6)) in (8 * rate - 1, 8 * rate - 2)


def boxes(contents):
    """The boxes of an MP4, as (kind, contents)."""
    at = 0
    while at < len(contents):
        size, kind = struct.unpack_from(">I4s", contents, at)
        yield kind, contents[at + 8 : at + size]
        at += size


def edited(contents, edits):
    """An MP4 whose tracks show these parts alone: (seconds, where in the track), or None for none.

    Its first track counts in 10240ths of a second and the other in 48000ths, after 1024 of them.
    """
    tracks = iter(zip(edits, (10_240, 48_000), (0, 1_024), strict=True))

    def rebuilt(kind, inside):
        if kind in (b"moov", b"trak", b"edts"):
            inside = b"".join(rebuilt(*box) for box in boxes(inside))
        if kind == b"elst":
            parts, unit, delay = next(tracks)
            inside = struct.pack(">II", 0, len(parts)) + b"".join(
                struct.pack(">IiI", 1000 * length, -1 if at is None else at * unit + delay, 1 << 16)
                for length, at in parts
            )
        return struct.pack(">I4s", 8 + len(inside), kind) + inside

    return b"".join(rebuilt(*box) for box in boxes(contents))


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        # Film time to what picture and sound show; none is decoded from a key frame of its own.
        (([(6, 2)], [(6, 2)]), {0.0: (2, 2), 0.5: (2.5, 2), 2.3: (4.3, 4), 5.1: (7.1, 7)}),
        (([(6, 2)], [(8, 0)]), {0.0: (2, 0), 2.3: (4.3, 2), 5.1: (7.1, 5)}),
        (([(8, 0)], [(6, 2)]), {0.0: (0, 2), 2.3: (2.3, 4)}),
        (([(2, 0), (4, 4)], [(2, 0), (4, 4)]), {1.2: (1.2, 1), 2.3: (4.3, 4), 5.2: (7.2, 7)}),
        (([(1, None), (4, 3)], [(5, 2)]), {0.0: (3, 3), 1.0: (3, 3), 3.2: (5.2, 5)}),
    ],
)
def test_the_parts_that_an_edit_list_names_are_the_film(edits, expected, make_film):
    film = edited(make_film("mp4", "libx264", "aac", options={"bf": "0"}), edits)
    for seconds, (picture, sound) in expected.items():
        assert abs(number_of(video.frame_at(film, seconds)) - picture * RATE) <= 1
        assert second_of(audio.load_waveform(film, start_seconds=seconds, max_seconds=1)) == sound
    lengths = [sum(length for length, _ in parts) for parts in edits]
    assert video.probe(film).duration_seconds == pytest.approx(max(lengths), abs=0.1)


def test_silence_stands_where_a_film_has_no_sound(make_film):
    film = make_film("matroska", "libx264", "aac", gap=(2.0, 4.0))
    sound = audio.load_waveform(film, start_seconds=0.0, max_seconds=7.0)
    for second in (0, 1, 4, 5, 6):
        assert second_of(sound[round((second + 0.2) * 22_050) :]) == second
    assert np.abs(sound[round(2.2 * 22_050) : round(3.8 * 22_050)]).max() < 1
    late = audio.load_waveform(film, start_seconds=5.2, max_seconds=1.0)
    assert second_of(late) == 5


def test_a_broadcast_that_begins_anywhere_begins_with_its_first_key_frame(make_film):
    film = make_film(
        *("mpegts", "libx264", "aac"), options={"g": "20", "bf": "0", "sc_threshold": "0"}
    )
    cut = film[len(film) // 4 // 188 * 188 :]
    number = number_of(video.frame_at(cut, 0.0))
    assert number % 20 == 0
    sound = audio.load_waveform(cut, start_seconds=0.0, max_seconds=1.0)
    assert abs(second_of(sound) - number / RATE) <= 1


def two_tracks(default):
    def set_up(_, tracks):
        for number, track in enumerate(tracks, start=1):
            track.disposition = av.stream.Disposition.default if number == default else 0

    return set_up


@pytest.mark.parametrize(("default", "number", "expected"), [(1, 0, 1), (2, 0, 2), (1, 2, 2)])
def test_the_default_sound_track_is_heard_or_the_one_asked_for(
    default, number, expected, make_film, make_tone
):
    sounds = [make_tone(48_000, 8.0) * level for level in (0.2, 0.8)]
    film = make_film(
        *("matroska", "libx264", "aac"),
        sounds=sounds,
        sound_starts=(0.0, 0.0),
        set_up=two_tracks(default),
    )
    waveform = audio.load_waveform(film, max_seconds=2.0, audio_track=number)
    loudness = 256 * 0.5 * (0.2, 0.8)[expected - 1] / np.sqrt(2)
    assert np.sqrt(np.mean(waveform[2_000:-2_000] ** 2)) == pytest.approx(loudness, rel=0.05)
    assert video.probe(film, audio_track=number).has_sound


def broadcast(*programmes):
    """A transport stream of those, which have the numbers 1 and on, and tables from 0x1000 on."""
    table = bytes((0, 0xB0, 9 + 4 * len(programmes), 0, 1, 0xC1, 0, 0))
    for number in range(len(programmes)):
        table += struct.pack(">HH", number + 1, 0xE000 | 0x1000 + number)
    checksum = 0xFFFFFFFF
    for byte in table:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = checksum << 1 ^ (0x104C11DB7 if checksum >> 31 else 0)
    table = b"\x47\x40\0\x10\0" + table + checksum.to_bytes(4, "big")
    packets = [
        (at / len(programme), programme[at : at + 188])
        for programme in programmes
        for at in range(0, len(programme), 188)
        if programme[at + 1] & 31 or programme[at + 2]  # each has a table of its own at 0
    ]
    return table.ljust(188, b"\xff") + b"".join(
        packet for _, packet in sorted(packets, key=lambda packet: packet[0])
    )


def test_the_sound_of_the_pictures_programme_is_heard(make_film, make_sound, make_tone):
    tone = make_tone(48_000, 8.0)[None]
    radio = make_sound("mpegts", "mp2", tone, 48_000, "s16")
    ids = {"mpegts_service_id": "2", "mpegts_pmt_start_pid": "4097", "mpegts_start_pid": "512"}
    film = make_film("mpegts", "libx264", "aac", clock=1000, **ids)
    both = broadcast(radio, film)
    with av.open(io.BytesIO(both)) as container:
        assert [stream.type for stream in container.streams] == ["audio", "video", "audio"]
    assert video.probe(both).duration_seconds == pytest.approx(8, abs=0.2)
    for seconds in (0.0, 3.1, 5.3):
        check_moment(both, seconds, seconds)


def test_a_sound_track_that_is_not_there_is_refused(make_film):
    film = make_film("mp4", "libx264", "aac", seconds=2)
    with pytest.raises(MediaError, match="no sound track 2 of 1") as caught:
        audio.load_waveform(film, audio_track=2)
    assert caught.value.reason == reasons.NO_SOUND
    assert not video.probe(film, audio_track=2).has_sound
    with pytest.raises(UserError, match="audio_track -1"):
        audio.load_waveform(film, audio_track=-1)


def test_the_length_is_measured_whatever_a_header_guesses(make_sound, rng):
    noise = np.float32(0.3 * rng.standard_normal((1, 30 * 22_050)))
    for muxer, codec in (("mp3", "libmp3lame"), ("adts", "aac")):
        quiet = {"b": "8000", **({"write_xing": "0"} if muxer == "mp3" else {})}
        loud = {**quiet, "b": "128000"}
        file = b"".join(
            strip_info(make_sound(muxer, codec, part, 22_050, options=options))
            for part, options in ((noise[:, :220_500], quiet), (noise, loud))
        )
        guess = av.open(io.BytesIO(file)).duration / av.time_base
        assert guess > 60  # of the rate of the first frames
        assert video.probe(file).duration_seconds == pytest.approx(40, abs=0.4)


def strip_info(mp3):
    """Without ID3 tag and the frame that tells the length."""
    if mp3[:3] == b"ID3":
        mp3 = mp3[10 + mp3[9] :]
    if b"Info" in mp3[:200] or b"Xing" in mp3[:200]:
        mp3 = mp3[mp3.index(mp3[:2], 24) :]
    return mp3


@pytest.mark.parametrize("tracks", [0, 1, 4])
def test_tracks_that_a_header_leaves_out_do_no_harm(tracks, make_film):
    film = bytearray(make_film("flv", "flv", "aac", seconds=3))
    film[4] = tracks  # of FLV's header: 1 for pictures, 4 for sound
    info = video.probe(bytes(film))
    assert info.duration_seconds == pytest.approx(3, abs=0.2)
    if info.has_picture:
        assert number_of(video.frame_at(bytes(film), 1.5)) == 15
    if info.has_sound:
        waveform = audio.load_waveform(bytes(film), start_seconds=1.0, max_seconds=1.0)
        assert second_of(waveform) == 1


def test_a_cut_file_lasts_as_long_as_it_is_there(make_film):
    film = make_film("matroska", "libx264", "aac")
    info = video.probe(film[: len(film) // 2])
    assert 2 < info.duration_seconds < 6


def test_a_single_picture_is_shown_as_long_as_the_sound_lasts(make_film, make_tone):
    film = make_film(
        *("matroska", "mjpeg", "aac"),
        pixels="yuvj420p",
        rate=1,
        picture=lambda number, size: np.full((*size[::-1], 3), 9, np.uint8),
        picture_start=7,
        sound_starts=(7.0,),
        sounds=[make_tone(48_000, 20.0)],
    )
    info = video.probe(film)
    assert info.end_seconds == pytest.approx(13, abs=0.2)


@pytest.mark.parametrize("muxer", ["mp4", "matroska", "flv", "mpegts"])
def test_the_last_of_some_slides_is_shown_as_long_as_the_sound_lasts(muxer, make_film, make_tone):
    film = make_film(
        *(muxer, "libx264", "aac"),
        seconds=2,
        rate=1,
        options={"bf": "0"},
        sounds=[make_tone(48_000, 30.0)],
    )
    info = video.probe(film)
    assert (info.start_seconds, info.end_seconds) == pytest.approx((0, 30), abs=0.2)
    assert [number_of(video.frame_at(film, second)) for second in (0.5, 1.5, 20)] == [0, 1, 1]
    sound = audio.load_waveform(film, start_seconds=20.0, max_seconds=5.0)
    assert len(sound) == 5 * 22_050


@pytest.mark.parametrize("muxer", ["mp4", "matroska"])
def test_a_film_ends_where_its_pictures_end_before_its_sound(muxer, make_film, make_tone):
    film = make_film(muxer, "mpeg4", "aac", seconds=4, sounds=[make_tone(48_000, 10.0)])
    info = video.probe(film)
    assert (info.duration_seconds, info.end_seconds) == pytest.approx((10, 4), abs=0.2)


CORNERS = np.zeros((64, 96, 3), np.uint8)
CORNERS[:32, :48], CORNERS[:32, 48:] = (220, 30, 30), (30, 200, 30)
CORNERS[32:, :48], CORNERS[32:, 48:] = (30, 30, 220), (230, 230, 230)


# The matrix as (a, b, c, d): a point (x, y) goes to (ax + cy, bx + dy).
@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((1, 0, 0, 1), lambda picture: picture),
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
        ((1, 0, 0, -1), lambda picture: picture[::-1]),
        ((-1, 0, 0, -1), lambda picture: picture[::-1, ::-1]),
        ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda picture: picture[::-1, ::-1].transpose(1, 0, 2)),
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture)),
        ((0, 0, 0, 0), lambda picture: picture),
    ],
)
def test_a_display_matrix_turns_and_mirrors(matrix, turn, make_film):
    film = bytearray(
        make_film("mp4", "libx264", "aac", seconds=1, size=(96, 64), picture=lambda *_: CORNERS)
    )
    at = film.find(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    film[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    shown, expected = video.frame_at(bytes(film), 0.5).astype(int), turn(CORNERS)
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).mean() < 8


def disc(size, aspect):
    """A disc that is round where pixels are `aspect` times as wide as high."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    inside = ((columns - size[0] / 2) * aspect) ** 2 + (rows - size[1] / 2) ** 2 < 20**2
    return np.where(inside, np.uint8(240), np.uint8(20))[..., None].repeat(3, 2)


@pytest.mark.parametrize(
    ("muxer", "codec", "sound"),
    [("mp4", "libx264", "aac"), ("matroska", "mpeg4", "aac"), ("mpegts", "libx264", "aac")],
)
@pytest.mark.parametrize("aspect", [(1, 1), (16, 11), (4, 3), (1, 2)])
def test_pixels_become_square(muxer, codec, sound, aspect, make_film):
    def set_up(pictures, _):
        pictures.codec_context.sample_aspect_ratio = Fraction(*aspect)

    film = make_film(
        *(muxer, codec, sound),
        seconds=1,
        rate=25,
        size=(96, 64),
        picture=lambda number, size: disc(size, aspect[0] / aspect[1]),
        set_up=set_up,
    )
    light = video.frame_at(film, 0.5).mean(axis=2) > 128
    rows, columns = np.nonzero(light)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 2 and np.ptp(rows) >= 36


def test_pixels_become_square_where_their_aspect_changes(make_film):
    def part(aspect):
        def set_up(pictures, _):
            pictures.codec_context.sample_aspect_ratio = Fraction(*aspect)

        return make_film("mpegts", "libx264", "aac", seconds=2, set_up=set_up)

    film = part((4, 3)) + part((2, 1))
    widths = [video.frame_at(film, seconds).shape[1] for seconds in (0.5, 3.5)]
    assert widths == [picture.shape[1] for picture in video.frames_along(film, (0.5, 3.5))]
    assert widths == [85, 128]


@pytest.mark.parametrize(
    ("size", "space", "expected"),
    [
        ((320, 240), None, "ITU601"),
        ((1280, 720), None, "ITU709"),
        ((720, 720), None, "ITU709"),
        ((1280, 720), "ITU601", "ITU601"),
        ((320, 240), "ITU709", "ITU709"),
    ],
)
def test_untagged_high_definition_has_the_colours_of_bt_709(size, space, expected):
    colour, tag = (200, 60, 90), {None: 2, "ITU601": 6, "ITU709": 1}[space]
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        pictures = output.add_stream("libx264", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = *size, "yuv420p"
        pictures.codec_context.colorspace = tag
        frame = av.VideoFrame.from_ndarray(
            np.full((size[1], size[0], 3), colour, np.uint8), format="rgb24"
        ).reformat(format="yuv420p", dst_colorspace=expected)
        frame.colorspace = tag
        output.mux([*pictures.encode(frame), *pictures.encode(None)])
    shown = video.frame_at(file.getvalue(), 0.0)
    np.testing.assert_allclose(shown[size[1] // 2, size[0] // 2], colour, atol=4)


@pytest.mark.parametrize("seconds", [3.305, 6.025, 9.475])
def test_a_program_stream_of_several_pictures_a_packet(seconds, make_film):
    def slow_sound(pictures, tracks):
        tracks[0].bit_rate = 64_000

    options = {"bf": "2", "g": "20"}
    film = make_film(
        "mpeg", "mpeg1video", "mp2", seconds=12, rate=25, options=options, set_up=slow_sound
    )
    expected = number_of(next(video.frames_along(film, [seconds])))
    assert expected == pytest.approx(int(25 * seconds) % 256, abs=1)
    assert number_of(video.frame_at(film, seconds)) == expected


@pytest.mark.parametrize("num_b_frames", ["0", "2"])
def test_an_avi_that_dropped_frames_at_its_beginning(num_b_frames, make_film):
    options = {"bf": num_b_frames, "g": "20"}
    film = make_film(
        "avi", "mpeg4", "libmp3lame", seconds=10, rate=25, picture_start=2.4, options=options
    )
    for seconds in (3.3, 6.02, 9.5):
        found = number_of(video.frame_at(film, seconds))
        assert found == pytest.approx(int(25 * seconds), abs=1)


def pq(light):
    root = (light * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375


def hlg(light):
    scene = light * 0.2649  # white lies at three quarters of the values
    scene = scene * (light @ [0.2627, 0.678, 0.0593] + 1e-12)[..., None] ** (1 / 1.2 - 1)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


@pytest.mark.parametrize("colour", [(128, 128, 128), (120, 0, 0), (0, 160, 0), (200, 60, 30)])
@pytest.mark.parametrize(("curve", "values_of"), [(16, pq), (18, hlg), (1, light.to_srgb)])
def test_wide_colours_become_srgb(colour, curve, values_of):
    to_bt2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    red, green, blue = values_of(to_bt2020 @ light.from_srgb(np.array(colour) / 255))
    luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
    planes = (
        64 + 876 * luma,
        512 + 896 * (blue - luma) / 1.8814,
        512 + 896 * (red - luma) / 1.4746,
    )
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        pictures = output.add_stream("libx264", rate=10)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p10le"
        frame = av.VideoFrame(64, 64, "yuv420p10le")
        for tagged in (pictures.codec_context, frame):
            tagged.colorspace, tagged.color_primaries = 9, 9
            tagged.color_trc, tagged.color_range = curve, 1
        for plane, value in zip(frame.planes, planes, strict=True):
            plane.update(np.full(plane.buffer_size // 2, round(value), np.uint16).tobytes())
        output.mux([*pictures.encode(frame), *pictures.encode(None)])
    shown = video.frame_at(file.getvalue(), 0.0)
    np.testing.assert_allclose(shown[32, 32], colour, atol=8)


def test_lights_brighter_than_white_keep_their_hue_and_their_order():
    curve, bt2020 = 16, 9
    values = np.linspace(0, 65535, 4000).astype(np.uint16)[:, None, None] * np.uint16([1, 1, 0])
    shown = light.shown_in_srgb(values, curve, bt2020).astype(int)[:, 0]
    assert (np.diff(shown[:, 1]) >= 0).all() and shown[-1, 1] == 255
    assert (shown[:, 2] <= shown[:, 1]).all()


def test_of_large_pictures_no_more_is_made_than_is_enough(make_film):
    film = make_film("mp4", "mpeg4", "aac", seconds=1, size=(320, 160))
    whole = next(video.frames_along(film, [0.5]))
    less = next(video.frames_along(film, [0.5], enough=64))
    assert whole.shape == (160, 320, 3) and less.shape == (64, 128, 3)
    assert abs(whole.mean() - less.mean()) < 2
    np.testing.assert_array_equal(next(video.frames_along(film, [0.5], enough=200)), whole)

import struct

import av
import numpy as np
import pytest
import soundfile

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import audio, limits, reasons, video

RATE = 10
NUM_FRAMES = 20


def write_video(path, *, codec="libx264", with_sound=True, num_frames=NUM_FRAMES, size=(64, 48)):
    """Grey frames that grow lighter by 10, each with a white top left corner, and a tone."""
    width, height = size
    with av.open(str(path), "w") as output:
        pictures = output.add_stream(codec, rate=RATE)
        pictures.width, pictures.height = width, height
        pictures.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        sound = None
        if with_sound:
            sound_codec = "libopus" if path.suffix == ".webm" else "aac"
            sound = output.add_stream(sound_codec, rate=48_000, layout="mono")
        for number in range(num_frames):
            shade = np.full((height, width, 3), 10 * number, np.uint8)
            shade[: height // 2, : width // 2] = 255
            output.mux(pictures.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
        output.mux(pictures.encode(None))
        if sound:
            times = np.arange(48_000 * num_frames // RATE) / 48_000
            samples = (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48_000, 0
            output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return path


def shade_of(picture):
    """Number of the frame, told by its grey."""
    return picture[picture.shape[0] * 3 // 4 :].mean() / 10


@pytest.mark.parametrize(
    ("ending", "codec"),
    [
        ("mp4", "libx264"),
        ("mov", "mpeg4"),
        ("mkv", "libx264"),
        ("webm", "libvpx"),
        ("avi", "mpeg4"),
        ("avi", "mjpeg"),
    ],
)
def test_pictures_and_sound_of_a_video_are_read(ending, codec, tmp_path):
    path = write_video(tmp_path / f"a video.{ending}", codec=codec)
    info = video.probe(path)
    assert info.has_sound and info.has_picture
    assert info.sample_rate_hz == 48_000
    assert info.duration_seconds == pytest.approx(2.0, abs=0.15)
    for seconds in (0.0, 0.75, 1.05, 1.9):
        picture = video.frame_at(path, seconds)
        assert picture.shape == (48, 64, 3) and picture.dtype == np.uint8
        # The muxer for AVI leaves an empty frame behind the first.
        tolerance = 1.3 if ending == "avi" else 0.6
        assert abs(shade_of(picture) - int(seconds * RATE + 1e-6)) < tolerance
    np.testing.assert_array_equal(video.frame_at(path.read_bytes(), 1.9), picture)
    assert len(audio.load_waveform(path)) == pytest.approx(44_100, abs=1_500)


def test_behind_the_end_the_last_picture_is_shown(tmp_path):
    path = write_video(tmp_path / "x.mp4")
    for seconds in (2.0, 1e6, 1e300):
        assert abs(shade_of(video.frame_at(path, seconds)) - 19) < 0.6


# Turned counter-clockwise, as in a file's display matrix.
@pytest.mark.parametrize(
    ("quarters", "matrix"), [(1, (0, -1, 1, 0)), (2, (-1, 0, 0, -1)), (3, (0, 1, -1, 0))]
)
def test_rotation_is_applied(quarters, matrix, tmp_path):
    plain = write_video(tmp_path / "plain.mp4")
    contents = bytearray(plain.read_bytes())
    # Of the track header, version 0: the matrix (a, b, u, c, d, v, x, y, w).
    position = contents.find(b"tkhd") + 4 + 40
    a, b, c, d = (value * 0x10000 for value in matrix)
    contents[position : position + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    turned = video.frame_at(bytes(contents), 1.0)
    np.testing.assert_array_equal(turned, np.rot90(video.frame_at(plain, 1.0), quarters))


def test_a_video_without_sound_and_a_sound_without_pictures_say_so(tmp_path):
    silent = write_video(tmp_path / "x.mp4", with_sound=False)
    info = video.probe(silent)
    assert info.has_picture and not info.has_sound and info.sample_rate_hz == 0
    with pytest.raises(MediaError, match="no sound track") as caught:
        audio.load_waveform(silent)
    assert caught.value.reason == reasons.NO_SOUND
    song = audio.encode_audio(np.ones(22_050, np.float32), "flac")
    info = video.probe(song)
    assert info.has_sound and not info.has_picture
    assert info.duration_seconds == pytest.approx(1.0)
    with pytest.raises(MediaError, match="no picture track") as caught:
        video.frame_at(song, 0.0)
    assert caught.value.reason == reasons.NO_PICTURE


def test_the_cover_of_a_song_is_no_video(tmp_path, encode_picture):
    path = tmp_path / "song.mp3"
    cover = encode_picture(np.zeros((32, 32, 3), np.uint8), "PNG")
    body = b"\0image/png\0\3\0" + cover
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    song = audio.encode_audio(np.float32(100 * np.sin(np.arange(30_000) / 9)), "mp3")
    path.write_bytes(b"ID3\3\0\0" + size + frame + song[10 + song[9] :])
    with av.open(str(path)) as container:
        assert container.streams.video  # FFmpeg shows the cover as a track
    assert not video.probe(path).has_picture
    assert len(audio.load_waveform(path)) > 29_000


@pytest.mark.parametrize("ending", ["mkv", "avi", "webm"])
def test_a_video_that_breaks_off_shows_its_last_picture(ending, tmp_path):
    codec = {"mkv": "mpeg4", "avi": "mjpeg", "webm": "libvpx"}[ending]
    path = write_video(tmp_path / f"x.{ending}", codec=codec, with_sound=False, size=(256, 192))
    contents = path.read_bytes()
    picture = video.frame_at(contents[: len(contents) * 7 // 10], 1.9)
    assert 1 < shade_of(picture) < 18


def test_what_cannot_be_shown_is_refused(tmp_path, monkeypatch):
    text = tmp_path / "x.mp4"
    text.write_text("not a video at all " * 100)
    for function in (video.probe, lambda path: video.frame_at(path, 0.0)):
        with pytest.raises(MediaError) as caught:
            function(text)
        assert caught.value.reason == reasons.NOT_MEDIA
    path = write_video(tmp_path / "y.mp4")
    with pytest.raises(UserError, match="allowed: 0 or more"):
        video.frame_at(path, -1.0)
    monkeypatch.setattr(limits, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(MediaError, match="64 x 48") as caught:
        video.frame_at(path, 0.0)
    assert caught.value.reason == reasons.TOO_LARGE


def test_pictures_larger_than_their_header_says_are_not_unpacked(tmp_path, monkeypatch):
    path = write_video(tmp_path / "x.avi", codec="mjpeg", size=(256, 192), with_sound=False)
    contents = path.read_bytes()
    small = struct.pack("<ii", 256, 192), struct.pack("<ii", 16, 16)
    contents = contents.replace(*small)
    monkeypatch.setattr(limits, "MAX_PIXELS", 256 * 192 - 1)
    with pytest.raises(MediaError) as caught:
        video.frame_at(contents, 0.0)
    assert caught.value.reason == reasons.TRUNCATED


@pytest.mark.parametrize("num_samples", [5_000, 11_025, 16_000, 30_000])
def test_a_short_ogg_file_is_as_long_as_its_samples(num_samples, tmp_path, rng):
    path = tmp_path / "short.ogg"
    soundfile.write(path, rng.normal(0, 0.1, num_samples), 22_050, subtype="VORBIS")
    assert video.probe(path).duration_seconds == pytest.approx(num_samples / 22_050)


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", "PCM_16"), ("AIFF", "PCM_S8")])
def test_a_sound_of_one_packet_is_as_long_as_its_samples(kind, subtype, tmp_path, rng):
    path = tmp_path / "short"
    soundfile.write(path, rng.normal(0, 0.1, 2_000), 8_000, subtype=subtype, format=kind)
    assert video.probe(path).duration_seconds == pytest.approx(0.25)

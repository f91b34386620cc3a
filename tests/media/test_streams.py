"""Sounds and videos of any length in one pass: the same as in one piece."""

import av
import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.media import _pyav, audio, video

RATE = spec.SAMPLE_RATE_HZ


@pytest.mark.parametrize("container", ["wav", "mp3", "ogg", "flac"])
@pytest.mark.parametrize("seconds", [0.5, 6.0, 7.4])
def test_pieces_put_together_are_the_whole(container, seconds):
    rng = np.random.default_rng(0)
    wave = rng.uniform(-100, 100, round(seconds * RATE)).astype(np.float32)
    file = audio.encode_audio(wave, container)
    pieces = list(audio.pieces(file, piece_seconds=2))
    whole = audio.load_waveform(file, backend="pyav")
    assert all(piece.size == 2 * RATE for piece in pieces[:-1])
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=2e-3)


def test_frames_of_a_stream_keep_their_channels(make_sound):
    rng = np.random.default_rng(0)
    stereo = rng.uniform(-0.5, 0.5, (2, 40_000)).astype(np.float32)
    file = make_sound("wav", "pcm_s16le", stereo, 44_100, "s16")
    frames = list(_pyav.stream_frames(file))
    samples = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])
    np.testing.assert_allclose(samples / 2**15, stereo.T, atol=1e-4)


def test_frames_of_whole_numbers_of_64_bits_are_of_double_precision(tmp_path, rng):
    stereo, path = rng.uniform(-0.5, 0.5, (2, 40_000)), tmp_path / "long.w64"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s64le", rate=44_100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(stereo, "dblp", "stereo")
        frame.sample_rate = 44_100
        for part in av.AudioResampler("s64", "stereo", 44_100).resample(frame):
            file.mux(stream.encode(part))
    frames = list(_pyav.stream_frames(path))
    samples = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in frames])
    np.testing.assert_allclose(samples, stereo.T, atol=1e-6)


def test_eight_channels_are_eight(make_sound):
    """Each in a plane of its own, of which PyAV counts one more than there are."""
    pitches = 300 + 100 * np.arange(8)[:, None]
    tones = np.float32(0.5 * np.sin(2 * np.pi * pitches * np.arange(48_000) / 48_000))
    file = make_sound("ogg", "libopus", tones, 48_000, "flt")
    spectrum = np.abs(np.fft.rfft(audio.load_waveform(file)[:RATE]))
    assert {300 + 100 * number for number in (0, 1, 2, 4, 5, 6, 7)} <= set(
        np.argsort(spectrum)[-8:]
    )
    frames = list(_pyav.stream_frames(file))
    samples = np.concatenate([frame.to_ndarray().reshape(-1, 8) for frame in frames])
    spectra = np.abs(np.fft.rfft(samples[:48_000], axis=0))
    np.testing.assert_array_equal(spectra.argmax(axis=0), pitches[:, 0])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"picture_start": 1.5},
        {"sound_starts": (2.0,)},
        {"gap": (2.0, 4.0)},
    ],
)
def test_sound_and_pictures_of_a_film_keep_step(make_film, options):
    film = make_film("matroska", "libx264", "aac", seconds=6, **options)
    sound = np.concatenate(list(audio.pieces(film, piece_seconds=2)))
    whole = audio.load_waveform(film, start_seconds=0.0, backend="pyav")
    np.testing.assert_allclose(sound, whole[: sound.size], atol=0.5)  # AAC after a seek
    assert abs(sound.size - whole.size) <= 1
    begun = video.probe(film).start_seconds
    times = [0.0, 0.1, 0.5, 0.52, 1.0, 30.0]
    for time, picture in zip(times, video.frames_along(film, times), strict=True):
        np.testing.assert_array_equal(picture, video.frame_at(film, begun + time))
    frames = list(_pyav.stream_frames(film))
    assert sum(frame.samples for frame in frames) == pytest.approx(
        48_000 * sound.size / RATE, abs=3
    )

import io

import av
import numpy as np
import pytest
import soundfile

from s2i_tf.errors import MediaError, UserError
from s2i_tf.film import encoding
from s2i_tf.media import audio

RATE = 22_050


def click_at(seconds, total):
    wave = np.zeros(round(total * RATE), np.float32)
    wave[round(seconds * RATE) :][:400] = 200 * np.sin(np.arange(400) * 0.3)
    return wave


def flash(at_frame, num):
    for index in range(num):
        yield np.full((64, 64, 3), 255 if index >= at_frame else 0, np.uint8)


@pytest.mark.parametrize("suffix", encoding.FORMATS)
def test_picture_and_sound_stay_in_step(tmp_path, suffix):
    wave = click_at(1.5, 3.0)
    path = tmp_path / f"film{suffix}"
    encoding.write_film(path, flash(18, 36), fps=12, sound=audio.encode_audio(wave, "wav"))
    with av.open(str(path)) as film:
        video = film.streams.video[0]
        light = {frame.time: frame.to_ndarray(format="gray").mean() for frame in film.decode(video)}
    assert len(light) == 36
    assert min(time for time, value in light.items() if value > 128) == pytest.approx(1.5, abs=1e-3)
    heard = np.abs(audio.load_waveform(path))
    assert np.argmax(heard > 50) / RATE == pytest.approx(1.5, abs=0.03)
    assert heard.size / RATE == pytest.approx(3.0, abs=0.06)


def mp3(samples):
    """Of channels, float32 [channels, samples] in [-1, 1]."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as output:
        layout = "stereo" if len(samples) == 2 else "mono"
        stream = output.add_stream("libmp3lame", rate=RATE, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", layout)
        frame.sample_rate = RATE
        for each in (frame, None):
            output.mux(stream.encode(each))
    return file.getvalue()


def test_sound_of_several_layouts_stays_in_step(tmp_path):
    tones = [0.5 * np.sin(np.arange(2 * RATE) * hz * 2 * np.pi / RATE) for hz in (441, 882, 1764)]
    left, mono, right = np.float32(tones)
    sound = mp3(np.stack([left, left])) + mp3(mono[None]) + mp3(np.stack([right, right]))
    path = tmp_path / "film.mp4"
    encoding.write_film(path, flash(1, 72), fps=12, sound=sound)
    heard = audio.load_waveform(path)
    assert heard.size / RATE == pytest.approx(6.0, abs=0.3)
    for begin, hz in ((0.5, 441), (2.8, 882), (5.0, 1764)):
        part = heard[round(begin * RATE) :][: RATE // 2]
        assert np.argmax(np.abs(np.fft.rfft(part))) * 2 == pytest.approx(hz, abs=4)


def test_more_channels_than_have_names_are_mixed(tmp_path):
    wave = np.float32([0.3 * np.sin(np.arange(RATE) * 0.2)] * 9).T
    file = io.BytesIO()
    soundfile.write(file, wave, RATE, format="WAV")
    encoding.write_film(tmp_path / "film.mp4", flash(1, 12), fps=12, sound=file.getvalue())
    assert np.abs(audio.load_waveform(tmp_path / "film.mp4")).max() > 50


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_the_sound_is_as_loud_as_it_was_and_no_louder_than_full_scale(tmp_path, channels):
    tone = 0.9 * np.sin(np.arange(RATE) * 0.2)
    file = io.BytesIO()
    wave = np.tile(tone[:, None], channels)
    soundfile.write(file, wave, RATE, format="WAVEX", subtype="FLOAT")
    path = tmp_path / "film.mp4"
    encoding.write_film(path, flash(1, 12), fps=12, sound=file.getvalue())
    with av.open(str(path)) as film:
        frames = [frame.to_ndarray() for frame in film.decode(audio=0)]
    heard = np.concatenate(frames, axis=1)[:, 4000:-4000]
    assert heard.std(axis=1) == pytest.approx([tone.std()] * 2, rel=0.02)
    assert np.abs(heard).max() < 1


def test_what_ends_early_leaves_no_film(tmp_path):
    path = tmp_path / "film.mp4"

    def broken():
        yield from flash(1, 5)
        raise KeyboardInterrupt

    wave = audio.encode_audio(click_at(0.1, 1.0), "wav")
    with pytest.raises(KeyboardInterrupt):
        encoding.write_film(path, broken(), fps=12, sound=wave)
    with pytest.raises(UserError, match="no picture"):
        encoding.write_film(path, [], fps=12, sound=wave)
    with pytest.raises(MediaError):
        encoding.write_film(path, flash(1, 5), fps=12, sound=b"not a sound" * 50)
    assert not list(tmp_path.iterdir())


def test_a_name_without_a_films_ending_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"\.mp4 or \.webm"):
        encoding.write_film(tmp_path / "film.gif", flash(1, 2), fps=12, sound=b"")


def test_a_folder_is_named_as_it_likes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wave = audio.encode_audio(click_at(0.1, 1.0), "wav")
    for path in ("2024:05/film.mp4", "data:x/film.webm", "./10:30/film.mp4"):
        encoding.write_film(path, flash(1, 12), fps=12, sound=wave)
        assert audio.load_waveform(path).size > 0.9 * RATE


def test_an_encoder_that_lacks_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "_missing", lambda suffix: "" if suffix == ".webm" else "libx264")
    assert encoding.best_suffix() == ".webm"
    with pytest.raises(UserError, match="libx264.*webm"):
        encoding.check_path(tmp_path / "film.mp4")

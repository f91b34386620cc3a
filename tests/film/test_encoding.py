import av
import numpy as np
import pytest

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


def test_an_encoder_that_lacks_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "_missing", lambda suffix: "" if suffix == ".webm" else "libx264")
    assert encoding.best_suffix() == ".webm"
    with pytest.raises(UserError, match="libx264.*webm"):
        encoding.check_path(tmp_path / "film.mp4")

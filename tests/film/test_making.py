"""Films by a model that hears how loud a sound is, and draws loud light and quiet dark."""

import tempfile

import av
import numpy as np
import pytest
import soundfile

from s2i_tf import api, files, spec
from s2i_tf.errors import MediaError, UserError
from s2i_tf.film import making
from s2i_tf.film.making import FilmSettings, make_film
from s2i_tf.media import audio

RATE = spec.SAMPLE_RATE_HZ
SIDE = 16


class Loudness:
    """Its vector points one way for loud sounds and the other way for quiet ones."""

    class_names = ("loud", "quiet")
    stochastic = True
    hidden_units = 2

    def listen(self, waveforms):
        middles = [wave[len(wave) // 2 - 4000 : len(wave) // 2 + 4000] for wave in waveforms]
        loud = np.array([np.abs(middle).mean() > 30 for middle in middles], np.float32)
        before = np.stack([loud, 1 - loud], axis=1) * 3
        return {"heard": np.stack([loud, 1 - loud], axis=1), "before": before, "after": before}

    def draw(self, before, samples, seed):
        light = before[:, :1] / before.sum(axis=1, keepdims=True)
        shift = 0.1 * np.array(samples)
        return (
            np.ones((1, 1, SIDE, SIDE, 3))
            * (0.2 + 0.6 * light - 0.2 * shift)[..., None, None, None]
        )


@pytest.fixture(scope="module")
def model():
    return api.Model(Loudness())


def noise(parts):
    """Noise of an amplitude for so many seconds, part after part."""
    rng = np.random.default_rng(0)
    waves = [rng.uniform(-level, level, round(seconds * RATE)) for level, seconds in parts]
    return np.concatenate(waves).astype(np.float32)


def light_of(path):
    with av.open(str(path)) as film:
        return np.array([frame.to_ndarray(format="gray").mean() for frame in film.decode(video=0)])


def test_the_picture_changes_where_the_sound_does(model, tmp_path):
    sound = audio.encode_audio(noise([(10, 5), (200, 5), (10, 5)]), "flac")
    path = tmp_path / "film.mp4"
    heard = make_film(model, sound, path, FilmSettings(side=64), subtitles=tmp_path / "heard.vtt")
    light = light_of(path)
    assert len(light) == 15 * 12
    bright = np.flatnonzero(light > light.mean())
    assert bright[0] / 12 == pytest.approx(5, abs=0.5) and bright[-1] / 12 == pytest.approx(
        10, abs=0.5
    )
    steps = np.abs(np.diff(light))
    assert steps.max() < 0.2 * np.ptp(light)  # no jump: what was heard is smoothed
    assert [caption.text for caption in heard.captions(0.5)] == ["quiet", "loud", "quiet"]
    assert "00:00:04.750 --> 00:00:10.250\n[loud]" in (tmp_path / "heard.vtt").read_text()


def test_a_model_that_draws_one_class_or_the_other_dissolves_between_them(tmp_path):
    class Typical(Loudness):
        def draw(self, before, samples, seed):
            return super().draw(np.where(before > before.max() / 2, 1.0, 0.0), samples, seed)

    sound = audio.encode_audio(noise([(10, 5), (200, 5)]), "flac")
    jumps = []
    for smooth_seconds in (0.5, 0):
        settings = FilmSettings(side=64, smooth_seconds=smooth_seconds)
        make_film(api.Model(Typical()), sound, tmp_path / "film.mp4", settings)
        light = light_of(tmp_path / "film.mp4")
        jumps.append(np.abs(np.diff(light)).max() / np.ptp(light))
    assert jumps[0] < 0.15 and jumps[1] > 0.4


def test_with_beats_it_changes_at_once_and_draws_another_sample(model, tmp_path):
    sound = audio.encode_audio(noise([(10, 3), (200, 3)]), "flac")
    make_film(model, sound, tmp_path / "film.mp4", FilmSettings(side=64, beats=True))
    light = light_of(tmp_path / "film.mp4")
    assert np.abs(np.diff(light)).max() > 0.5 * np.ptp(light)


def test_what_is_like_nothing_known_is_said_to_be(tmp_path):
    class Unsure(Loudness):
        def listen(self, waveforms):
            found = super().listen(waveforms)
            return {**found, "known_score": np.float32(found["heard"][:, 0] < 0.5)}

    sound = audio.encode_audio(noise([(10, 6), (200, 6)]), "flac")
    heard = making.listen(api.Model(Unsure()), sound, 0.5)
    assert [caption.text for caption in heard.captions(0.5)] == ["quiet", "like nothing known"]


def test_silence_goes_on_with_what_was_heard_and_says_so(model, tmp_path):
    sound = audio.encode_audio(
        np.concatenate([noise([(200, 4)]), np.zeros(12 * RATE, "f4")]), "flac"
    )
    heard = make_film(model, sound, tmp_path / "film.mp4", FilmSettings(side=64, fps=2))
    spoken = heard.captions(0.5)
    assert spoken[0].text == "loud"
    assert spoken[-1] == (4.75, 16.0, "silence")
    assert np.isfinite(heard.vectors).all()
    with pytest.raises(MediaError, match="silent"):
        make_film(model, audio.encode_audio(np.zeros(RATE, "f4"), "wav"), tmp_path / "no.mp4")
    assert not (tmp_path / "no.mp4").exists()


@pytest.mark.filterwarnings("error")
def test_samples_that_are_no_numbers_are_told_with_the_file(model, tmp_path):
    for bad in (np.nan, np.inf):
        wave = noise([(0.5, 2)])
        wave[-1] = bad
        soundfile.write(tmp_path / "bad.wav", wave, RATE, subtype="FLOAT")
        with pytest.raises(MediaError, match="bad.wav: has samples that are not finite numbers"):
            make_film(model, tmp_path / "bad.wav", tmp_path / "film.mp4")


def test_a_strip_has_pictures_from_all_along(model, tmp_path):
    sound = audio.encode_audio(noise([(10, 3), (200, 3)]), "flac")
    strip, vtt = tmp_path / "strip.png", tmp_path / "heard.vtt"
    for film in (tmp_path / "film.mp4", tmp_path / "film.webm"):
        settings = FilmSettings(side=64, fps=4)
        make_film(model, sound, film, settings, strip=strip, subtitles=vtt)
        files.refuse_taken([film, strip, vtt])  # a later run may replace what this one made
    from s2i_tf.media import image

    row = image.load_image(strip)[8 : 8 + SIDE].mean(axis=(0, 2))
    assert row[8:40].mean() + 30 < row[-40:-8].mean()


def frames_beside(model, video, folder):
    make_film(model, video, folder / "film.mp4", FilmSettings(side=64, beside=True))
    with av.open(str(folder / "film.mp4")) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def test_pictures_of_a_video_stand_beside(model, tmp_path, make_video):
    sound = noise([(200, 2)])
    frames = frames_beside(model, make_video(sound), tmp_path)
    assert frames[0].shape == (64, 64 * 2 + 64, 3)  # the video is twice as wide as high
    lights = np.array([frame[:, 8:120].mean() for frame in frames])
    assert lights[:11].max() < 40 and lights[13:].min() > 200  # it turns white after a second


def test_a_picture_that_changes_its_shape_stays_in_its_place(model, tmp_path, make_video):
    shapes = (128, 64), (64, 128)
    parts = [make_video(noise([(200, 2)]), *shape, container="mpegts") for shape in shapes]
    frames = frames_beside(model, b"".join(parts), tmp_path)
    last = frames[-1].mean(axis=(0, 2))
    assert last.size == frames[0].shape[1] == 128 + 64
    assert last[:44].max() < 20 and last[84:124].max() < 20  # black beside one half as wide as high
    assert last[52:76].min() > 200 and np.ptp(last[136:]) < 10


def test_a_picture_wider_than_encoders_take_is_whole_between_black(model, tmp_path, make_video):
    frames = frames_beside(model, make_video(noise([(200, 2)]), 1024, 64), tmp_path)
    rows = frames[-1][:, : 4 * 64].mean(axis=(1, 2))
    assert frames[-1].shape == (64, 5 * 64, 3)
    assert rows[28:36].min() > 150 and rows[:20].max() < 20 and rows[44:].max() < 20


@pytest.mark.parametrize(
    "setting", [{"fps": 0}, {"hop_seconds": 0.0}, {"smooth_seconds": -1}, {"side": 65}]
)
def test_settings_out_of_range_are_named(setting):
    with pytest.raises(UserError, match=next(iter(setting))):
        FilmSettings(**setting)


def test_vectors_between_two_moments_are_as_long_as_these(model):
    heard = making.HeardAlong(
        ("loud", "quiet"),
        np.eye(2, dtype=np.float32),
        np.ones(2, np.float32),
        np.array([[3.0, 0.0], [0.0, 3.0]], np.float32),
        np.zeros(2, bool),
        np.zeros(0),
        1.0,
        2.0,
    )
    seen = []

    class Spy(Loudness):
        def draw(self, before, samples, seed):
            seen.append((before, list(samples)))
            return super().draw(before, samples, seed)

    settings = FilmSettings(smooth_seconds=0.0, seed=3)
    list(making.draw_along(api.Model(Spy()), heard, np.array([0.0, 0.5, 1.0]), settings))
    vectors, samples = seen[0]
    np.testing.assert_allclose(vectors, [[3, 0], [4.5**0.5, 4.5**0.5], [0, 3]], rtol=1e-6)
    assert samples == [1]


def test_a_film_does_not_take_the_place_of_its_sound(model, tmp_path, make_video):
    film = tmp_path / "holiday.mp4"
    contents = make_video(noise([(100, 2)]))
    film.write_bytes(contents)
    (tmp_path / "link.mp4").symlink_to(film)
    for path in (film, tmp_path / "link.mp4"):
        with pytest.raises(UserError, match="is the sound itself. Choose another name"):
            make_film(model, film, path)
    (tmp_path / "strip.png").symlink_to(film)
    with pytest.raises(UserError, match="is the sound itself"):
        make_film(model, film, tmp_path / "other.mp4", strip=tmp_path / "strip.png")
    assert film.read_bytes() == contents


def test_what_cannot_be_made_is_said_before_anything_is_heard(model, tmp_path, monkeypatch):
    def denied(dir):
        raise PermissionError(13, "Permission denied", f"{dir}/tmp1234")

    wav = audio.encode_audio(noise([(100, 1)]), "wav")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    film = tmp_path / "film.mp4"
    for message, names in (
        ("must end in .png", {"strip": film.with_suffix(".jpg")}),
        ("must end in .vtt", {"subtitles": film}),
        ("is a folder", {"strip": tmp_path / "folder.png"}),
        ("file is no folder", {"subtitles": tmp_path / "file" / "a.vtt"}),
    ):
        with pytest.raises(UserError, match=message):
            make_film(model, wav, film, **names)
    with pytest.raises(UserError, match="no picture track"):
        make_film(model, wav, film, FilmSettings(beside=True))
    monkeypatch.setattr(tempfile, "TemporaryFile", denied)
    with pytest.raises(UserError, match="new/film.mp4: nothing can be written in .* .Permission"):
        make_film(model, wav, tmp_path / "new" / "film.mp4")
    assert not film.exists() and not film.with_name("new").exists()

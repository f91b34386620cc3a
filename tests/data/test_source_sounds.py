import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data.source_sounds import MOMENT_SECONDS, load_sound
from s2i_tf.errors import UserError
from s2i_tf.media import audio


@pytest.fixture
def source(tmp_path, rng):
    """A folder with a sound of 13 s."""
    wave = rng.uniform(-100, 100, 13 * spec.SAMPLE_RATE_HZ).astype(np.float32)
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").write_bytes(audio.encode_audio(wave, "wav"))
    return tmp_path


def test_an_id_is_a_whole_file_or_a_moment_of_it(source):
    whole = load_sound(source, "sounds/a.wav")
    assert len(whole) == 13 * spec.SAMPLE_RATE_HZ
    moment = load_sound(source, "sounds/a.wav#t=2.00")
    start = 2 * spec.SAMPLE_RATE_HZ
    end = start + int(MOMENT_SECONDS * spec.SAMPLE_RATE_HZ)
    np.testing.assert_allclose(moment, whole[start:end], atol=1e-3)


@pytest.mark.parametrize("sound_id", ["../a.wav", "/etc/passwd", "sounds/../../a.wav"])
def test_an_id_stays_within_the_folder(source, sound_id):
    with pytest.raises(UserError, match="not a path within"):
        load_sound(source / "sounds", sound_id)


def test_a_missing_sound_is_told(source):
    with pytest.raises(UserError, match="none.ogg"):
        load_sound(source, "sounds/none.ogg")


def test_the_folder_itself_may_be_named_by_its_parent(source):
    roundabout = source / "sounds" / ".."
    assert len(load_sound(roundabout, "sounds/a.wav")) == 13 * spec.SAMPLE_RATE_HZ

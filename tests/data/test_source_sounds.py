import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import source_sounds
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.data.source_sounds import load
from s2i_tf.errors import UserError
from s2i_tf.media import audio


@pytest.fixture
def source(tmp_path, rng):
    """A folder with a sound of 13 s."""
    wave = rng.uniform(-100, 100, 13 * spec.SAMPLE_RATE_HZ).astype(np.float32)
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").write_bytes(audio.encode_audio(wave, "wav"))
    return tmp_path


def test_an_id_is_a_whole_file_or_a_window_of_it(source):
    whole = load(source, "sounds/a.wav")
    assert len(whole) == 13 * spec.SAMPLE_RATE_HZ
    for name in ("sounds/a.wav#t=2.00", "sounds/a.wav#t=2.00#view=3"):
        start, end = 2 * spec.SAMPLE_RATE_HZ, 12 * spec.SAMPLE_RATE_HZ
        np.testing.assert_allclose(load(source, name), whole[start:end], atol=1e-3)


def test_a_window_is_as_long_as_its_data_set_says(source):
    info = DatasetInfo(
        "name", ("a",), "float16", {}, {}, {}, {}, str(source), settings={"window_seconds": 3.0}
    )
    heard = source_sounds.load_sound(info, "sounds/a.wav#t=2.00")
    assert len(heard) == 3 * spec.SAMPLE_RATE_HZ
    assert len(source_sounds.load_sound(info, "sounds/a.wav#t=11.50")) == 1.5 * spec.SAMPLE_RATE_HZ


def test_ids_are_read_as_they_were_written():
    for start_seconds, text in ((2.0, "2.00"), (0.25, "0.25"), (1.2345, "1.2345")):
        item_id = source_sounds.moment_id("a#t=1|b.wav", start_seconds)
        assert item_id == f"a#t=1|b.wav#t={text}"
        assert source_sounds.parse_id(item_id) == ("a#t=1|b.wav", start_seconds)
        view = source_sounds.view_id(item_id, 12)
        assert source_sounds.parse_id(view) == ("a#t=1|b.wav", start_seconds)
    assert source_sounds.parse_id("a#t=1|b.wav") == ("a#t=1|b.wav", None)


def test_data_listed_from_elsewhere_are_found_there(source):
    """A CSV may name files outside of its folder; their ids are such paths."""
    for sound_id in ("../sounds/a.wav", str(source / "sounds/a.wav")):
        assert len(load(source / "sounds", sound_id)) == 13 * spec.SAMPLE_RATE_HZ


def test_a_missing_sound_is_told(source):
    with pytest.raises(UserError, match="none.ogg: no such file"):
        load(source, "sounds/none.ogg")


def test_the_folder_itself_may_be_named_by_its_parent(source):
    roundabout = source / "sounds" / ".."
    assert len(load(roundabout, "sounds/a.wav")) == 13 * spec.SAMPLE_RATE_HZ

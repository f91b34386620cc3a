import numpy as np
import pytest

from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.evaluation import gallery
from s2i_tf.media import audio

IDS = np.array([f"sound{index:02}" for index in range(20)])
LABELS = np.array([0] * 14 + [1] * 4 + [2] * 2)


def test_each_class_has_its_turn():
    chosen = gallery.draw(IDS, LABELS, 7, seed=0)
    assert LABELS[chosen].tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert len(set(chosen)) == 7


def test_the_draw_depends_on_the_seed_alone():
    assert gallery.draw(IDS, LABELS, 5, seed=1) == gallery.draw(IDS, LABELS, 5, seed=1)
    assert gallery.draw(IDS, LABELS, 5, seed=1) != gallery.draw(IDS, LABELS, 5, seed=2)


def test_no_more_than_there_are():
    assert sorted(gallery.draw(IDS, LABELS, 100, seed=0)) == list(range(20))


def described(source) -> DatasetInfo:
    """A data set of that source folder, and nothing else."""
    return DatasetInfo("name", ("a",), "float16", {}, {}, {}, {}, str(source))


@pytest.fixture
def source(tmp_path):
    tone = (100 * np.sin(np.arange(44_100) / 9)).astype(np.float32)
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "tone.wav").write_bytes(audio.encode_audio(tone, "wav"))
    (folder / "text.wav").write_text("not a sound")
    return folder


def test_what_the_model_hears_is_played(source):
    contents = gallery.load_sound(described(source), "tone.wav")
    heard = audio.load_waveform(contents)
    assert len(heard) / 22_050 == pytest.approx(6, abs=0.2)
    assert np.abs(heard).max() == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("sound_id", ["text.wav", "gone.wav", "tone.wav/x.wav", "/etc/passwd"])
def test_what_cannot_be_read_is_left_out(source, sound_id):
    assert gallery.load_sound(described(source), sound_id) is None


def test_data_without_a_source_have_no_sounds(source, monkeypatch):
    monkeypatch.chdir(source)
    assert gallery.load_sound(described(""), "tone.wav") is None

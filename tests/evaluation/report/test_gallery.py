import functools

import numpy as np
import pytest

from s2i_tf.data import source_sounds
from s2i_tf.evaluation.inputs import JudgeOutput
from s2i_tf.evaluation.report import gallery
from s2i_tf.media import audio
from tests.evaluation.conftest import make_items, make_predictions


def test_shared_labels_are_told_by_index_not_by_name(rng):
    """Two of the 1000 names stand for two labels each."""
    pictures = rng.integers(0, 255, (1, 8, 8, 3)).astype(np.uint8)
    names = ("a", "crane", "tabby, cat", "crane", "b", *map(str, range(15)))
    photo = [0, 1, 2, *range(10, 17)]
    picture = [3, 4, 2, *range(5, 10), 18, 19]
    seen, made, rebuilt = (
        JudgeOutput(np.array([labels]), np.zeros((1, 2)), pictures)
        for labels in (photo, picture, photo)
    )
    items = [make_items([1]), make_items([1], prefix="p", pictures=pictures)]
    predictions = make_predictions(
        *items,
        judge_labels=names,
        judged=seen,
        pictures={"generated": made},
        rebuilt=rebuilt,
        shown=(0,),
    )
    (example,) = gallery.examples(predictions, hide_photos=True)
    assert (example.match, example.shared) == (3, ["tabby"])
    assert example.labels["from the sound"] == ["crane", "b", "tabby"]
    assert example.pictures["real photo"].min() == 255
    assert np.array_equal(example.pictures["from the sound"], pictures[0])


def loader(source):
    return functools.partial(source_sounds.load, str(source))


@pytest.fixture
def source(tmp_path):
    tone = (100 * np.sin(np.arange(44_100) / 9)).astype(np.float32)
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "tone.wav").write_bytes(audio.encode_audio(tone, "wav"))
    (folder / "text.wav").write_text("not a sound")
    return folder


def test_what_the_model_hears_is_played(source):
    contents = gallery.played(loader(source), "tone.wav")
    heard = audio.load_waveform(contents)
    assert len(heard) / 22_050 == pytest.approx(6, abs=0.2)
    assert np.abs(heard).max() == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("sound_id", ["text.wav", "gone.wav", "tone.wav/x.wav", "/etc/passwd"])
def test_what_cannot_be_read_is_left_out(source, sound_id):
    assert gallery.played(loader(source), sound_id) is None


def test_data_without_a_source_have_no_sounds(source, monkeypatch):
    monkeypatch.chdir(source)
    assert gallery.played(None, "tone.wav") is None

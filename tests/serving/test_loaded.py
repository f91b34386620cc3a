"""A SavedModel in the place of a trained model."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

import s2i_tf
from s2i_tf.errors import UserError
from s2i_tf.serving import examples, loaded


@pytest.fixture(scope="module")
def model(exported):
    return loaded.LoadedModel(exported.folder)


def test_it_hears_and_draws_what_its_model_does(model, toy):
    waveforms = list(examples.sounds(7, 2) * np.float32(256))
    features = toy.extractor(np.stack([toy.extractor.prepare(each) for each in waveforms]))
    heard = model.listen(waveforms)
    for name, values in toy.model.listen(features).items():
        np.testing.assert_allclose(heard[name], values, atol=1e-3 * max(1, np.abs(values).max()))
    assert model.hidden_units == heard["before"].shape[1]
    assert model.image_side == toy.model.image_side
    drawn = model.draw(heard["before"], range(3), seed=7)
    for sample in range(3):
        expected = toy.model.generate(features, sample=sample, seed=7)
        np.testing.assert_allclose(drawn[:, sample], expected, atol=1e-3)
    np.testing.assert_allclose(model.draw(heard["before"]), drawn[:, :1], atol=1e-6)
    with pytest.raises(UserError, match="17 pictures of a sound; this SavedModel gives up to 16"):
        model.draw(heard["before"], range(17))


def test_the_library_takes_it_by_its_own_or_its_versions_folder(exported):
    sound = (examples.sounds(7, 1)[0], 22_050)
    one, other = (s2i_tf.load(each) for each in (exported.folder, exported.folder.parent))
    assert one.class_names == ("rain", "sea", "siren")
    np.testing.assert_array_equal(one.generate(sound), other.generate(sound))
    with pytest.raises(UserError, match="takes sounds alone; photos need the model's folder"):
        one.sounds_for(np.zeros((9, 9, 3), np.uint8))


def test_the_newest_version_is_taken(tmp_path):
    for name in ("2", "10", "9", "text"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    (tmp_path / "11").mkdir()
    assert loaded.find(tmp_path) == tmp_path / "10"
    assert loaded.find(tmp_path / "2") == tmp_path / "2"
    assert loaded.find(tmp_path / "11") is None and loaded.find(tmp_path / "none") is None


def test_another_or_a_damaged_one_is_refused(exported, tmp_path):
    broken = shutil.copytree(exported.folder, tmp_path / "broken")
    (broken / "saved_model.pb").write_bytes(b"text")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "saved_model.pb").touch()
    for folder in (broken, tmp_path / "other"):
        with pytest.raises(UserError, match="not a SavedModel that `s2i export` wrote"):
            s2i_tf.load(folder)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ("{}", "its model.json is another program's"),
        ("[]", "its model.json is another program's"),
        ("5", "its model.json is another program's"),
        ("no JSON", "Expecting value"),
        (
            '{"class_names": [], "fingerprints": {}, "extractors": {}, "image": {}, '
            '"max_pictures": "3"}',
            "an older version wrote it",
        ),
    ],
)
def test_another_program_s_is_refused(tmp_path, facts, reason):
    module = tf.Module()
    module.double = tf.function(lambda x: {"image": 2 * x}, [tf.TensorSpec([1])])
    tf.saved_model.save(module, str(tmp_path), signatures={"draw": module.double})
    (tmp_path / "assets" / "model.json").write_text(facts)
    with pytest.raises(UserError, match=reason):
        s2i_tf.load(tmp_path)

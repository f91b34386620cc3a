"""Which features the image GAN is given, and which of them have a photo."""

import types

import numpy as np
import pytest

from s2i_tf.config import Config
from s2i_tf.data import dataset_info
from s2i_tf.models import feature_map, part_file
from s2i_tf.training.stages import STAGES

BATCH = 4


@pytest.fixture(scope="module")
def make_stage(tiny_dataset, tmp_path_factory):
    """Builds the stage with some settings; those before it are left as they start."""
    workdir = tmp_path_factory.mktemp("run")

    def make(**settings):
        config = Config(data=str(tiny_dataset))
        config.multimodal.hidden_units = 16
        config.feature_gan.generator.name = "feature_decoder"
        config.feature_gan.generator.norm = "none"
        # What it makes of a sound is then one and the same each time.
        config.feature_gan.generator.noise_scale = config.feature_gan.generator.dropout = 0.0
        config.feature_gan.loss.adversarial_weight = 0.0
        config.feature_gan.generator.filters = config.image_gan.generator.filters = 2
        config.image_gan.discriminator.filters = 2
        config.image_gan.batch_size = BATCH
        for name, value in settings.items():
            setattr(config.image_gan, name, value)
        info = dataset_info.load(tiny_dataset)
        for name in ("multimodal", "feature_gan"):
            earlier = STAGES[name](config.validate(), info, workdir)
            if not part_file.exists(workdir / "model", earlier.part):
                earlier.save(earlier.build())
        stage = STAGES["image_gan"](config, info, workdir)
        stage.build()
        return stage

    return make


def given(stage):
    """A batch, and what is made of it."""
    batch = next(iter(stage.dataset(0)))
    return batch, stage.prepare(batch)


def test_a_share_of_the_features_is_made_of_the_sounds_and_keeps_its_photos(make_stage):
    plain, heard = make_stage(), make_stage(heard_share=0.5)
    batch, expected = given(plain)
    found = heard.prepare(batch)
    np.testing.assert_array_equal(found.target, expected.target)
    np.testing.assert_array_equal(found.condition[2:], expected.condition[2:])
    of_sounds = heard.lay_out(heard._features_of(batch["sound_features"][:2]))
    np.testing.assert_allclose(found.condition[:2], of_sounds, atol=1e-5)
    assert np.abs(of_sounds - expected.condition[:2]).max() > 0.1
    assert found.unpaired is None


def test_a_share_beside_the_batch_is_made_of_the_sounds_and_has_no_photo(make_stage):
    batch, found = given(make_stage(generated_share=0.5))
    _, expected = given(make_stage())
    np.testing.assert_array_equal(found.condition, expected.condition)
    assert found.unpaired.shape == (2, *found.condition.shape[1:])
    assert len(found.target) == BATCH


@pytest.mark.parametrize("share", ["heard_share", "generated_share"])
def test_they_need_the_stage_that_makes_them(make_stage, share):
    assert "feature_gan" in make_stage(**{share: 0.5}).needs
    assert "feature_gan" not in make_stage().needs


def test_a_vector_is_laid_out_as_the_finished_model_does(tiny_dataset, tmp_path, rng):
    info = dataset_info.load(tiny_dataset)
    stage = STAGES["image_gan"](Config(data=str(tiny_dataset)), info, tmp_path)
    vector = rng.normal(size=(2, 4096)).astype(np.float32)
    generator = types.SimpleNamespace(input_shape=(None, info.image_side, info.image_side, 1))
    expected = feature_map.lay_out(vector, generator)
    assert expected.shape == (2, 128, 128, 1)
    np.testing.assert_array_equal(stage.lay_out(vector), expected)

"""Training from image to sound, from pairs and without."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from keras.saving import load_model

from s2i_tf.config import Config, set_field
from s2i_tf.data import dataset_info, pipeline
from s2i_tf.errors import UserError
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.training import run
from s2i_tf.training.stages import FEATURE_GANS, STAGES, wanted
from s2i_tf.training.stages.reverse_stage import _evenly, save_sound_index

DISCO_STAGES = ("multimodal", "feature_gan")


def small(data, **changes) -> Config:
    """Both directions, all GANs of vectors."""
    config = Config(data=str(data), log_every_steps=1, checkpoint_every_steps=2, num_samples=2)
    config.image_to_sound = True
    config.multimodal.hidden_units = 8
    for gan in (config.feature_gan, config.reverse_gan):
        gan.generator.name, gan.discriminator.name = "feature_decoder", "feature_critic"
    config.image_gan.generator.name = "decoder"
    config.image_gan.discriminator.name = "patchgan"
    config.image_gan.loss.l1_weight = 1.0
    for gan in (config.feature_gan, config.reverse_gan, config.image_gan):
        gan.generator.filters = gan.discriminator.filters = 2
        gan.generator.norm = gan.discriminator.norm = "none"
        gan.generator.dropout = 0.0
    for settings in (config.multimodal, config.feature_gan, config.reverse_gan, config.image_gan):
        settings.num_steps = settings.batch_size = 2
    for name, value in changes.items():
        setattr(config, name, value)
    return config


@pytest.fixture(scope="module")
def trained(tiny_dataset, tmp_path_factory):
    return run.train(small(tiny_dataset), tmp_path_factory.mktemp("both") / "run")


def stage_of(config, workdir, name="reverse_gan"):
    return STAGES[name](config, dataset_info.load(config.data), workdir)


def test_a_run_of_both_directions_finds_sounds_for_photos(trained, tiny_dataset):
    model = SoundToImage.load(trained)
    train = pipeline.load_split(tiny_dataset, "train", with_image=False)
    assert sorted(model.sound_index.ids) == sorted(train["sound_id"])
    positions, distances = model.nearest_sounds(train["image_features"][:2], 3)
    assert positions.shape == distances.shape == (2, 3)
    # The index holds what the model's own scaler makes of the sounds.
    scaled = np.asarray(model.multimodal.sound_scaler(train["sound_features"]))
    found, apart = model.sound_index.nearest(scaled, 1)
    np.testing.assert_array_equal(model.sound_index.ids[found[:, 0]], train["sound_id"])
    assert apart.max() < 0.05
    assert (trained / "reverse_gan" / "samples" / "step_000002.png").stat().st_size > 100


def test_training_sees_what_the_finished_model_sees(trained, tiny_dataset):
    stage = stage_of(small(tiny_dataset), trained)
    trainer = stage.build()
    batch = next(iter(stage.dataset(0)))
    condition, target, context, *_ = tf.function(trainer.prepare)(batch)
    layers = SoundToImage.load(trained).multimodal
    np.testing.assert_allclose(
        condition, layers.condition_of_image(batch["image_features"]), atol=1e-4
    )
    np.testing.assert_allclose(target, layers.sound_scaler(batch["sound_features"]), atol=1e-4)
    np.testing.assert_array_equal(np.argmax(context, 1), batch["label"])
    assert trainer.discriminator.get_layer("grid").output.shape[1:] == (16, 1, 256)


def test_the_paper_s_networks_take_the_square_map(tiny_dataset, tmp_path):
    config = small(tiny_dataset)
    config.multimodal.hidden_units = 4096
    config.reverse_gan.generator.name, config.reverse_gan.discriminator.name = "unet", "patchgan"
    multimodal = stage_of(config, tmp_path, "multimodal")
    multimodal.save(multimodal.build())
    stage = stage_of(config, tmp_path)
    trainer = stage.build()
    batch = trainer.prepare(next(iter(stage.dataset(0))))
    assert batch.condition.shape == batch.target.shape == batch.context.shape == (2, 128, 128, 1)
    assert trainer.generator(batch.condition).shape == batch.target.shape


def test_the_direction_is_off_unless_it_is_asked_for(tiny_dataset, tmp_path):
    config = small(tiny_dataset, image_to_sound=False)
    assert wanted(config) == ["multimodal", "feature_gan", "image_gan"]
    assert Config().image_to_sound is False
    with pytest.raises(UserError, match="reverse_gan needs config.image_to_sound"):
        run.train(config, tmp_path / "run", ["reverse_gan"])


def test_the_direction_may_be_added_to_a_run_and_not_taken_back(tiny_dataset, tmp_path):
    run.train(small(tiny_dataset, image_to_sound=False), tmp_path / "run", ["multimodal"])
    later = small(tiny_dataset)
    later.reverse_gan.generator.filters = 3
    assert run.plan_stages(later, tmp_path / "run")[0].done
    run.train(later, tmp_path / "run", ["multimodal"])
    with pytest.raises(UserError, match="image_to_sound: True, not False"):
        run.plan_stages(small(tiny_dataset, image_to_sound=False), tmp_path / "run")


def disco_config(data, **changes):
    config = small(data, **changes)
    config.feature_gan.method = "disco"
    # Of the other direction the networks alone; all else is the feature GAN's.
    networks = config.reverse_gan
    config.reverse_gan = Config().reverse_gan
    config.reverse_gan.generator = networks.generator
    config.reverse_gan.discriminator = networks.discriminator
    config.feature_gan.loss.feature_matching_weight = 1.0
    return config


@pytest.fixture(scope="module")
def one_way(tiny_dataset, tmp_path_factory):
    """A run without pairs that leaves one direction."""
    config = disco_config(tiny_dataset, image_to_sound=False)
    return run.train(config, tmp_path_factory.mktemp("one_way") / "run", DISCO_STAGES)


def test_without_pairs_one_stage_leaves_both_directions(tiny_dataset, tmp_path):
    config = disco_config(tiny_dataset)
    workdir = run.train(config, tmp_path / "run", DISCO_STAGES)
    assert stage_of(config, workdir).done
    model_folder = workdir / "model"
    assert {path.name for path in model_folder.iterdir()} == {
        *("multimodal.keras", "feature_generator.keras", "reverse_generator.keras"),
        "sound_index.npz",
    }
    assert (workdir / "feature_gan" / "samples" / "step_000002.png").stat().st_size > 100


def test_without_pairs_one_direction_leaves_one_part(one_way):
    names = {path.name for path in (one_way / "model").iterdir()}
    assert names == {"multimodal.keras", "feature_generator.keras"}


def test_the_other_direction_may_be_had_of_a_finished_training_without_pairs(
    one_way, tiny_dataset, tmp_path
):
    workdir = shutil.copytree(one_way, tmp_path / "run")
    part = workdir / "model" / "feature_generator.keras"
    before = load_model(part).get_weights()
    later = disco_config(tiny_dataset)
    with pytest.raises(UserError, match="trains both directions in the stage feature_gan"):
        run.train(later, workdir, ["reverse_gan"])
    run.train(later, workdir, DISCO_STAGES)
    assert stage_of(later, workdir).done
    for one, other in zip(before, load_model(part).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_other_direction_is_not_begun_anew_where_its_state_is_gone(
    one_way, tiny_dataset, tmp_path
):
    workdir = shutil.copytree(one_way, tmp_path / "run")
    shutil.rmtree(workdir / "feature_gan" / "checkpoints")
    with pytest.raises(UserError, match="which has the other direction, is gone"):
        run.train(disco_config(tiny_dataset), workdir, DISCO_STAGES)


def test_the_batches_of_disco_are_no_pairs_and_go_on_where_they_were(tiny_dataset, tmp_path):
    stage = stage_of(disco_config(tiny_dataset), tmp_path, "feature_gan")
    train = pipeline.load_split(tiny_dataset, "train", with_image=False)

    def rows(dataset, num):
        """Which record each sound and each photo of some batches is of."""
        batches = list(dataset.take(num).as_numpy_iterator())
        return [
            [
                int(np.argmin(np.abs(train[key] - row).sum(axis=1)))
                for batch in batches
                for row in batch[key]
            ]
            for key in ("sound_features", "image_features")
        ]

    sounds, photos = rows(stage.dataset(0), 6)
    assert sorted(sounds) == sorted(photos) == list(range(12))
    assert sounds != photos
    later = rows(stage.dataset(4), 2)
    assert later == [sounds[8:], photos[8:]]


@pytest.mark.parametrize("loss", ["wgan_gp", "began"])
def test_what_disco_does_not_do_is_told(loss, tiny_dataset, trained):
    config = disco_config(tiny_dataset)
    config.feature_gan.loss.adversarial = loss
    with pytest.raises(UserError, match="without gradient penalty and equilibrium"):
        stage_of(config, trained, "feature_gan").check()


def test_the_methods_of_the_configuration_are_those_that_there_are(tiny_dataset):
    from s2i_tf.config import FEATURE_GAN_METHODS

    assert tuple(FEATURE_GANS) == FEATURE_GAN_METHODS
    config = small(tiny_dataset)
    config.feature_gan.method = "cycle"
    with pytest.raises(UserError, match="feature_gan.method is 'cycle'; allowed: pix2pix, disco"):
        config.validate()
    config = small(tiny_dataset)
    config.reverse_gan.method = "disco"
    with pytest.raises(UserError, match="reverse_gan.method is 'disco'; allowed: pix2pix"):
        config.validate()


def test_a_large_set_of_sounds_is_thinned_evenly(trained, tiny_dataset, tmp_path):
    ids = np.array([f"{number}" for number in range(30)])
    labels = np.array([0] * 25 + [1] * 5)
    chosen = _evenly(ids, labels, 8)
    assert list(np.bincount(labels[chosen])) == [4, 4]
    assert list(np.bincount(labels[_evenly(ids, labels, 14)])) == [9, 5]
    assert list(_evenly(ids, labels, 99)) == list(range(30))
    layers = SoundToImage.load(trained).multimodal
    path = save_sound_index(layers, str(tiny_dataset), tmp_path, max_sounds=5)
    assert len(np.load(path)["ids"]) == 5


def test_without_an_adversarial_loss_there_is_no_discriminator(trained, tiny_dataset, tmp_path):
    config = small(tiny_dataset)
    gan = config.feature_gan
    gan.discriminator = Config().feature_gan.discriminator
    gan.loss.adversarial_weight, gan.loss.l1_weight, gan.loss.energy_weight = 0.0, 0.0, 1.0
    stage = stage_of(config.validate(), trained, "feature_gan")
    trainer = stage.build()
    assert trainer.discriminator is None and not hasattr(trainer, "discriminator_optimizer")
    logs = trainer.train_step(next(iter(stage.dataset(0))))
    assert set(logs) == {
        *("generator_l1", "generator_energy", "generator_total", "generator_gradient_norm")
    }
    assert logs["generator_total"] == logs["generator_energy"] > 0


@pytest.mark.parametrize(
    ("name", "key_id", "kind"),
    [("feature_gan", "image_id", "image"), ("reverse_gan", "sound_id", "sound")],
)
def test_typical_is_the_mean_condition_of_the_classes_of_the_other_side(
    trained, tiny_dataset, name, key_id, kind
):
    config = small(tiny_dataset)
    getattr(config, name).generator.typicality = 0.5
    trainer = stage_of(config, trained, name).build()
    split = pipeline.load_split(tiny_dataset, "train", with_image=False)
    _, once = np.unique(split[key_id], return_index=True)
    layers = SoundToImage.load(trained).multimodal
    condition = getattr(layers, f"condition_of_{kind}")(split[f"{kind}_features"][once])
    labels = split["label"][once]
    means = [np.asarray(condition)[labels == k].mean(axis=0) for k in range(labels.max() + 1)]
    centres = trainer.generator.get_layer("typical").centres
    np.testing.assert_allclose(centres, means, atol=1e-4)


def test_settings_that_the_networks_cannot_follow_are_refused_before_training(
    tiny_dataset, tmp_path
):
    for changes, message in (
        ({"generator.noise_scale": 0.5, "generator.name": "unet"}, "takes no noise"),
        ({"generator.typicality": 0.5, "generator.name": "unet"}, "typicality is 0.5 without"),
        ({"discriminator.name": "patchgan"}, "both of maps or both of vectors"),
        ({"loss.augment": "color"}, "vectors cannot be augmented"),
    ):
        config = small(tiny_dataset)
        for name, value in changes.items():
            set_field(config, f"feature_gan.{name}", value)
        with pytest.raises(UserError, match=message):
            run.plan_stages(config, tmp_path / "run")

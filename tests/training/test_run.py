import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf import files
from s2i_tf.config import Config, set_field
from s2i_tf.data import dataset_info, trained_on
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError
from s2i_tf.media import audio
from s2i_tf.models import feature_map
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.training import loop, run
from s2i_tf.training.loop import METRICS_FILE
from s2i_tf.training.stages import STAGES


def smoke_config(data, **changes) -> Config:
    config = Config(data=str(data), log_every_steps=1, checkpoint_every_steps=2, num_samples=2)
    # Not the paper's map of 4096 values, whose layers alone are 134 MB and as much a checkpoint.
    config.multimodal.hidden_units = 64
    config.feature_gan.generator.name = "feature_decoder"
    config.feature_gan.generator.norm = "none"
    config.feature_gan.loss.adversarial_weight = 0.0  # its discriminator takes the map too
    config.feature_gan.generator.filters = config.image_gan.generator.filters = 2
    config.image_gan.discriminator.filters = 2
    config.image_gan.discriminator.num_layers = 1
    for settings in (config.multimodal, config.feature_gan, config.image_gan):
        settings.num_steps = 4
        settings.batch_size = 2
    for name, value in changes.items():
        setattr(config, name, value)
    return config


def metrics(workdir: pathlib.Path, stage: str) -> list[dict]:
    return [json.loads(line) for line in (workdir / stage / METRICS_FILE).read_text().splitlines()]


@pytest.fixture(scope="module")
def small_dataset(make_dataset, tmp_path_factory):
    """With the smallest pictures, whose networks are traced and trained in the least time."""
    return make_dataset(tmp_path_factory.mktemp("data") / "small", image_side=64)


@pytest.fixture(scope="module")
def trained(small_dataset, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("trained") / "run"
    return run.train(smoke_config(small_dataset), workdir)


def test_a_run_leaves_a_model_losses_samples_and_what_repeats_it(trained, small_dataset):
    model = SoundToImage.load(trained)
    assert model.generate(np.zeros((1, 4096), np.float32)).shape == (1, 64, 64, 3)
    assert model.recipe == json.loads(json.dumps(smoke_config(small_dataset).recipe()))
    for stage, loss in (
        ("multimodal", "label_cross_entropy"),
        ("feature_gan", "generator_l1"),
        ("image_gan", "discriminator"),
    ):
        logged = metrics(trained, stage)
        assert [line["step"] for line in logged] == [1, 2, 3, 4]
        assert all(np.isfinite(line[loss]) for line in logged)
    assert (trained / "image_gan" / "samples" / "step_000004.png").stat().st_size > 100
    facts = json.loads((trained / "run.json").read_text())
    assert {"seed", "versions", "data"} <= set(facts)
    assert not [path for path in trained.rglob("*") if ".tmp" in path.name]


@pytest.mark.parametrize("name", ["feature_gan", "image_gan"])
def test_training_sees_what_the_finished_model_sees(name, trained, small_dataset):
    """The condition and the target of a traced step are those of the saved multimodal layers."""
    info = dataset_info.load(small_dataset)
    stage = STAGES[name](smoke_config(small_dataset), info, trained)
    trainer = stage.build()
    batch = next(iter(stage.dataset(0)))
    condition, target, *_ = tf.function(trainer.prepare)(batch)

    layers = SoundToImage.load(trained).multimodal
    sound = layers.condition_of_sound(batch["sound_features"])
    image = layers.image_scaler(batch["image_features"])
    expected = sound if name == "feature_gan" else feature_map.to_map(image, side=64)
    np.testing.assert_allclose(condition, expected, atol=1e-4)
    if name == "feature_gan":
        np.testing.assert_allclose(target, image, atol=1e-4)
    assert np.std(expected) > 0.5


def test_a_finished_run_is_not_trained_again(trained, small_dataset):
    before = {path: path.stat().st_mtime_ns for path in (trained / "model").glob("*.keras")}
    run.train(smoke_config(small_dataset), trained)
    assert len(before) == 3
    assert before == {path: path.stat().st_mtime_ns for path in (trained / "model").glob("*.keras")}


def test_another_configuration_is_refused_by_field(trained, small_dataset):
    config = smoke_config(small_dataset)
    config.image_gan.generator.filters = 3
    with pytest.raises(UserError, match="generator.filters: 2, not 3"):
        run.train(config, trained)


def test_a_stage_may_be_trained_longer_than_first_planned(small_dataset, tmp_path):
    whole = run.train(
        longer(smoke_config(small_dataset), "multimodal", 7), tmp_path / "whole", ["multimodal"]
    )
    workdir = tmp_path / "grown"
    for num_steps in (4, 6, 7, 7):
        config = longer(smoke_config(small_dataset), "multimodal", num_steps)
        [stage] = run.plan_stages(config, workdir, ["multimodal"])
        run.train(config, workdir, ["multimodal"])
        assert stage.done and len(metrics(workdir, "multimodal")) == num_steps
    for one, other in zip(
        metrics(whole, "multimodal"), metrics(workdir, "multimodal"), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-4)
    assert json.loads((workdir / "run.json").read_text())["lengthened"] == [
        {"stage": "multimodal", "from": 4, "to": 6},
        {"stage": "multimodal", "from": 6, "to": 7},
    ]
    with pytest.raises(UserError, match="multimodal.num_steps: 7, not 5"):
        run.plan_stages(longer(smoke_config(small_dataset), "multimodal", 5), workdir)


def test_no_stage_grows_away_from_those_that_were_trained_on_it(trained, small_dataset):
    config = longer(smoke_config(small_dataset), "multimodal", 5)
    with pytest.raises(UserError, match="feature_gan was trained on what multimodal had left"):
        run.train(config, trained)


def test_a_finished_stage_without_its_saved_state_cannot_grow(trained, small_dataset, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    config = longer(smoke_config(small_dataset), "image_gan", 5)
    assert [stage.done for stage in run.plan_stages(config, copy)] == [True, True, False]
    shutil.rmtree(copy / "image_gan" / "checkpoints")
    with pytest.raises(UserError, match="the saved state of image_gan is gone"):
        run.plan_stages(config, copy)


def longer(config, stage, num_steps):
    getattr(config, stage).num_steps = num_steps
    return config


@pytest.fixture(scope="module")
def trained_on_large(make_dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    config = smoke_config(make_dataset(folder / "data", image_side=256))
    for settings in (config.multimodal, config.feature_gan, config.image_gan):
        settings.num_steps = 1
    return run.train(config, folder / "run")


@pytest.mark.parametrize(("side", "name"), [(64, "trained"), (256, "trained_on_large")])
def test_pictures_of_another_size_from_records_to_the_model(side, name, request):
    workdir = request.getfixturevalue(name)
    model = SoundToImage.load(workdir)
    assert model.image_side == side
    assert model.image_generator.input_shape == (None, side, side, 1)
    assert model.generate(np.zeros((1, 4096), np.float32)).shape == (1, side, side, 3)
    assert json.loads((workdir / "model" / "model.json").read_text())["image_side"] == side


def test_another_size_than_the_data_s_is_refused(small_dataset, tmp_path):
    config = smoke_config(small_dataset, image_side=128)
    with pytest.raises(UserError, match="image_side is 128, but the pictures of .* are 64 px wide"):
        run.plan_stages(config, tmp_path / "run")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("image_gan.generator.name", "unett", "image_gan.generator.name 'unett'; known: .*unet"),
        ("image_gan.generator.norm", "bach", "image_gan.generator.norm 'bach'; known: batch"),
        ("image_gan.generator.start", "nowhere", "'nowhere', where there is no image_generator"),
        ("image_gan.discriminator.name", "patchgone", "discriminator.name 'patchgone'; known"),
        ("image_gan.discriminator.name", "feature_critic", "norm 'batch'; known: none, spectral"),
        ("image_gan.loss.adversarial", "hindge", "loss.adversarial 'hindge'; known"),
        ("image_gan.loss.augment", "colour", "augmentation 'colour'; known: color"),
        ("judge", "inceptoin", "config.judge 'inceptoin'; known"),
        ("judge", "yamnet", "config.judge 'yamnet'; known: efficientnet_lite0"),
    ],
)
def test_a_misspelt_name_is_refused_before_any_stage_is_trained(
    field, value, message, small_dataset, tmp_path
):
    config = smoke_config(small_dataset)
    set_field(config, field, value)
    with pytest.raises(UserError, match=message):
        run.plan_stages(config, tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"discriminator.norm": "batch"}, "gradient penalty is each example's own; allowed: 'ins"),
        ({"discriminator.name": "projected"}, "'projected', which looks through a net"),
        (
            {"discriminator.name": "projected", "loss.backbone": "vgg"},
            "image_gan.loss.backbone 'vgg'; known: efficientnet_lite2",
        ),
        (
            {"discriminator.name": "projected", "loss.backbone": "efficientnet_lite2"},
            "penalises gradients at pictures",
        ),
        ({"loss.adversarial": "began"}, "errors of reproduction; allowed: 'autoencoder'"),
        ({"loss.class_weight": 0.5, "loss.perceptual_weight": 1.0}, "allowed: 'projected'"),
    ],
)
def test_losses_that_a_discriminator_cannot_have_are_refused(
    changes, message, small_dataset, tmp_path
):
    config = smoke_config(small_dataset)
    gan = config.image_gan
    gan.loss.adversarial, gan.discriminator.norm = "wgan_gp", "none"
    if "loss.class_weight" in changes:
        gan.loss.backbone = "efficientnet_lite2"
    for field, value in changes.items():
        set_field(config, f"image_gan.{field}", value)
    with pytest.raises(UserError, match=message):
        run.plan_stages(config, tmp_path / "run")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("image_gan.discriminator.num_layers", 9, "layers"),
        ("image_gan.generator.name", "feature_decoder", "feature_decoder"),
        ("feature_gan.generator.start", "TRAINED", "is not compatible"),
    ],
)
def test_networks_that_cannot_be_are_refused_before_a_stage_before_them_is_trained(
    field, value, message, trained, small_dataset, tmp_path
):
    config = smoke_config(small_dataset)
    config.feature_gan.generator.filters *= 2
    set_field(config, field, str(trained / "model") if value == "TRAINED" else value)
    with pytest.raises(UserError, match=message):
        run.train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_a_training_started_with_may_have_moved_and_its_data_stay_known(
    trained, small_dataset, tmp_path, monkeypatch
):
    config = smoke_config(small_dataset)
    start = tmp_path / "start"
    shutil.copytree(trained / "model", start)
    elsewhere = TrainedOn(recordings=trained_on._hashes("recording", ["elsewhere"]))
    files.write_json(start / "trained_on.json", elsewhere.as_dict())
    config.image_gan.generator.start = str(start)
    workdir = run.train(config, tmp_path / "run", ["multimodal"])
    with monkeypatch.context() as patch:
        patch.setattr(run, "_all_stages", lambda *_: [])  # all of which are done
        run._describe_model(config, workdir)
    known = TrainedOn.from_dict(files.read_json(workdir / "model/trained_on.json"), "the run")
    assert known == elsewhere | TrainedOn.of_split(small_dataset)
    assert known.knows("sound", "new.wav", {"elsewhere"}, "0" * 16)
    assert known.knows("sound", "new.wav", {"train3"}, "0" * 16)
    (workdir / "model/model.json").unlink()
    start.rename(tmp_path / "moved")
    with pytest.raises(UserError, match="where there is no image_generator"):
        run.plan_stages(config, tmp_path / "run")
    config.image_gan.generator.start = str(tmp_path / "moved")
    assert run.plan_stages(config, tmp_path / "run")[0].done


@pytest.mark.parametrize("name", ["run.json", "multimodal/trained.json"])
def test_a_damaged_file_of_a_run_is_named(name, trained, small_dataset, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(trained, workdir)
    (workdir / name).write_text('{"num')
    with pytest.raises(UserError, match=f"{name}: cannot be read as JSON"):
        run.train(smoke_config(small_dataset), workdir)


def test_a_stage_goes_on_with_its_backend(trained, small_dataset, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(trained, workdir)
    recorded = files.read_json(workdir / "run.json")
    recorded["versions"]["jax"] = recorded["versions"].pop("tensorflow")
    files.write_json(workdir / "run.json", recorded)
    config = smoke_config(small_dataset)
    assert run.plan_stages(config, workdir)[0].done
    (workdir / "model/image_generator.keras").unlink()
    with pytest.raises(UserError, match="image_gan was begun on another backend than tensorflow"):
        run.plan_stages(config, workdir)


def test_two_runs_in_one_folder_are_refused(small_dataset, tmp_path):
    workdir = tmp_path / "run"
    workdir.mkdir()
    with (
        files.locked(workdir / ".lock", "never"),
        pytest.raises(UserError, match="run: another s2i train is at work there"),
    ):
        run.train(smoke_config(small_dataset), workdir)
    assert [path.name for path in workdir.iterdir()] == [".lock"]


def test_unknown_sounds_may_move_but_come_to_no_run_that_had_none(small_dataset, tmp_path):
    config = smoke_config(small_dataset, hearing=True)
    workdirs = tmp_path / "without", tmp_path / "with"
    for name in ("there", "moved"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_bytes(audio.encode_audio(np.zeros(9, "f4"), "wav"))
    for workdir, sounds in zip(workdirs, ("", str(tmp_path / "there")), strict=True):
        workdir.mkdir()
        config.unknown_sounds = sounds
        config.save(workdir)
    config.unknown_sounds = str(tmp_path / "moved")
    assert run.plan_stages(config, workdirs[1])
    with pytest.raises(UserError, match="a run of another configuration .*unknown_sounds"):
        run.plan_stages(config, workdirs[0])


def test_a_folder_of_unknown_sounds_that_is_not_there_is_refused_at_once(small_dataset, tmp_path):
    config = smoke_config(small_dataset)
    config.hearing, config.unknown_sounds = True, str(tmp_path / "nowhere")
    with pytest.raises(UserError, match="config.unknown_sounds is .*, which is no folder"):
        run.plan_stages(config, tmp_path / "run")


def test_other_data_is_refused(trained, make_dataset, tmp_path):
    other = make_dataset(tmp_path / "other", num_train=8, image_side=64)
    with pytest.raises(UserError, match="a run on other data"):
        run.train(smoke_config(other), trained)


def test_a_folder_that_holds_something_else_is_refused(small_dataset, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="holds something else"):
        run.train(smoke_config(small_dataset), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_stage_needs_the_one_before(small_dataset, tmp_path):
    with pytest.raises(UserError, match="feature_gan needs the stage multimodal first"):
        run.train(smoke_config(small_dataset), tmp_path / "run", ["feature_gan"])


def test_an_unknown_stage_lists_the_known_ones(small_dataset, tmp_path):
    with pytest.raises(UserError, match="known: feature_gan, image_gan, multimodal"):
        run.train(smoke_config(small_dataset), tmp_path / "run", ["gan"])
    assert not (tmp_path / "run").exists()


def test_a_run_that_stopped_goes_on_from_its_checkpoint(small_dataset, tmp_path, monkeypatch):
    config = smoke_config(small_dataset)
    whole = run.train(config, tmp_path / "whole", ["multimodal"])

    from s2i_tf.training.stages import MultimodalStage

    def stop(self, trainer, step):
        if step == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MultimodalStage, "draw_samples", stop)
        with pytest.raises(KeyboardInterrupt):
            run.train(config, tmp_path / "stopped", ["multimodal"])
    stopped = run.train(config, tmp_path / "stopped", ["multimodal"])
    for one, other in zip(
        metrics(whole, "multimodal"), metrics(stopped, "multimodal"), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-4)


def test_a_loss_that_is_not_finite_stops_the_run(small_dataset, tmp_path):
    config = smoke_config(small_dataset)
    config.multimodal.learning_rate = 1e30
    with pytest.raises(UserError, match=r"multimodal: .* not finite between steps"):
        run.train(config, tmp_path / "run", ["multimodal"])


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_gan_trains_in_half_precision_with_everything_switched_on(
    precision, trained, small_dataset, tmp_path
):
    config = smoke_config(
        small_dataset, precision=precision, steps_per_call=2, accumulation_steps=2, clip_norm=1.0
    )
    config.image_gan.optimizer.ema_decay = 0.9
    stage = STAGES["image_gan"](config, dataset_info.load(small_dataset), trained)
    trainer = stage.build()
    before = [variable.numpy() for variable in trainer.generator.trainable_variables]
    settings = loop.LoopSettings(6, 2, 3, 4, steps_per_call=config.steps_per_call)
    (tmp_path / "image_gan").mkdir()
    loop.train(trainer, stage.dataset, tmp_path / "image_gan", settings, name=stage.name)

    logged = metrics(tmp_path, "image_gan")
    assert [line["step"] for line in logged] == [3, 6]
    assert all(np.isfinite(value) for line in logged for value in line.values())
    after = [variable.numpy() for variable in trainer.generator.trainable_variables]
    assert all(value.dtype == np.float32 for value in after)
    assert any(np.abs(one - other).max() > 0 for one, other in zip(before, after, strict=True))
    scaled = isinstance(trainer.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")


def test_other_versions_than_the_run_began_with_are_warned_about(
    small_dataset, tmp_path, monkeypatch, caplog
):
    config = smoke_config(small_dataset)
    monkeypatch.setattr(run, "_train_stage", lambda stage, should_stop: None)
    workdir = run.train(config, tmp_path / "run", ["multimodal"])
    facts = json.loads((workdir / "run.json").read_text())
    assert {"devices", "extractors", "nets"} <= set(facts)
    facts["versions"]["keras"] = "0.1"
    (workdir / "run.json").write_text(json.dumps(facts))
    with caplog.at_level("WARNING"):
        run.train(config, workdir, ["multimodal"])
    assert "begun with keras 0.1, goes on with" in caplog.text


def test_a_description_says_what_a_stage_would_do(small_dataset, trained):
    stages = run.plan_stages(smoke_config(small_dataset), trained)
    assert [run.describe(stage) for stage in stages] == [
        "multimodal: done",
        "feature_gan: done",
        "image_gan: done",
    ]

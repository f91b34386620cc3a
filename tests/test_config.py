import dataclasses
import json
import pathlib
import runpy

import pytest

from s2i_tf import config as config_lib
from s2i_tf import config_files
from s2i_tf.config import Config, set_field
from s2i_tf.errors import UserError

ROOT = pathlib.Path(__file__).resolve().parents[1]
CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_valid_and_says_how_to_run_it(path):
    module = runpy.run_path(str(path))
    config = module["get_config"]()
    config.data = "somewhere"
    assert config.validate() is config
    assert "s2i train --config=" in module["__doc__"]
    assert "Cost:" in module["__doc__"]


def test_a_configuration_survives_its_file(tmp_path):
    config = Config(data="x", seed=3)
    config.image_gan.generator.filters = 7
    config.save(tmp_path)
    assert config_files.load(tmp_path) == config


def test_differences_name_fields_and_values():
    one, other = Config(), Config()
    other.image_gan.loss.l1_weight = 3.0
    assert config_lib.differences(one, other) == ["image_gan.loss.l1_weight: 100.0, not 3.0"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("data", "", "config.data is empty"),
        ("precision", "float8", "allowed: float32, mixed_bfloat16, mixed_float16, auto"),
        ("image_gan.precision", "half", "image_gan.precision is 'half'; allowed: , float32"),
        ("strategy", "tpu", "allowed: one_device, mirrored, multi_worker"),
        ("steps_per_call", 0, "config.steps_per_call is 0; allowed: above 0"),
        ("accumulation_steps", 0, "config.accumulation_steps is 0; allowed: above 0"),
        ("clip_norm", -1.0, "allowed: 0 or more"),
        ("multimodal.scaling", "whiten", "allowed: none, standardize"),
        (
            "image_gan.generator.filters",
            0,
            "config.image_gan.generator.filters is 0; allowed: above 0",
        ),
        ("feature_gan.generator.dropout", 1.5, "allowed: 0 to 1"),
        ("image_gan.num_steps", -1, "allowed: above 0"),
        ("image_gan.loss.l1_weight", -1.0, "allowed: 0 or more"),
        ("image_gan.optimizer.learning_rate", float("nan"), "allowed: above 0"),
        ("image_gan.discriminator.learning_rate", -1.0, "allowed: 0 or more"),
        ("image_gan.optimizer.learning_rate", float("inf"), "allowed: 0 or more, finite"),
        ("seed", 2**40, "config.seed is 1099511627776; allowed: 0 to 429496728"),
        ("image_side", 100, "allowed: 0, 64, 128, 256"),
        ("image_gan.repair_pairs", True, "repair_pairs needs config.image_gan.balanced"),
        ("image_gan.loss.perceptual_weight", 1.0, "perceptual_weight needs loss.backbone"),
    ],
)
def test_validate_names_the_field_the_value_and_what_is_allowed(field, value, message):
    config = Config(data="x")
    set_field(config, field, value)
    with pytest.raises(UserError, match=message):
        config.validate()


def test_pairs_drawn_anew_have_no_photo_of_what_is_heard():
    config = Config(data="x")
    config.image_gan.balanced = config.image_gan.repair_pairs = True
    config.image_gan.heard_share = 0.5
    with pytest.raises(UserError, match="heard_share needs pairs as they are"):
        config.validate()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"multimodal.temperature": 0.2}, "multimodal.temperature"),
        ({"image_gan.loss.cycle_weight": 2.0}, "image_gan.loss.cycle_weight"),
        ({"image_gan.loss.energy_weight": 2.0}, "image_gan.loss.energy_weight"),
        (
            {"image_gan.loss.pooled_energy_weight": 2.0},
            "image_gan.loss.pooled_energy_weight",
        ),
        (
            {"reverse_gan.loss.pooled_energy_weight": 2.0},
            "reverse_gan.loss.pooled_energy_weight",
        ),
        ({"image_gan.loss.backbone": "efficientnet_lite2"}, "image_gan.loss.backbone"),
        ({"feature_gan.generated_share": 0.5}, "feature_gan.generated_share"),
        ({"feature_gan.heard_share": 0.5}, "feature_gan.heard_share"),
        (
            {"feature_gan.loss.adversarial_weight": 0.0, "feature_gan.discriminator.filters": 8},
            "feature_gan.discriminator.filters",
        ),
        (
            {"image_gan.loss.adversarial_weight": 0.0, "image_gan.loss.augment": "color"},
            "image_gan.loss.augment",
        ),
        (
            {"feature_gan.loss.adversarial_weight": 0.0, "feature_gan.loss.adversarial": "hinge"},
            "feature_gan.loss.adversarial",
        ),
        (
            {"feature_gan.method": "disco", "feature_gan.optimizer.ema_decay": 0.9},
            "feature_gan.optimizer.ema_decay",
        ),
        ({"feature_gan.method": "disco", "reverse_gan.num_steps": 7}, "reverse_gan.num_steps"),
        (
            {"feature_gan.method": "disco", "reverse_gan.loss.l1_weight": 7.0},
            "reverse_gan.loss.l1_weight",
        ),
    ],
)
def test_a_setting_without_effect_is_refused_by_name(changes, field):
    config = changed(Config(data="x"), changes)
    with pytest.raises(UserError, match=f"config.{field} is .* without effect"):
        config.validate()


def test_what_a_method_does_read_is_allowed():
    changed(
        Config(data="x"),
        {
            "multimodal.temperature": 0.2,
            "multimodal.pair_contrastive_weight": 1.0,
            "feature_gan.method": "disco",
            "feature_gan.loss.cycle_weight": 2.0,
            "feature_gan.discriminator.loss_weight": 1.0,
            "reverse_gan.generator.filters": 8,
            "image_gan.loss.backbone": "efficientnet_lite2",
            "image_gan.loss.perceptual_weight": 1.0,
            "image_gan.loss.adversarial_weight": 0.0,
            "image_gan.loss.augment": "color",
        },
    ).validate()


def changed(config, changes):
    for field, value in changes.items():
        set_field(config, field, value)
    return config


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_step", 7, "GanConfig has no field 'num_step'; did you mean 'num_steps'"),
        ("xyz", 7, "GanConfig has no field 'xyz'$"),
        ("num_steps", "7", "GanConfig.num_steps is '7'; allowed: a value of type int"),
        ("num_steps", 7.5, "num_steps is 7.5"),
        ("num_steps", True, "num_steps is True"),
        ("balanced", 1, "balanced is 1; allowed: a value of type bool"),
        ("loss", "hinge", "loss is 'hinge'; allowed: a value of type LossConfig"),
    ],
)
def test_a_field_that_there_is_not_and_another_type_are_refused_where_they_are_set(
    name, value, message
):
    with pytest.raises(UserError, match=message):
        setattr(Config().image_gan, name, value)


def test_a_whole_number_may_stand_for_a_float():
    config = Config(clip_norm=1)
    assert config.clip_norm == 1.0 and type(config.clip_norm) is float


def test_a_run_s_file_of_the_first_version_is_read_into_the_groups_of_this_one(tmp_path):
    old = {
        "method": "pix2pix",
        "cycle_weight": 1.0,
        "generator": {"name": "unet", "filters": 7},
        "discriminator": {"name": "feature_critic", "filters": 32},
        "loss": "hinge",
        "adversarial_weight": 2.0,
        "l1_weight": 3.0,
        "backbone": "",
        "augment": "color",
        "discriminator_weight": 0.5,
        "num_discriminator_steps": 2,
        "discriminator_learning_rate": 1e-4,
        "learning_rate": 1e-3,
        "beta_1": 0.0,
        "adam_epsilon": 1e-6,
        "ema_decay": 0.9,
        "batch_size": 5,
        "num_steps": 6,
    }
    watched = {**old, "adversarial_weight": 0.0, "augment": ""}
    (tmp_path / config_lib.FILE_NAME).write_text(
        json.dumps({"data": "x", "image_gan": old, "reverse_gan": watched})
    )
    config = config_files.load(tmp_path).validate()
    gan = config.image_gan
    assert (gan.generator.filters, gan.batch_size, gan.num_steps) == (7, 5, 6)
    assert gan.discriminator == config_lib.DiscriminatorConfig(
        "feature_critic", 32, loss_weight=0.5, updates_per_step=2, learning_rate=1e-4
    )
    assert gan.loss == config_lib.LossConfig("hinge", 2.0, 3.0, augment="color")
    assert gan.optimizer == config_lib.OptimizerConfig(1e-3, 0.0, epsilon=1e-6, ema_decay=0.9)
    # Its discriminator only watched, so that now there is none.
    usual = Config().reverse_gan
    assert not config.reverse_gan.has_discriminator
    assert config.reverse_gan.discriminator == usual.discriminator
    assert config.reverse_gan.loss == config_lib.LossConfig("vanilla", 0.0, 3.0)
    assert config.reverse_gan.generator.filters == 7
    assert config.feature_gan == usual


def test_the_shipped_model_s_recipe_loads_whatever_version_it_is_of():
    [path] = (ROOT / "s2i_tf" / "pretrained").rglob("model.json")
    recipe = config_files.from_dict(json.loads(path.read_text())["recipe"], str(path))
    recipe.data = "somewhere"
    recipe.validate()
    assert not recipe.feature_gan.has_discriminator and not recipe.reverse_gan.has_discriminator
    assert recipe.feature_gan.loss.energy_weight == 1.0
    assert recipe.image_gan.has_discriminator
    assert recipe.image_gan.loss.adversarial == "hinge"
    assert recipe.image_gan.loss.backbone == "efficientnet_lite2"
    assert recipe.image_gan.optimizer.ema_decay > 0


def test_a_bare_name_finds_a_packaged_configuration_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_files.read_file("realpairs/best").image_to_sound
    assert {"demo", "smoke", "paper/pix2pix"} <= set(config_files.packaged())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("realpairs/bets", "no configuration 'realpairs/bets' comes with the package; did you "),
        ("nothere.py", "nothere.py: there is no such configuration file"),
        ("typo.py", r"typo.py, line 6: GanConfig has no field 'num_step'; did you mean"),
        ("broken.py", r"broken.py, line 2: ZeroDivisionError: division by zero"),
        ("syntax.py", r"syntax.py: SyntaxError"),
        ("without.py", r"without.py: AttributeError: .*get_config"),
        ("other.py", r"other.py: get_config\(\) returns NoneType; allowed: a Config"),
        ("typo.py:argument", r"typo.py: TypeError: .*argument"),
    ],
)
def test_a_mistake_in_a_configuration_file_is_answered_by_its_line(
    name, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    body = "from s2i_tf.config import Config\n\n\ndef get_config():\n    config = Config()\n"
    for file, text in {
        "typo.py": f"{body}    config.image_gan.num_step = 7\n    return config\n",
        "broken.py": "def get_config():\n    return 1 / 0\n",
        "syntax.py": "def get_config(:\n",
        "without.py": "x = 1\n",
        "other.py": "def get_config():\n    pass\n",
    }.items():
        (tmp_path / file).write_text(text)
    with pytest.raises(UserError, match=message):
        config_files.read_file(name)


def test_an_unknown_field_in_a_run_s_file_is_named_with_the_nearest(tmp_path):
    values = dataclasses.asdict(Config())
    values["multimodal"]["batchsize"] = 3
    (tmp_path / config_lib.FILE_NAME).write_text(json.dumps(values))
    with pytest.raises(UserError, match="no field 'batchsize'; did you mean 'batch_size'"):
        config_files.load(tmp_path)


def test_a_group_of_a_run_s_file_that_is_none_is_named():
    values = {"image_gan": {"optimizer": 3, "beta_1": 0.5}}
    with pytest.raises(UserError, match="old.json: not a configuration: OptimizerConfig is 3"):
        config_files.from_dict(values, "old.json")


@pytest.mark.parametrize("contents", ["", "{", "[1]", '{"seed": {'])
def test_a_damaged_file_is_one_clear_error(tmp_path, contents):
    (tmp_path / config_lib.FILE_NAME).write_text(contents)
    with pytest.raises(UserError, match="cannot be read|no JSON object"):
        config_files.load(tmp_path)


def test_names_without_a_fit_are_refused():
    config = Config(data="x")
    config.multimodal.label_names = True
    with pytest.raises(UserError, match="label_names is True without effect: nothing is fitted"):
        config.validate()


def test_unknown_sounds_that_nobody_would_hear_are_refused():
    with pytest.raises(UserError, match="unknown_sounds is 'other' without effect"):
        Config(data="x", unknown_sounds="other").validate()


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="not a run folder"):
        config_files.load(tmp_path)


def test_the_demo_has_two_recipes_and_refuses_a_third():
    working, paper = (config_files.read_file(f"demo:{name}") for name in ("working", "paper"))
    assert working == config_files.read_file("demo") and working != paper
    with pytest.raises(UserError, match="unknown recipe 'papre'; known: paper, working"):
        config_files.read_file("demo:papre")


@pytest.mark.parametrize("code", ["", "1", "'stop'"])
def test_a_file_that_ends_the_process_is_a_mistake(tmp_path, code):
    path = tmp_path / "config.py"
    path.write_text(f"import sys\nsys.exit({code})\n")
    with pytest.raises(UserError, match="config.py, line 2: SystemExit"):
        config_files.read_file(str(path))

import dataclasses
import json
import pathlib
import runpy

import pytest

from s2i_tf import config as config_lib
from s2i_tf.config import Config
from s2i_tf.errors import UserError

CONFIGS = sorted(
    path
    for path in (pathlib.Path(__file__).resolve().parents[1] / "configs").rglob("*.py")
    if path.name != "__init__.py"
)


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
    assert config_lib.load(tmp_path) == config


def test_differences_name_fields_and_values():
    one, other = Config(), Config()
    other.image_gan.l1_weight = 3.0
    assert config_lib.differences(one, other) == ["image_gan.l1_weight: 100.0, not 3.0"]


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
        ("image_gan.l1_weight", -1.0, "allowed: 0 or more"),
        ("image_gan.learning_rate", float("nan"), "allowed: above 0"),
    ],
)
def test_validate_names_the_field_the_value_and_what_is_allowed(field, value, message):
    config = Config(data="x")
    *parents, name = field.split(".")
    owner = config
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, name, value)
    with pytest.raises(UserError, match=message):
        config.validate()


def test_an_unknown_field_in_a_run_s_file_is_named_with_the_nearest(tmp_path):
    values = dataclasses.asdict(Config())
    values["multimodal"]["batchsize"] = 3
    (tmp_path / config_lib.FILE_NAME).write_text(json.dumps(values))
    with pytest.raises(UserError, match="unknown field 'batchsize'; 'batch_size'"):
        config_lib.load(tmp_path)


@pytest.mark.parametrize("contents", ["", "{", "[1]", '{"seed": {'])
def test_a_damaged_file_is_one_clear_error(tmp_path, contents):
    (tmp_path / config_lib.FILE_NAME).write_text(contents)
    with pytest.raises(UserError, match="cannot be read|not a configuration"):
        config_lib.load(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="not a run folder"):
        config_lib.load(tmp_path)

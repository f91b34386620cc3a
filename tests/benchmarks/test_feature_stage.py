from benchmarks import feature_stage
from s2i_tf import model_folder
from s2i_tf.config import Config, set_field
from s2i_tf.config_files import from_dict
from s2i_tf.pretrained import REALPAIRS


def test_the_chosen_variant_is_what_ships():
    recipe = model_folder.read_description(REALPAIRS)["recipe"]
    shipped = from_dict({**recipe, "data": "x"}, "the model").validate().feature_gan
    for name, (_, changes, scales) in feature_stage.VARIANTS.items():
        config = from_dict({**recipe, "data": "x"}, "the model")
        for setting, value in changes.items():
            set_field(config, f"feature_gan.{setting}", value)
        assert isinstance(config.validate(), Config)
        is_shipped = config.feature_gan == shipped and shipped.generator.noise_scale in scales
        assert is_shipped == (name == "both")


def test_a_line_has_the_mean_and_the_spread_of_the_seeds():
    def row(seed, noise, value):
        values = dict.fromkeys(feature_stage.COLUMNS, value)
        return {"name": "both", "seed": seed, "noise": noise, **values}

    found = list(feature_stage.lines([row(0, 0.6, 0.5), row(1, 0.6, 0.7), row(0, 0.45, 0.25)]))
    title = feature_stage.VARIANTS["both"][0]
    assert found == [
        [title, "0.45", "1", "25.0%", "25.0%", "0.25", "0.2500"],
        [title, "0.6", "2", "60.0% ± 14.1%", "60.0% ± 14.1%", "0.60 ± 0.14", "0.6000 ± 0.1414"],
    ]

import numpy as np
import pytest

from s2i_tf.config import Config
from s2i_tf.training.optimizers import ConstantThenLinear
from s2i_tf.training.stages.gan_stage import build_optimizers


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 1.0), (50, 1.0), (75, 0.5), (100, 0.0), (150, 0.0)]
)
def test_the_rate_stays_and_then_falls_to_zero(step, expected):
    assert np.isclose(ConstantThenLinear(1.0, 100, 0.5)(step), expected)


def test_a_share_of_one_never_falls_before_the_end():
    assert np.isclose(ConstantThenLinear(1.0, 100, 1.0)(99), 1.0)


def test_a_player_of_more_updates_learns_as_long_as_the_other():
    config = Config()
    gan = config.image_gan
    gan.num_steps, gan.optimizer.constant_share = 100, 0.5
    gan.optimizer.learning_rate, gan.discriminator.learning_rate = 4e-4, 2e-4
    gan.discriminator.updates_per_step = 5
    schedules = [one.get_config()["learning_rate"] for one in build_optimizers(config, gan)]
    assert [schedule["config"]["num_steps"] for schedule in schedules] == [100, 500]

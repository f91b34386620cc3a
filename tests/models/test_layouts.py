"""How the feature critic lays features out."""

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf import models, spec
from s2i_tf.errors import UserError
from s2i_tf.models.projected import LAYOUTS

VECTOR, FEATURES = (6,), (spec.FEATURE_SIZE,)


def critic(layout):
    return models.build_discriminator(
        "feature_critic", VECTOR, FEATURES, filters=4, norm="none", layout=layout
    )


def test_time_steps_become_places_of_a_column(rng):
    features = rng.normal(size=(1, spec.FEATURE_SIZE)).astype(np.float32)
    grid = LAYOUTS["steps"]()(features)
    assert grid.shape == (1, 16, 1, 256)
    np.testing.assert_array_equal(grid[0, 3, 0], features[0, 3 * 256 : 4 * 256])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_every_layout_a_gradient_reaches_every_weight(layout, rng):
    model = critic(layout)
    told = rng.normal(size=(3, *VECTOR)).astype(np.float32)
    features = rng.normal(size=(3, *FEATURES)).astype(np.float32)
    with tf.GradientTape() as tape:
        scores = model([told, features], training=True)
        loss = tf.reduce_mean(scores * rng.normal(size=scores.shape))
    for gradient in tape.gradient(loss, model.trainable_variables):
        assert np.abs(gradient).max() > 0


def test_a_column_has_one_score_a_step_or_two_and_kernels_no_wider():
    model = critic("steps")
    assert model.output_shape == (None, 1 + spec.FEATURE_STEPS // 2)
    assert model.get_layer("grid_down0_conv").kernel.shape[:2] == (4, 1)


def test_an_unknown_layout_is_told():
    with pytest.raises(UserError, match="unknown layout 'rows'; known: steps, tiles"):
        critic("rows")

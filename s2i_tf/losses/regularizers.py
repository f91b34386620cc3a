"""Terms beside the adversarial ones that look into the discriminator."""

from collections.abc import Sequence

import keras
from keras import ops

_TINY = 1e-12


def interpolates(real, fake, seed_generator: keras.random.SeedGenerator):
    """Points [batch, …] between real and generated targets, where the gradient is penalised.

    Args:
      real: real targets, [batch, …].
      fake: generated targets, of the same shape.
      seed_generator: source of the draws of how far each lies along the way.
    """
    shape = (ops.shape(real)[0], *[1] * (len(real.shape) - 1))
    share = keras.random.uniform(shape, dtype=real.dtype, seed=seed_generator)
    return fake + share * (real - fake)


def gradient_penalty(gradients):
    """Mean squared difference of the gradients' lengths to 1 (Gulrajani et al. 2017, WGAN-GP).

    Norms that mix the examples of a batch make no sense with it: the discriminator takes
    `instance`, `none` or `spectral`.

    Args:
      gradients: gradients of each example's mean score at its point of `interpolates`, [batch, …].

    Returns:
      A scalar.
    """
    squares = ops.sum(ops.square(gradients), axis=tuple(range(1, len(gradients.shape))))
    # A gradient of zero has no direction, and the root there no finite derivative.
    return ops.mean(ops.square(ops.sqrt(squares + _TINY) - 1.0))


def feature_matching(real: Sequence, fake: Sequence):
    """Mean absolute difference of a discriminator's activations (Wang et al. 2018, pix2pixHD).

    Args:
      real: activations [batch, …] for real targets, as of `models.layers.feature_extractor`.
      fake: activations for generated targets of the same conditions.

    Returns:
      A float32 scalar, the mean over the activations.
    """
    differences = [
        ops.mean(ops.abs(ops.cast(one, "float32") - ops.cast(other, "float32")))
        for one, other in zip(real, fake, strict=True)
    ]
    return sum(differences) / len(differences)


def mean_feature_matching(real: Sequence, fake: Sequence):
    """Mean squared difference of the batch's mean activations (Salimans et al. 2016).

    It compares what is typical of the two batches, so that they need not be pairs, as in DiscoGAN.

    Args:
      real: activations [batch, …] for real targets, as of `models.layers.feature_extractor`.
      fake: activations for generated targets, [another batch, …].

    Returns:
      A float32 scalar, the mean over the activations.
    """
    differences = [
        ops.mean(ops.square(_typical(one) - _typical(other)))
        for one, other in zip(real, fake, strict=True)
    ]
    return sum(differences) / len(differences)


def _typical(activations):
    return ops.mean(ops.cast(activations, "float32"), axis=0)

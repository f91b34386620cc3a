"""Adversarial losses in pairs: one for the generator, one for the discriminator.

All take the discriminator's scores before any sigmoid, of any shape, and return a scalar. The
discriminator's is the mean of its real and its generated half, as in pix2pix.
"""

import dataclasses
from collections.abc import Callable

from keras import ops

from s2i_tf.errors import unknown_name


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """What the generator and the discriminator each minimise.

    Attributes:
      generator: of the scores of generated targets.
      discriminator: of the scores of real targets and of generated ones.
    """

    generator: Callable
    discriminator: Callable


def vanilla_generator(fake):
    """Non-saturating: -log sigmoid(score) (Goodfellow et al. 2014)."""
    return ops.mean(ops.softplus(-fake))


def vanilla_discriminator(real, fake):
    """Binary cross-entropy of real against generated."""
    return (ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))) / 2


def least_squares_generator(fake):
    """Squared distance of the scores to 1 (Mao et al. 2017)."""
    return ops.mean(ops.square(fake - 1))


def least_squares_discriminator(real, fake):
    """Squared distance of real scores to 1 and of generated ones to 0."""
    return (ops.mean(ops.square(real - 1)) + ops.mean(ops.square(fake))) / 2


def hinge_generator(fake):
    """The negative score (Lim and Ye 2017)."""
    return -ops.mean(fake)


def hinge_discriminator(real, fake):
    """How far real scores stay below 1 and generated ones above -1."""
    return (ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))) / 2


ADVERSARIAL_LOSSES: dict[str, AdversarialLoss] = {
    "vanilla": AdversarialLoss(vanilla_generator, vanilla_discriminator),
    "least_squares": AdversarialLoss(least_squares_generator, least_squares_discriminator),
    "hinge": AdversarialLoss(hinge_generator, hinge_discriminator),
}


def adversarial_loss(name: str) -> AdversarialLoss:
    """The pair of that name.

    Raises:
      UserError: if there is none.
    """
    if name not in ADVERSARIAL_LOSSES:
        raise unknown_name("adversarial loss", name, ADVERSARIAL_LOSSES)
    return ADVERSARIAL_LOSSES[name]

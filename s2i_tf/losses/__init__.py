"""Losses, written with `keras.ops` alone."""

from s2i_tf.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss, adversarial_loss

__all__ = ["ADVERSARIAL_LOSSES", "AdversarialLoss", "adversarial_loss"]

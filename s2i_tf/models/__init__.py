"""Architectures by name. To add one: a builder in a file of its own and a line here."""

from collections.abc import Callable

import keras

from s2i_tf.errors import unknown_name
from s2i_tf.models.patchgan import build_patchgan
from s2i_tf.models.unet import build_unet

GENERATORS: dict[str, Callable[..., keras.Model]] = {
    "unet": build_unet,
}

DISCRIMINATORS: dict[str, Callable[..., keras.Model]] = {
    "patchgan": build_patchgan,
}


def build_generator(
    name: str, side: int, in_channels: int, out_channels: int, **settings
) -> keras.Model:
    """The generator of that name, [batch, side, side, in] to [batch, side, side, out]."""
    if name not in GENERATORS:
        raise unknown_name("generator", name, GENERATORS)
    return GENERATORS[name](side, in_channels, out_channels, **settings)


def build_discriminator(
    name: str, side: int, condition_channels: int, target_channels: int, **settings
) -> keras.Model:
    """The discriminator of that name, for a condition and a target of [batch, side, side, …]."""
    if name not in DISCRIMINATORS:
        raise unknown_name("discriminator", name, DISCRIMINATORS)
    return DISCRIMINATORS[name](side, condition_channels, target_channels, **settings)

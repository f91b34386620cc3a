"""Architectures by name. To add one: a builder in a file of its own and a line here.

Those of maps take and make [batch, side, side, channels]: the paper's square maps of features, and
pictures. Those of vectors take features [batch, size] as they are.
"""

import functools
from collections.abc import Callable

import keras

from s2i_tf.errors import unknown_name
from s2i_tf.models import projected
from s2i_tf.models.autoencoder import build_autoencoder
from s2i_tf.models.decoder import build_decoder, build_feature_decoder
from s2i_tf.models.patchgan import build_multiscale, build_patchgan
from s2i_tf.models.projected import build_feature_critic, build_projected
from s2i_tf.models.unet import build_encoder_decoder, build_resize_unet, build_unet

GENERATORS: dict[str, Callable[..., keras.Model]] = {
    "unet": build_unet,
    "encoder_decoder": build_encoder_decoder,
    "resize_unet": build_resize_unet,
    "decoder": build_decoder,
    "modulated_decoder": functools.partial(build_decoder, modulated=True, name="modulated_decoder"),
    "feature_decoder": build_feature_decoder,
}

DISCRIMINATORS: dict[str, Callable[..., keras.Model]] = {
    "patchgan": build_patchgan,
    "multiscale": build_multiscale,
    "autoencoder": build_autoencoder,
    "projected": build_projected,
    "feature_critic": build_feature_critic,
}

# Those that are given a vector beside or instead of a map.
OF_VECTORS = ("decoder", "modulated_decoder", "feature_decoder", "projected", "feature_critic")

# Those that must be told the layout of features (`projected.LAYOUTS`).
OF_LAYOUTS = ("feature_critic",)

# The norms of those that cannot have each of `norms.NORMS`.
NORMS_OF = dict.fromkeys(("projected", "feature_critic"), projected.NORMS)

# The generators that are given noise beside their condition.
WITH_NOISE = ("feature_decoder",)


def build_generator(name: str, condition_shape, target_shape, **settings) -> keras.Model:
    """The generator of that name, [batch, *condition_shape] to [batch, *target_shape].

    Raises:
      UserError: if there is none, or it cannot have these shapes or settings.
    """
    if name not in GENERATORS:
        raise unknown_name("generator", name, GENERATORS)
    return GENERATORS[name](condition_shape, target_shape, **settings)


def build_discriminator(name: str, context_shape, target_shape, **settings) -> keras.Model:
    """The discriminator of that name, for a context and a target, or the maps of one.

    Raises:
      UserError: as `build_generator`.
    """
    if name not in DISCRIMINATORS:
        raise unknown_name("discriminator", name, DISCRIMINATORS)
    return DISCRIMINATORS[name](context_shape, target_shape, **settings)

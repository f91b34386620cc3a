"""Frozen pretrained nets to train through: pictures to maps of several depths.

A generator's pictures are compared with photos by these maps (a perceptual distance), and a
discriminator may look at them instead of at pixels. The net must not be the judge that evaluates
the pictures afterwards.
"""

import keras

from s2i_tf.errors import unknown_name

# The layers whose maps are looked at, from the finest to the coarsest: 1/4, 1/8, 1/16, 1/32 and
# 1/32 of the side.
BACKBONES = {
    "efficientnet_lite2": ("block03_add", "block06_add", "block14_add", "block19_add", "head"),
}


def load_backbone(name: str, side: int) -> keras.Model:
    """A frozen model from pictures [batch, side, side, 3] in [-1, 1] to a list of maps.

    Raises:
      UserError: if the name is unknown or the weights can't be had.
    """
    if name not in BACKBONES:
        raise unknown_name("backbone", name, BACKBONES)
    from s2i_tf.features import efficientnet_lite

    return efficientnet_lite.build_backbone(name, side, BACKBONES[name])

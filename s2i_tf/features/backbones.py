"""Frozen pretrained nets to train through: pictures to maps of several depths.

A generator's pictures are compared with photos by these maps (a perceptual distance), and a
discriminator may look at them instead of at pixels. The net must not be the judge that evaluates
the pictures afterwards.
"""

import keras

from s2i_tf import spec
from s2i_tf.errors import unknown_name
from s2i_tf.features import efficientnet_lite, keras_net

# The layers whose maps are looked at, from the finest to the coarsest: 1/4, 1/8, 1/16, 1/32 and
# 1/32 of the side.
BACKBONES = {
    "efficientnet_lite2": ("block03_add", "block06_add", "block14_add", "block19_add", "head"),
}


def load_backbone(name: str, side: int) -> keras.Model:
    """A frozen net to train through, of the precision that Keras is set to.

    Args:
      name: a key of `BACKBONES`.
      side: width and height of the pictures, in pixels.

    Returns:
      A model from pictures [batch, side, side, 3] in [-1, 1] to a list of maps.

    Raises:
      UserError: if the name is unknown or the weights can't be had.
    """
    if name not in BACKBONES:
        raise unknown_name("backbone", name, BACKBONES)
    picture = keras.Input((side, side, spec.IMAGE_CHANNELS), name="image")
    x = keras.layers.Rescaling(127.5 / 128, 0.5 / 128, name="scale")(picture)
    logits = efficientnet_lite.body(x, efficientnet_lite.VARIANTS[name])
    net = keras.Model(picture, logits, name=name)
    keras_net.load_weights(net, name, None)
    maps = [net.get_layer(map_name).output for map_name in BACKBONES[name]]
    backbone = keras.Model(picture, maps, name=f"{name}_backbone")
    backbone.trainable = False
    return backbone

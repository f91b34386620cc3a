"""`vgg16_fc6`: the image features of the paper (section 4), VGG-16 (Simonyan and Zisserman 2014).

The input is uint8 [batch, 224, 224, 3] RGB; within the model it becomes BGR less the mean colour
of ImageNet, as Caffe trained it. fc6 is read after its ReLU: in Caffe, whose name `fc6` is, the
ReLU works in place, so whoever reads the blob gets the rectified values; Keras calls the same
`fc1`.
"""

import keras
import numpy as np

from s2i_tf import spec
from s2i_tf.features import keras_net
from s2i_tf.features.base import Extractor, Fingerprint, PictureNet

_LAYER = "fc1"
_MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)


class Vgg16Extractor(keras_net.KerasNet, PictureNet, Extractor):
    """A picture to 4096 values, none negative."""

    name = "vgg16_fc6"
    side = 224

    def __init__(self, weights: str | None = None):
        net = keras.applications.VGG16(weights=None)
        checksum = keras_net.load_h5_weights(net, "vgg16", weights)
        shape = (self.side, self.side, spec.IMAGE_CHANNELS)
        picture = keras.Input(shape, dtype="uint8", name="image")
        centred = keras.ops.cast(picture, "float32")[..., ::-1] - _MEAN_BGR
        fc6 = keras.Model(net.input, net.get_layer(_LAYER).output, name="fc6")
        self._compile(keras.Model(picture, fc6(centred), name=self.name))
        self.fingerprint = Fingerprint(
            net="vgg16",
            weights_sha256=checksum,
            preprocessing=self.described("BGR less the mean colour"),
            layer="fc6 after ReLU",
            order="unit",
        )

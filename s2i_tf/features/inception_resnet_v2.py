"""`inception_resnet_v2`: the image labels of the paper (section 3; Szegedy et al. 2016).

The input is uint8 [batch, 299, 299, 3] RGB, scaled to [-1, 1] within the model. The weights of
`keras.applications` have 1000 outputs; those of TF-Slim have 1001, background first.
"""

import keras
import numpy as np

from s2i_tf import spec
from s2i_tf.features import keras_net
from s2i_tf.features.base import Classifier, Fingerprint
from s2i_tf.media import image

SIDE = 299


class InceptionResNetV2Classifier(keras_net.KerasNet, Classifier):
    """A picture to 1000 logits."""

    name = "inception_resnet_v2"
    modality = "image"

    def __init__(self, weights: str | None = None):
        net = keras.applications.InceptionResNetV2(weights=None, classifier_activation=None)
        checksum = keras_net.load_h5_weights(net, self.name, weights)
        picture = keras.Input((SIDE, SIDE, spec.IMAGE_CHANNELS), dtype="uint8", name="image")
        scaled = keras.layers.Rescaling(1 / 127.5, -1, name="scale")(picture)
        self._compile(keras.Model(picture, net(scaled), name=self.name))
        self.labels = keras_net.load_labels("imagenet", weights)
        self.fingerprint = Fingerprint(
            net=self.name,
            weights_sha256=checksum,
            preprocessing=f"middle square, antialiased resize to {SIDE}, to [-1, 1]",
            layer="logits",
        )

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Uint8 [299, 299, 3]."""
        return image.square(item, SIDE)

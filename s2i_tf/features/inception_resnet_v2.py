"""`inception_resnet_v2`: the image labels of the paper (section 3; Szegedy et al. 2016).

The input is uint8 [batch, 299, 299, 3] RGB, scaled to [-1, 1] within the model. The weights of
`keras.applications` have 1000 outputs; those of TF-Slim have 1001, background first.
"""

import keras

from s2i_tf import spec
from s2i_tf.features import keras_net
from s2i_tf.features.base import Classifier, Fingerprint, PictureNet


class InceptionResNetV2Classifier(keras_net.KerasNet, PictureNet, Classifier):
    """A picture to 1000 logits."""

    name = "inception_resnet_v2"
    side = 299

    def __init__(self, weights: str | None = None):
        net = keras.applications.InceptionResNetV2(weights=None, classifier_activation=None)
        checksum = keras_net.load_h5_weights(net, self.name, weights)
        shape = (self.side, self.side, spec.IMAGE_CHANNELS)
        picture = keras.Input(shape, dtype="uint8", name="image")
        scaled = keras.layers.Rescaling(1 / 127.5, -1, name="scale")(picture)
        self._compile(keras.Model(picture, net(scaled), name=self.name))
        self.labels = keras_net.load_labels("imagenet", weights)
        self.fingerprint = Fingerprint(
            net=self.name,
            weights_sha256=checksum,
            preprocessing=self.described("to [-1, 1]"),
            layer="logits",
        )

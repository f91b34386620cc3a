import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.features import load_classifier
from s2i_tf.features import weights as weights_lib
from s2i_tf.features.backbones import load_backbone


@pytest.mark.weights
def test_a_backbone_sees_what_the_classifier_sees(rng):
    if not weights_lib.path("efficientnet_lite2").exists():
        pytest.skip("Lite2 is not in the cache; `s2i weights fetch efficientnet_lite2` brings it")
    classifier = load_classifier("efficientnet_lite2")
    pixels = rng.integers(0, 256, (1, 260, 260, 3), np.uint8)
    backbone = load_backbone("efficientnet_lite2", 260)
    *_, head = backbone(pixels.astype(np.float32) / 127.5 - 1)
    kernel, bias = classifier.model.get_layer("logits").get_weights()
    logits = np.asarray(head).mean(axis=(1, 2)) @ kernel + bias
    np.testing.assert_allclose(logits, classifier(pixels), rtol=1e-3, atol=1e-3)
    assert not backbone.trainable_variables


def test_an_unknown_backbone_is_named():
    with pytest.raises(UserError, match="unknown backbone 'vgg19'; known: efficientnet_lite2"):
        load_backbone("vgg19", 128)

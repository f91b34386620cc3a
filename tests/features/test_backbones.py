import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.features import load_classifier
from s2i_tf.features import weights as weights_lib
from s2i_tf.features.backbones import load_backbone
from s2i_tf.training.stages.gan_stage import dtype_policy


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


@pytest.mark.weights
def test_a_backbone_in_half_precision_sees_nearly_the_same_and_so_does_its_gradient(rng):
    if not weights_lib.path("efficientnet_lite2").exists():
        pytest.skip("Lite2 is not in the cache; `s2i weights fetch efficientnet_lite2` brings it")
    pictures = tf.constant(rng.uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32))
    found = []
    for precision in ("float32", "mixed_bfloat16"):
        with dtype_policy(precision):
            backbone = load_backbone("efficientnet_lite2", 64)
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            head = tf.cast(backbone(pictures)[-1], tf.float32)
            value = tf.reduce_mean(head)
        found.append((np.ravel(head), np.ravel(tape.gradient(value, pictures))))
    heads, gradients = zip(*found, strict=True)
    assert np.corrcoef(heads)[0, 1] > 0.99
    assert np.corrcoef(gradients)[0, 1] > 0.9


def test_an_unknown_backbone_is_named():
    with pytest.raises(UserError, match="unknown backbone 'vgg19'; known: efficientnet_lite2"):
        load_backbone("vgg19", 128)

"""A net with a front end of its own, YAMNet, inside both kinds of export."""

import dataclasses

import numpy as np
import pytest

from s2i_tf import features
from s2i_tf.serving import examples, saved_model, tflite_export
from s2i_tf.serving.tflite import TFLiteModel
from s2i_tf.serving.tflite_export import QUANTIZATIONS


@pytest.fixture(scope="module")
def extractor():
    return features.load_extractor("yamnet_bands")


@pytest.fixture(scope="module")
def model(small, extractor):
    digests = {**small.fingerprints, "sound_fingerprint": extractor.fingerprint.digest}
    return dataclasses.replace(
        small,
        fingerprints=digests,
        extractors={**small.extractors, "sound": extractor.name},
    )


def test_the_saved_model_hears_and_draws_as_keras_does(model, extractor, tmp_path):
    exported = saved_model.export(model, extractor, tmp_path)
    assert exported.differences["serving_default/image"] < 1e-3
    assert exported.differences["hear/heard"] < 1e-3
    assert exported.differences["hear/known_score"] < 1e-3


def test_the_tflite_file_hears_and_draws_as_keras_does(model, extractor, tmp_path):
    pytest.importorskip("ai_edge_litert")
    exported = tflite_export.export(model, extractor, tmp_path)
    assert exported.mean_difference < QUANTIZATIONS["float32"]
    waveforms = list(256 * examples.sounds(7.0, 2))
    expected = model.listen(
        extractor(np.stack([extractor.prepare(waveform) for waveform in waveforms]))
    )
    heard = TFLiteModel.load(exported.path).listen(waveforms)
    assert set(heard) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(heard[name], values, atol=2e-3)

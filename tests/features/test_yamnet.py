"""YAMNet hears what sounds are; skipped where its weights are missing."""

import numpy as np
import pytest

from s2i_tf import features, spec
from s2i_tf.errors import UserError
from s2i_tf.media import audio
from tests.conftest import SHARED

WEIGHTS = SHARED / "weights" / "yamnet.tflite"


@pytest.fixture(scope="module")
def net():
    if not WEIGHTS.exists():
        pytest.skip(f"the weights of yamnet are not at {WEIGHTS}")
    return features.load_classifier("yamnet", weights=str(WEIGHTS))


def test_it_keeps_the_contract_of_a_classifier(net, rng):
    items = [rng.normal(0, 50, size).astype(np.float32) for size in (3000, 132_300, 500_000)]
    batch = np.stack([net.prepare(item) for item in items])
    assert batch.shape == (3, 6, 15_600) and np.abs(batch).max() <= 1
    scores = net(batch)
    assert scores.shape == (3, 521) == (3, len(net.labels)) and scores.dtype == np.float32
    assert scores.min() >= 0 and scores.max() <= 1
    np.testing.assert_array_equal(net(batch[1:2])[0], scores[1])
    assert net.modality == "sound" and len(net.fingerprint.weights_sha256) == 64


def test_a_tone_keeps_its_pitch(net):
    seconds = np.arange(spec.FEATURE_SAMPLES) / spec.SAMPLE_RATE_HZ
    tone = (200 * np.sin(2 * np.pi * 1000 * seconds)).astype(np.float32)
    frame = net.prepare(tone)[2]
    spectrum = np.abs(np.fft.rfft(frame))
    assert abs(np.argmax(spectrum) * 16_000 / len(frame) - 1000) < 2
    assert np.isclose(np.abs(frame).max(), 200 / 256, rtol=0.01)


@pytest.mark.parametrize(
    ("class_name", "among"),
    [("dog", {"Dog", "Animal", "Bark"}), ("rain", {"Rain", "Raindrop", "Rain on surface"})],
)
def test_it_names_real_sounds(net, realpairs, class_name, among):
    paths = sorted((realpairs / "sounds" / class_name).iterdir())[:3]
    batch = np.stack([net.prepare(audio.load_waveform(path)) for path in paths])
    for scores in net(batch):
        top = {net.labels[index] for index in np.argsort(-scores)[:5]}
        assert top & among, top


def test_weights_must_be_a_local_file_of_the_net(tmp_path):
    with pytest.raises(UserError, match="yamnet is in no package index; allowed: weights=FILE"):
        features.load_classifier("yamnet")
    with pytest.raises(UserError, match="not the weights of yamnet"):
        features.load_classifier("yamnet", weights=str(tmp_path / "missing.tflite"))
    (tmp_path / "text.tflite").write_text("no net")
    with pytest.raises(UserError, match="cannot be run"):
        features.load_classifier("yamnet", weights=str(tmp_path / "text.tflite"))

"""Small data and nets that are quick and say what they saw."""

import dataclasses
import logging
import pathlib

import numpy as np
import pytest

pytest.importorskip("apache_beam")

from s2i_tf import features, spec
from s2i_tf.features.base import Classifier, Extractor, Fingerprint
from s2i_tf.media import audio, image
from tfrecords_tools.settings import Settings

LABELS = ("low", "middle", "high")
CLASSES = ("bell", "drum", "horn")


class FakeSoundNet(Extractor):
    """The window's spectrum, so that a feature vector tells its sound."""

    name = "fake_sound"
    modality = "sound"
    fingerprint = Fingerprint("fake_sound", "none", "6 s", "spectrum")

    def __init__(self, weights=None):
        self.num_calls = 0

    def prepare(self, item):
        return audio.feature_window(item)[: 2 * spec.FEATURE_SIZE]

    def __call__(self, batch):
        self.num_calls += 1
        return np.abs(np.fft.rfft(batch)[:, : spec.FEATURE_SIZE]).astype(np.float32) / 1e3


class FakeImageNet(Extractor):
    """The picture at 64×64 in grey."""

    name = "fake_image"
    modality = "image"
    fingerprint = Fingerprint("fake_image", "none", "64 px", "pixels")

    def __init__(self, weights=None):
        pass

    def prepare(self, item):
        return image.square(item, spec.FEATURE_SIDE)

    def __call__(self, batch):
        return batch.mean(axis=-1).reshape(len(batch), -1).astype(np.float32)


class FakeSoundLabels(Classifier):
    """Low, middle or high by the strongest frequency."""

    name = "fake_sound_labels"
    modality = "sound"
    fingerprint = Fingerprint("fake_sound_labels", "none", "20 s", "pitch")
    labels = LABELS

    def __init__(self, weights=None):
        pass

    def prepare(self, item):
        return np.resize(item, 2**14)

    def __call__(self, batch):
        strongest = np.abs(np.fft.rfft(batch)).argmax(axis=1) * spec.SAMPLE_RATE_HZ / 2**14
        return -np.abs(
            np.log2(np.maximum(strongest, 1)[:, None] / np.array([[200.0, 800.0, 3200.0]]))
        )


class FakeImageLabels(FakeSoundLabels):
    """Low, middle or high by brightness."""

    name = "fake_image_labels"
    modality = "image"
    fingerprint = Fingerprint("fake_image_labels", "none", "64 px", "brightness")

    def prepare(self, item):
        return image.square(item, spec.FEATURE_SIDE)

    def __call__(self, batch):
        brightness = batch.mean(axis=(1, 2, 3))
        return -np.abs(brightness[:, None] - np.array([[40.0, 128.0, 215.0]]))


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    """Makes the fake nets known by name, and forgets loaded ones."""
    from tfrecords_tools.engine import nets

    for net in (FakeSoundNet, FakeImageNet):
        monkeypatch.setitem(features.EXTRACTORS, net.name, net)
    for net in (FakeSoundLabels, FakeImageLabels):
        monkeypatch.setitem(features.CLASSIFIERS, net.name, net)
    nets._load.cache_clear()
    logging.getLogger("apache_beam").setLevel(logging.ERROR)


@pytest.fixture
def settings(tmp_path):
    """Settings with the fake nets, in one process."""
    return Settings(
        data=str(tmp_path / "data"),
        out=str(tmp_path / "out"),
        sound_extractor="fake_sound",
        image_extractor="fake_image",
        label_sound="fake_sound_labels",
        label_image="fake_image_labels",
        num_workers=1,
    )


def write_sound(path: pathlib.Path, hertz: float, seconds: float = 1.0, seed: int = 0):
    """A tone with a little noise of its own."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * spec.SAMPLE_RATE_HZ)) / spec.SAMPLE_RATE_HZ
    wave = 100 * np.sin(2 * np.pi * hertz * time) + rng.normal(0, 0.5, len(time))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio.encode_audio(wave.astype(np.float32), path.suffix[1:]))


def write_image(path: pathlib.Path, brightness: int, seed: int = 0):
    """A picture of one brightness with noise of its own."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(brightness + rng.integers(-9, 9, (40, 60, 3)), 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image.encode_png(pixels))


@pytest.fixture
def make_sound():
    """`write_sound`, for test modules."""
    return write_sound


@pytest.fixture
def make_image():
    """`write_image`, for test modules."""
    return write_image


@pytest.fixture
def class_folder(settings):
    """Three classes of 6 sounds and 4 photos each."""
    root = pathlib.Path(settings.data)
    for number, name in enumerate(CLASSES):
        for index in range(6):
            seed = 100 * number + index
            write_sound(root / "sounds" / name / f"{index}.wav", 200 * 4**number, seed=seed)
        for index in range(4):
            path = root / "images" / name / f"{index}.png"
            write_image(path, 40 + 87 * number, seed=10 * number + index)
    return root


@pytest.fixture
def replaced(settings):
    """From changed fields to new settings."""
    return lambda **changes: dataclasses.replace(settings, **changes)

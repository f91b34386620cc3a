"""Small data and nets that are quick and say what they saw."""

import contextlib
import dataclasses
import logging
import pathlib
import shutil

import numpy as np
import pytest

pytest.importorskip("apache_beam")

from s2i_tf import features, spec
from s2i_tf.features.base import Classifier, Extractor, Fingerprint
from s2i_tf.media import audio, image
from tfrecords_tools.finish import Summary
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


@contextlib.contextmanager
def known_fakes():
    """Makes the fake nets known by name, and forgets loaded ones."""
    from tfrecords_tools.engine import nets

    with pytest.MonkeyPatch.context() as patch:
        for net in (FakeSoundNet, FakeImageNet):
            patch.setitem(features.EXTRACTORS, net.name, net)
        for net in (FakeSoundLabels, FakeImageLabels):
            patch.setitem(features.CLASSIFIERS, net.name, net)
        nets._load.cache_clear()
        logging.getLogger("apache_beam").setLevel(logging.ERROR)
        yield


@pytest.fixture(autouse=True)
def fakes():
    """The fake nets, for each test."""
    with known_fakes():
        yield


# For data that is labelled; where the filter is off they would be refused.
FAKE_LABELS = {"label_sound": FakeSoundLabels.name, "label_image": FakeImageLabels.name}


def settings_for(folder: pathlib.Path, **changes) -> Settings:
    """Settings with the fake nets, in one process, for `folder/data` and `folder/out`."""
    settings = Settings(
        data=str(folder / "data"),
        out=str(folder / "out"),
        sound_extractor="fake_sound",
        image_extractor="fake_image",
        num_workers=1,
    )
    return dataclasses.replace(settings, **changes)


@pytest.fixture
def settings(tmp_path):
    """`settings_for` the test's folder."""
    return settings_for(tmp_path)


@pytest.fixture(scope="session")
def prepare_once(tmp_path_factory):
    """From a function that writes `data` to a folder with that and `out`, and the summary."""

    def make(write_data, **changes) -> tuple[pathlib.Path, Summary]:
        from tfrecords_tools.job import prepare

        folder = tmp_path_factory.mktemp("once")
        write_data(folder / "data")
        with known_fakes():
            return folder, prepare(settings_for(folder, **changes))

    return make


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


@pytest.fixture(scope="session")
def make_sound():
    """`write_sound`, for test modules."""
    return write_sound


@pytest.fixture(scope="session")
def make_image():
    """`write_image`, for test modules."""
    return write_image


def write_classes(root: pathlib.Path):
    """Three classes of 6 sounds and 4 photos each."""
    for number, name in enumerate(CLASSES):
        for index in range(6):
            seed = 100 * number + index
            write_sound(root / "sounds" / name / f"{index}.wav", 200 * 4**number, seed=seed)
        for index in range(4):
            path = root / "images" / name / f"{index}.png"
            write_image(path, 40 + 87 * number, seed=10 * number + index)


@pytest.fixture(scope="session")
def classes_once(prepare_once):
    """The folder by class, and what was prepared of it, which tests leave as they are."""
    return prepare_once(write_classes)[0]


@pytest.fixture
def class_folder(settings, classes_once):
    """A copy of the folder by class."""
    return pathlib.Path(shutil.copytree(classes_once / "data", settings.data))


@pytest.fixture
def prepared(settings, class_folder, classes_once):
    """A copy of the folder that was prepared of the folder by class."""
    return pathlib.Path(shutil.copytree(classes_once / "out", settings.out))


@pytest.fixture
def replaced(settings):
    """From changed fields to new settings."""
    return lambda **changes: dataclasses.replace(settings, **changes)

"""A judge and models whose scores are known beforehand."""

import numpy as np
import pytest

from s2i_tf.data import pipeline
from s2i_tf.features.base import Classifier, Fingerprint
from s2i_tf.models.multimodal import Hidden

HOSTILE = "<script>alert('x')</script>\"&"


class ShadeJudge(Classifier):
    """Names the shades of grey nearest to a picture's mean, the nearest first."""

    name = "shades"
    modality = "image"
    fingerprint = Fingerprint("shades", "none", "mean", "logits")
    labels = (HOSTILE, *(f"shade {index}" for index in range(1, 64)))

    def prepare(self, item):
        assert item.dtype == np.uint8 and item.shape[2] == 3
        return item.mean(dtype=np.float32)

    def __call__(self, batch):
        return -np.abs(batch[:, None] / 4 - np.arange(len(self.labels), dtype=np.float32) - 0.4)


class FakeModel:
    """Vectors and pictures out of a table, by the bytes of the features.

    Args:
      data_dir: a prepared data set.
      pictures: `perfect` gives each sound the photo of its pair, `constant` the same to all,
        `broken` no numbers.
      vectors: `perfect` gives each class its own vector, `constant` all the same.
    """

    fingerprints = {"sound_fingerprint": "s", "image_fingerprint": "i"}
    extractors = {"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"}
    class_names = ("a", "b", "c")
    trained_on = None

    def __init__(self, data_dir, pictures="perfect", vectors="perfect", stochastic=False):
        self.pictures, self.vectors, self.stochastic = pictures, vectors, stochastic
        self.table = {}
        for split in ("train", "eval"):
            columns = pipeline.load_split(data_dir, split)
            for key in ("sound_features", "image_features"):
                for features, label, picture in zip(
                    columns[key], columns["label"], columns["image"], strict=True
                ):
                    self.table[features.tobytes()] = (label, picture)

    def _embed(self, features):
        labels = np.array([self.table[row.tobytes()][0] for row in features])
        vectors = np.eye(8, dtype=np.float32)[labels if self.vectors == "perfect" else 0 * labels]
        return Hidden(vectors - 0.5, vectors)

    embed_sound = embed_image = _embed

    def _draw(self, features):
        shape = (len(features), 128, 128, 3)
        if self.pictures == "perfect":
            return np.stack([self.table[row.tobytes()][1] for row in features]) / np.float32(255)
        return np.full(shape, 0.5 if self.pictures == "constant" else np.nan, np.float32)

    def generate(self, features, *, sample=0, seed=0):
        assert sample == 0 or self.stochastic
        return self._draw(features)

    images_from_features = _draw


@pytest.fixture(scope="session")
def judge():
    return ShadeJudge()


@pytest.fixture(scope="session")
def fake_model(tiny_dataset):
    def make(data_dir=tiny_dataset, **kwargs):
        return FakeModel(data_dir, **kwargs)

    return make

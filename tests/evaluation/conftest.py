"""A judge and models whose scores are known beforehand."""

import pathlib
import types

import numpy as np
import pytest

from s2i_tf.config import Config
from s2i_tf.data import dataset_info, pipeline
from s2i_tf.evaluation import evaluate
from s2i_tf.evaluation.inputs import Items, JudgeOutput, Predictions
from s2i_tf.features.base import Classifier, Fingerprint
from s2i_tf.media import audio, image
from s2i_tf.models.multimodal import Hidden
from s2i_tf.models.sound_index import SoundIndex

SHADES = {"dark": 20, "bright": 220}
HOSTILE = "<script>alert('x')</script>\"&"


@pytest.fixture
def resident_bytes():
    """How much of a mapped file counts as this process's memory; skips where nothing tells."""
    smaps = pathlib.Path("/proc/self/smaps")
    if not smaps.exists():
        pytest.skip("this system does not tell what of a mapped file is in memory")

    def of(path: pathlib.Path) -> int:
        lines = smaps.read_text().splitlines()
        first = next(number for number, line in enumerate(lines) if line.endswith(str(path)))
        return next(int(one.split()[1]) << 10 for one in lines[first:] if one.startswith("Rss:"))

    return of


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


class LoudnessJudge(Classifier):
    """Names the loudness of a sound: its class, in what `write_sound` writes."""

    name = "loudness"
    modality = "sound"
    fingerprint = Fingerprint("loudness", "none", "peak", "scores")
    labels = tuple(f"loudness {index}" for index in range(40))

    def prepare(self, item):
        return np.abs(item).max()

    def __call__(self, batch):
        return -np.abs(batch[:, None] / 6 - np.arange(len(self.labels), dtype=np.float32))


def write_sound(path, label):
    """A short sound as loud as its class says."""
    wave = np.sin(np.arange(6000)) * (20 + 100 * label)
    path.write_bytes(audio.encode_audio(wave.astype(np.float32), "wav"))


def make_items(labels, features=None, prefix="s", pictures=None, sources=None):
    """Sounds or photos, each of a recording of its own and with one pair."""
    num = len(labels)
    ids = np.array([f"{prefix}{index:03}" for index in range(num)])
    sources = np.full(num, "") if sources is None else np.asarray(sources)
    features = np.zeros((num, 2)) if features is None else features
    return Items(ids, np.asarray(labels), ids, sources, np.arange(num), features, pictures)


def judged(features, pictures=None):
    """What a judge makes of pictures whose features are these."""
    labels = np.zeros((len(features), 10), int)
    return JudgeOutput(labels, np.asarray(features, np.float32), pictures)


def make_predictions(sounds, images, features=None, **given):
    """Predictions whose generated pictures have the given judge's features, as have the photos."""
    features = np.zeros((len(sounds), 2)) if features is None else features
    defaults = {
        "class_names": tuple("abc"),
        "judge_labels": tuple(map(str, range(20))),
        "judged": judged(features),
        "pictures": {"generated": judged(features)},
        "no_training": "none is at hand",
    }
    return Predictions(sounds=sounds, images=images, **(defaults | given))


class FakeModel:
    """Vectors and pictures out of a table, by the bytes of the features.

    Args:
      data_dir: a prepared data set.
      pictures: `perfect` gives each sound the photo of its pair, `constant` the same to all,
        `broken` no numbers.
      vectors: `perfect` gives each class its own vector, `constant` all the same.
      reverse: also finds for each photo a training sound of its class.
      refitted: has ears that training fits in closed form, so that sources can be left out.
    """

    fingerprints = {"sound_fingerprint": "s", "image_fingerprint": "i"}
    extractors = {"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"}
    recipe = None
    hearing = None
    trained_on = None
    sound_index = None

    def __init__(
        self,
        data_dir,
        pictures="perfect",
        vectors="perfect",
        stochastic=False,
        reverse=False,
        refitted=False,
    ):
        self.pictures, self.vectors, self.stochastic = pictures, vectors, stochastic
        self.class_names = dataset_info.load(data_dir).class_names
        self.table = {}
        for split in ("train", "eval"):
            columns = pipeline.load_split(data_dir, split)
            for key in ("sound_features", "image_features"):
                for features, label, picture in zip(
                    columns[key], columns["label"], columns["image"], strict=True
                ):
                    self.table[features.tobytes()] = (label, picture)

        if refitted:
            config = Config(hearing=True)
            config.multimodal.refit_strength = 0.3
            self.recipe = config.recipe()
            self.extractors = {"sound": "soundnet_pool5"}
            self.hearing = types.SimpleNamespace(alike=np.eye(3))
            self.multimodal = types.SimpleNamespace(
                sound_scaler=lambda features: features,
                hidden_of=lambda linear: Hidden(linear, np.maximum(linear, 0)),
            )
        if reverse:
            train = pipeline.load_split(data_dir, "train")
            columns = (train[key] for key in ("sound_features", "sound_id", "group", "label"))
            self.sound_index = SoundIndex.of(*columns)

    def nearest_sounds(self, features, num=1):
        labels = np.array([self.table[row.tobytes()][0] for row in features])
        found = np.stack([np.flatnonzero(self.sound_index.labels == one)[:num] for one in labels])
        return found, np.zeros(found.shape, np.float32)

    def _embed(self, features):
        labels = np.array([self.table[row.tobytes()][0] for row in features])
        vectors = np.eye(8, dtype=np.float32)[labels if self.vectors == "perfect" else 0 * labels]
        return Hidden(vectors - 0.5, vectors)

    embed_sound = embed_image = _embed

    def listen(self, features):
        heard = self._embed(features).after[:, :3]
        return {"heard": heard, "known_score": heard.max(axis=1)}

    def draw(self, before):
        shades = before.argmax(axis=1)[:, None, None, None] / np.float32(3)
        return np.broadcast_to(shades, (len(before), 128, 128, 3))

    def _draw(self, features):
        shape = (len(features), 128, 128, 3)
        if self.pictures == "perfect":
            return np.stack([self.table[row.tobytes()][1] for row in features]) / np.float32(255)
        return np.full(shape, 0.5 if self.pictures == "constant" else np.nan, np.float32)

    def generate(self, features, *, sample=0, seed=0):
        assert sample == 0 or self.stochastic
        return self._draw(features)

    images_from_features = _draw


def write_sources(folder, sources=("here", "there"), in_a_row=3):
    """An index of the tiny data set's sounds, whose sources take turns after so many sounds."""
    rows = [
        f"sound,sounds/{split}{index}.wav,{sources[index // in_a_row % len(sources)]}"
        for split, num in (("train", 12), ("eval", 6))
        for index in range(num)
    ]
    (folder / "index.csv").write_text("\n".join(["kind,path,source", *rows]))


@pytest.fixture(scope="session")
def judge():
    return ShadeJudge()


@pytest.fixture(scope="session")
def fake_model(tiny_dataset):
    def make(data_dir=tiny_dataset, **kwargs):
        return FakeModel(data_dir, **kwargs)

    return make


def evaluated(kind, data_dir, judge, folder):
    model = FakeModel(data_dir, pictures=kind, vectors=kind)
    out = folder / "out"
    return evaluate.evaluate(model, data_dir, judge=judge, out=out, num_gallery=6), out


# Of the session, so that they are made before a test asks for charts that are not drawn.
@pytest.fixture(scope="session")
def perfect(tiny_dataset, judge, tmp_path_factory):
    """Metrics and folder of the perfect model's evaluation; tests leave them as they are."""
    return evaluated("perfect", tiny_dataset, judge, tmp_path_factory.mktemp("perfect"))


@pytest.fixture(scope="session")
def constant(tiny_dataset, judge, tmp_path_factory):
    """The same of the model that draws and hears one thing alone."""
    return evaluated("constant", tiny_dataset, judge, tmp_path_factory.mktemp("constant"))


@pytest.fixture
def folders(tmp_path):
    """Twelve pairs of two classes, the pictures as bright as the photos of their class."""
    for number in range(12):
        name = sorted(SHADES)[number % 2]
        for folder, ending in (("pictures", "png"), ("photos", "jpg"), ("sounds", "wav")):
            path = tmp_path / folder / name / f"clip{number:02}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            shade = SHADES[name] + number
            picture = np.full((40, 60 if folder == "photos" else 40, 3), shade, np.uint8)
            sound = f"sound {number}".encode()
            path.write_bytes(sound if ending == "wav" else image.encode_png(picture))
    return [tmp_path / folder for folder in ("pictures", "sounds", "photos")]

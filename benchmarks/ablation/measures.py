"""What is measured of a recipe on the eval split: retrieval, features, pictures.

All shares are in [0, 1]; an estimate is `{value, low, high}`, its interval by drawing recordings
anew. Every variant is measured on the same sounds and photos.
"""

import dataclasses
import functools
import pathlib
from typing import Any

import keras
import numpy as np

from benchmarks.ablation.trainings import Training
from s2i_tf import spec
from s2i_tf.data import dataset_info, pipeline, splits
from s2i_tf.evaluation import neighbors, probes, stats
from s2i_tf.evaluation.heldout import items_of
from s2i_tf.evaluation.inputs import Items, JudgeOutput
from s2i_tf.evaluation.judge import Judge
from s2i_tf.evaluation.metrics import diversity, fidelity, label_match, memorization
from s2i_tf.evaluation.metrics.retrieval import DIRECTIONS, LAYERS
from s2i_tf.evaluation.probes import LinearProbe
from s2i_tf.media.sheet import to_uint8
from s2i_tf.models import feature_map
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.sound_to_image import SoundToImage

NUM_SOUNDS = 160
NUM_COMPARED = 64
NUM_SHOWN = 6
PROBE_PHOTOS_PER_CLASS = 30

_SALT = "ablation"
_BATCH_SIZE = 128
_MATCH_KS = (1, 10)

Measures = dict[str, Any]


class Material:
    """The sounds and photos of a data set that recipes are measured on.

    Args:
      data: the prepared data set.
      judge: looks at pictures.
      cache: folder for what the judge saw in the photos.

    Attributes:
      class_names: names of the classes by label.
      sounds: all of the eval split.
      images: the photos.
      chosen: int [sounds], positions of the sounds whose pictures are judged.
      photos: int [sounds], of each chosen sound the position of its photo.
      photo_looks: the judge's look at all photos of the eval split.
      training_images: some training photos of each class.
      training_looks: the judge's look at them.
      seen: names the class of a picture, fitted on these.
    """

    def __init__(self, data: str, judge: Judge, cache: pathlib.Path):
        self.judge = judge
        info = dataset_info.load(data)
        self.class_names, self._info = info.class_names, info
        columns = pipeline.load_split(data, spec.EVAL_SPLIT)
        self.sounds, self.images = (items_of(columns, side) for side in ("sound", "image"))
        order = splits.stable_order(self.sounds.ids.tolist(), _SALT)
        self.chosen = np.flatnonzero(np.isin(self.sounds.ids, order[:NUM_SOUNDS]))
        self.photos = self.images.of_pair[self.sounds.first_pair][self.chosen]
        training = pipeline.load_split(data, spec.TRAIN_SPLIT)
        self.training_images = _some(items_of(training, "image"), PROBE_PHOTOS_PER_CLASS)
        self.photo_looks = self._cached(cache / "looks_eval.npz", self.images)
        self.training_looks = self._cached(cache / "looks_train.npz", self.training_images)
        items = self.training_images
        self.seen = probes.fit(self.training_looks.features, items.labels, items.ids)

    @property
    def labels(self) -> np.ndarray:
        """The class of each chosen sound."""
        return self.sounds.labels[self.chosen]

    @property
    def groups(self) -> np.ndarray:
        """The recording of each chosen sound."""
        return self.sounds.groups[self.chosen]

    def assemble(
        self, multimodal: Training, feature_gan: Training, image_gan: Training
    ) -> SoundToImage:
        """A model of three parts."""
        return SoundToImage(
            multimodal=_load(multimodal),
            feature_generator=_load(feature_gan),
            image_generator=_load(image_gan),
            class_names=self.class_names,
            fingerprints=self._info.fingerprints,
            extractors=self._info.extractors,
            nets=self._info.nets,
        )

    def _cached(self, path: pathlib.Path, items: Items) -> JudgeOutput:
        if path.exists():
            found = np.load(path)
            if found["ids"].tolist() == items.ids.tolist():
                return JudgeOutput(found["labels"], found["features"])
        looks = self.judge.look(items.pictures, "photos")
        np.savez(path, ids=items.ids, labels=looks.labels, features=looks.features)
        return looks


def of_retrieval(multimodal: Training, material: Material) -> Measures:
    """Top 1, macro, both ways, before and after the activation."""
    layers = _load(multimodal)
    sides = {}
    for name, items in (("sound", material.sounds), ("image", material.images)):
        hidden = getattr(layers, f"hidden_of_{name}")(items.features)
        sides[name] = items, {layer: np.asarray(getattr(hidden, layer)) for layer in LAYERS}
    found = {}
    for direction in DIRECTIONS:
        (queries, query_vectors), (targets, target_vectors) = (
            sides[name] for name in direction.split("_to_")
        )
        for layer in LAYERS:
            ranking = neighbors.rank(
                query_vectors[layer], queries.labels, target_vectors[layer], targets.labels
            )["euclidean"]
            hits = {"": ranking.measures["top_1"]}
            rate = stats.rates(hits, queries.labels, queries.groups)[""]
            found[f"{direction}_{layer}"] = rate["macro"]
    return found


def of_features(multimodal: Training, feature_gan: Training, material: Material) -> Measures:
    """Class, spread and novelty of the image features made of sounds, scaled as for the networks.

    `class_of_features` is what a linear probe on real training features names, `real_class` the
    same of the photos'; `features_ratio` the mean distance within a class over that of real
    features; `features_nearest` the median distance to the nearest training feature over that of
    photos never seen.
    """
    layers, generator = _load(multimodal), _load(feature_gan)
    probe, training, real = _real_features(multimodal.part, material)
    made = np.concatenate(
        [
            np.asarray(feature_map.run(generator, layers.condition_of_sound(batch)))
            for batch in _batches(material.sounds.features[material.chosen])
        ]
    )
    return features_against(made, probe, training, real, material)


def features_against(
    made: np.ndarray,
    probe: LinearProbe,
    training: np.ndarray,
    real: np.ndarray,
    material: Material,
) -> Measures:
    """The measures of `of_features`, of features [chosen sounds, 4096]."""
    labels, groups, images = material.labels, material.groups, material.images
    rate = _rate(probe.predict(made) == labels, labels, groups)
    nearest = [neighbors.nearest(side, training)[1] for side in (made, real)]
    return {
        "class_of_features": rate,
        "features_ratio": _ratio(made, real, material),
        "features_nearest": memorization.median_ratio(*nearest, (groups, images.groups)),
        "features_spread": float(made.std() / real.std()),
    }


def of_pictures(model: SoundToImage, material: Material) -> tuple[Measures, np.ndarray]:
    """What the judge sees in pictures of sounds, and in those rebuilt from photos' own features.

    Returns:
      The measures, and some of the pictures, uint8 [2, shown, 128, 128, 3]: of sounds, rebuilt.
    """
    sounds = material.sounds.features[material.chosen]
    made = to_uint8(model.generate(sounds))
    rebuilt = to_uint8(model.images_from_features(material.images.features[material.photos]))
    looks = {
        name: material.judge.look(pictures)
        for name, pictures in (("made", made), ("rebuilt", rebuilt))
    }
    found: Measures = {}
    for name, look in looks.items():
        found |= {f"{name}_{key}": value for key, value in _judged(look, material).items()}
    if model.stochastic:
        further = to_uint8(model.generate(sounds[:NUM_COMPARED], sample=1))
        pair = np.stack(
            [looks["made"].features[:NUM_COMPARED], material.judge.look(further).features]
        )
        found["samples_ratio"] = float(diversity.between_samples(pair).mean() / _scale(material))
    shown = _one_of_each(material.labels)[:NUM_SHOWN]
    return found, np.stack([made[shown], rebuilt[shown]])


def of_real_photos(material: Material) -> Measures:
    """The same measures of real photos in the place of pictures.

    Class and labels of other photos of the eval split, one of the class for each sound; distance
    and spread of as many training photos, as the former are part of what is compared with.
    """
    rng = np.random.default_rng(0)
    others = [_another(photo, material.images.labels, rng) for photo in material.photos]
    items = material.training_images
    training = [rng.choice(np.flatnonzero(items.labels == label)) for label in material.labels]
    seen = _judged(material.photo_looks[np.array(others)], material)
    apart = _judged(material.training_looks[np.array(training)], material)
    apart = {key: apart[key] for key in ("kid", "ratio")}
    return {f"made_{key}": value for key, value in (seen | apart).items()}


def _another(position: int, labels: np.ndarray, rng: np.random.Generator) -> int:
    """A random other item of the same label, or the item itself if it is alone."""
    others = np.setdiff1d(np.flatnonzero(labels == labels[position]), [position])
    return int(rng.choice(others)) if len(others) else position


def _judged(looks: JudgeOutput, material: Material) -> Measures:
    labels, groups, images = material.labels, material.groups, material.images
    photo_labels = material.photo_looks.labels[material.photos]
    meets = label_match.meets(looks.labels, photo_labels)
    _, recordings = np.unique(groups, return_inverse=True)
    same_source = np.stack([material.photos, recordings], axis=1)
    shuffled = label_match.mean_meeting(looks.labels, photo_labels, same_source)
    real = material.photo_looks.features
    kernel = fidelity.kernel_distance(real, looks.features, images.groups, groups)
    return {
        **{f"match_{k}": _rate(meets[k], labels, groups, "micro") for k in _MATCH_KS},
        "shuffled_10": float(np.nanmean(shuffled[10])),
        "class_seen": _rate(material.seen.predict(looks.features) == labels, labels, groups),
        "kid": {key: kernel[key] for key in stats.NOTHING},
        "ratio": _ratio(looks.features, real, material),
    }


def _rate(
    hits: np.ndarray, labels: np.ndarray, groups: np.ndarray, mean: str = "macro"
) -> Measures:
    return stats.rates({"": hits}, labels, groups)[""][mean]


def _ratio(made: np.ndarray, real: np.ndarray, material: Material) -> stats.Estimate:
    """The diversity of features made of the chosen sounds, over that of the photos' features."""
    images, groups = material.images, (material.groups, material.images.groups)
    pairs = diversity.pairs_by_class(made, material.labels, material.groups)
    of_photos = diversity.pairs_by_class(real, images.labels, images.groups)
    return diversity.ratio(pairs, of_photos, groups)


def _scale(material: Material) -> float:
    """The mean distance of real photos of a class."""
    images = material.images
    features = material.photo_looks.features
    pairs = diversity.pairs_by_class(features, images.labels, images.groups)
    return float(np.mean(list(diversity.means_by_class(pairs).values())))


@functools.cache
def _real_features(
    part: pathlib.Path, material: Material
) -> tuple[LinearProbe, np.ndarray, np.ndarray]:
    """A probe fitted on scaled training features, these, and those of the eval split's photos."""
    scaler = keras.saving.load_model(part, compile=False).image_scaler
    items = material.training_images
    training, real = (np.asarray(scaler(side.features)) for side in (items, material.images))
    return probes.fit(training, items.labels, items.ids), training, real


def _load(training: Training) -> keras.Model | MultimodalLayers:
    return keras.saving.load_model(training.part, compile=False)


def _batches(features: np.ndarray) -> list[np.ndarray]:
    return [features[start : start + _BATCH_SIZE] for start in range(0, len(features), _BATCH_SIZE)]


def _one_of_each(labels: np.ndarray) -> np.ndarray:
    """The positions of the first item of each class, spread over the classes."""
    _, first = np.unique(labels, return_index=True)
    order = np.linspace(0, len(first) - 1, min(NUM_SHOWN, len(first))).astype(int)
    return first[order]


def _some(items: Items, num: int) -> Items:
    """The first few items of each class, in a stable random order."""
    place = {name: at for at, name in enumerate(splits.stable_order(items.ids.tolist(), _SALT))}
    order = np.array([place[name] for name in items.ids])
    kept = []
    for label in np.unique(items.labels):
        own = np.flatnonzero(items.labels == label)
        kept.extend(own[np.argsort(order[own])][:num])
    kept = np.sort(kept)
    return dataclasses.replace(
        items,
        ids=items.ids[kept],
        labels=items.labels[kept],
        groups=items.groups[kept],
        sources=items.sources[kept],
        features=items.features[kept],
        pictures=items.pictures[kept],
        of_pair=np.arange(len(kept)),
    )

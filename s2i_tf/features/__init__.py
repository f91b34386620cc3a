"""Pretrained nets by name: feature extractors and label classifiers of sounds and pictures.

Nothing here imports TensorFlow until a net is loaded.
"""

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from s2i_tf.errors import unknown_name
from s2i_tf.features.base import Classifier, Extractor, Modality, Net, check_fingerprint

HUB_PREFIX = "hub:"
SOUNDING_PREFIX = "sounding:"
_OF_HUB = f"{HUB_PREFIX}HANDLE_OR_FOLDER"  # all of its nets are of pictures
# Classifiers of AudioSet's labels, which no net of pictures has.
_OF_AUDIOSET = ("yamnet",)


class _Factory:
    """A net's constructor, imported when it is called.

    Args:
      modality: what the net takes, known before it is imported.
      module: of `s2i_tf.features`.
      attribute: the class of the net in it.
      arguments: what the class is given before the weights.
    """

    def __init__(self, modality: Modality, module: str, attribute: str, *arguments: str):
        self.modality = modality
        self._module, self._attribute, self._arguments = module, attribute, arguments

    def net_type(self) -> type[Net]:
        """The class of the net."""
        return getattr(importlib.import_module(f"s2i_tf.features.{self._module}"), self._attribute)

    def __call__(self, weights: str | None) -> Net:
        return self.net_type()(*self._arguments, weights=weights)


EXTRACTORS: dict[str, Callable[[str | None], Extractor]] = {
    "soundnet_pool5": _Factory("sound", "soundnet", "SoundNetExtractor"),
    "yamnet_bands": _Factory("sound", "yamnet", "YamnetExtractor"),
    "vgg16_fc6": _Factory("image", "vgg16", "Vgg16Extractor"),
    "efficientnet_lite2_map": _Factory("image", "efficientnet_lite_map", "MapExtractor"),
}

_lite_classifier = functools.partial(_Factory, "image", "efficientnet_lite", "LabelClassifier")

CLASSIFIERS: dict[str, Callable[[str | None], Classifier]] = {
    "soundnet": _Factory("sound", "soundnet", "SoundNetClassifier", "imagenet"),
    "soundnet_places": _Factory("sound", "soundnet", "SoundNetClassifier", "places"),
    "yamnet": _Factory("sound", "yamnet", "YamnetClassifier"),
    "inception_resnet_v2": _Factory("image", "inception_resnet_v2", "InceptionResNetV2Classifier"),
    "efficientnet_lite0": _lite_classifier("efficientnet_lite0"),
    "efficientnet_lite2": _lite_classifier("efficientnet_lite2"),
}


def load_extractor(name: str, *, weights: str | None = None) -> Extractor:
    """Loads a net that gives features.

    Args:
      name: a key of `EXTRACTORS`, or `hub:` and a TF-Hub handle or SavedModel folder.
      weights: None for the released ones, fetched by name at first use; `random:SEED` for tests; or
        a local file, the released one or an `.npz` of the same arrays.

    Raises:
      UserError: if the name is unknown or the weights can't be had.
    """
    return _resolve("extractor", name, EXTRACTORS, "HubExtractor", weights)


class MadeWithNets(Protocol):
    """A model, or the description of a data set: the nets of its features, by modality."""

    extractors: dict[str, str]
    fingerprints: dict[str, str]


def load_same_extractor(made: MadeWithNets, modality: Modality) -> Extractor:
    """Loads the net whose features a model takes or a data set holds.

    Raises:
      UserError: if it can't be had, or is another than that was.
    """
    net = load_extractor(made.extractors[modality])
    check_fingerprint(net, made.fingerprints[f"{modality}_fingerprint"])
    return net


def label_columns(name: str) -> slice:
    """Where in an extractor's features the scores of its own labels are; empty where it has none.

    Args:
      name: as of `load_extractor`; no weights are needed.
    """
    net = _extractor_type(name)
    return slice(net.num_embedding, net.num_embedding + net.num_label_scores)


def named_columns(name: str, class_names: Sequence[str]) -> list[list[int]]:
    """Where the scores of the labels are that each class is named after; none where none is known.

    Args:
      name: as of `load_extractor`; no weights are needed.
      class_names: names of the classes.
    """
    net = _extractor_type(name)
    return [[net.num_embedding + label for label in net.labels_of(one)] for one in class_names]


def _extractor_type(name: str) -> type[Extractor]:
    factory = EXTRACTORS.get(name)
    return factory.net_type() if isinstance(factory, _Factory) else Extractor


def load_classifier(name: str, *, weights: str | None = None) -> Classifier:
    """Loads a net that gives label scores.

    As `load_extractor`, by the keys of `CLASSIFIERS`; or `sounding:` and one of these, for classes
    of things that sound, see `s2i_tf.features.sounding`.
    """
    if name.startswith(SOUNDING_PREFIX):
        from s2i_tf.features import sounding  # it imports this module

        return sounding.SoundingClassifier(name.removeprefix(SOUNDING_PREFIX), weights)
    return _resolve("classifier", name, CLASSIFIERS, "HubClassifier", weights)


def has_classifier(name: str, modality: Modality) -> bool:
    """Whether there is a classifier of that name; one of a hub is only there once it is loaded."""
    return _has(name.removeprefix(SOUNDING_PREFIX), CLASSIFIERS, modality)


def has_extractor(name: str, modality: Modality) -> bool:
    """Whether there is an extractor of that name; one of a hub is only there once it is loaded."""
    return _has(name, EXTRACTORS, modality)


def known(table: Mapping[str, Callable], modality: Modality) -> list[str]:
    """The names in `EXTRACTORS` or `CLASSIFIERS` of sounds' or pictures' nets, and a hub's form."""
    names = [name for name, net in table.items() if getattr(net, "modality", modality) == modality]
    return [*names, _OF_HUB] if modality == "image" else names


def _has(name: str, table: Mapping[str, Callable], modality: Modality) -> bool:
    is_of_hub = modality == "image" and name.startswith(HUB_PREFIX)
    return is_of_hub or name in known(table, modality)


def comparable(sound: str, image: str) -> tuple[str, str]:
    """The names of two classifiers whose labels can be compared.

    Args:
      sound: a classifier of sounds.
      image: a classifier of pictures, with ImageNet's labels.

    Returns:
      The names as they are; where the sounds' labels are AudioSet's both in the classes that
      `s2i_tf.features.sounding` maps to.
    """
    if sound in _OF_AUDIOSET:
        return f"{SOUNDING_PREFIX}{sound}", f"{SOUNDING_PREFIX}{image}"
    return sound, image


def _resolve(kind: str, name: str, factories: dict, hub_class: str, weights: str | None) -> Net:
    if name.startswith(HUB_PREFIX):
        return _Factory("image", "hub", hub_class, name.removeprefix(HUB_PREFIX))(weights)
    if name not in factories:
        raise unknown_name(kind, name, [*factories, _OF_HUB])
    return factories[name](weights)

"""What metrics measure: the types that `predictions` fills and that every metric is given."""

import collections
import dataclasses
import functools
from collections.abc import Callable, Hashable, Mapping

import numpy as np

from s2i_tf.data import splits
from s2i_tf.evaluation import stats
from s2i_tf.evaluation.probes import LinearProbe
from s2i_tf.features.base import Classifier
from s2i_tf.models.multimodal import Hidden


@dataclasses.dataclass(frozen=True)
class Items:
    """The sounds, or the photos, of one split: each once, however many pairs it forms.

    Attributes:
      ids: str [items], sorted.
      labels: int [items], their classes.
      groups: str [items], the recording that each is of; of a photo that is no frame of a film its
        own file.
      sources: str [items], the collection that each is from; empty where it is not known.
      of_pair: int [pairs], the item of each pair.
      features: float [items, 4096], what the model is given; or None.
      pictures: uint8 [items, height, width, 3], the photos; None for sounds.
    """

    ids: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    sources: np.ndarray
    of_pair: np.ndarray
    features: np.ndarray | None = None
    pictures: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @functools.cached_property
    def first_pair(self) -> np.ndarray:
        """The first pair of each item, int [items]."""
        return np.unique(self.of_pair, return_index=True)[1]

    def of_each_class(self, num: int, seed: int) -> list[int]:
        """Some items, one of each class in turn: neither the best nor the worst.

        Args:
          num: how many at most.
          seed: random seed of the draw.

        Returns:
          Their positions, those of a class beside each other.
        """
        order = self.drawn(np.arange(len(self)), len(self), f"gallery {seed}")
        taken, turns = collections.Counter(), {}
        for position in order:
            turns[position] = taken[self.labels[position]]
            taken[self.labels[position]] += 1
        chosen = sorted(order, key=turns.get)[:num]
        return sorted(chosen, key=lambda position: self.labels[position])

    def drawn(self, positions: np.ndarray, num: int, salt: str) -> list[int]:
        """Some of the positions, in a random order that depends on the ids and the salt alone."""
        place = {self.ids[position]: int(position) for position in positions}
        return [place[name] for name in splits.stable_order(list(place), salt)[:num]]


@dataclasses.dataclass(frozen=True)
class JudgeOutput:
    """What a judge sees in some pictures.

    Attributes:
      labels: int [items], indices of the likeliest labels, the likeliest first.
      features: float32 [items, size], which its labels are read from.
      pictures: uint8 [items, height, width, 3], what it looked at; None of a baseline.
    """

    labels: np.ndarray
    features: np.ndarray
    pictures: np.ndarray | None = None

    def __getitem__(self, chosen: np.ndarray) -> "JudgeOutput":
        return JudgeOutput(self.labels[chosen], self.features[chosen])


@dataclasses.dataclass(frozen=True)
class Training:
    """What the model was trained on, as far as it is at hand.

    Attributes:
      sounds: the training sounds.
      images: the training photos.
      judged: the judge's output for the photos.
      sound_vectors: multimodal vectors of the sounds.
      image_vectors: multimodal vectors of the photos.
      class_heard: names the class of a sound, from the features that the model is given.
      class_seen: names the class of a picture, from the judge's features.
    """

    sounds: Items
    images: Items
    judged: JudgeOutput
    sound_vectors: Hidden
    image_vectors: Hidden
    class_heard: LinearProbe
    class_seen: LinearProbe


@dataclasses.dataclass(frozen=True)
class Heard:
    """What sounds are heard as.

    Attributes:
      labels: int [sounds], the likeliest classes; -1 for one that the data do not have.
      certainty: float [sounds], their probabilities.
      known_score: float [sounds], how much each is like anything known; None where none is given.
    """

    labels: np.ndarray
    certainty: np.ndarray
    known_score: np.ndarray | None = None

    def of(self, rows: np.ndarray) -> "Heard":
        """What some of the sounds are heard as."""
        scores = None if self.known_score is None else self.known_score[rows]
        return Heard(self.labels[rows], self.certainty[rows], scores)


@dataclasses.dataclass(frozen=True)
class LeftOutSounds:
    """Sounds as a model hears them that was fitted without their source, see `source_folds`.

    Attributes:
      sounds: the sounds, of both splits.
      heard: what they are heard as.
      vectors: their multimodal vectors.
      num_folds: how many fits there were, each without one source or several.
      num_alone: how many sounds more there are, whose class no other source has, or nothing but it.
      drawn: positions of some of them, int [drawn].
      pictures: the judge's output for a picture of each of these.
    """

    sounds: Items
    heard: Heard
    vectors: Hidden
    num_folds: int
    num_alone: int
    drawn: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, int))
    pictures: JudgeOutput | None = None


@dataclasses.dataclass(frozen=True)
class FoundSounds:
    """The sound that was found for each photo.

    Attributes:
      ids: str [photos].
      labels: int [photos], of the data's classes; -1 for a class that the data do not have.
    """

    ids: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class PhotoToSound:
    """What the direction from photo to sound gives.

    Attributes:
      found: the sounds found for the photos: `generated`, by features made of the photo, and
        `nearest_sound`, by multimodal vectors, if the training sounds are at hand.
      index_labels: int [sounds], the classes of all sounds that can be found.
      judge: the judge of sounds; None without one.
      heard: the judge's likeliest labels, int [10], by the id of each sound found and of each one
        of the eval split; empty where they could not be had.
      missing: why a part could not be had, by its name.
    """

    found: dict[str, FoundSounds]
    index_labels: np.ndarray
    judge: Classifier | None
    heard: dict[str, np.ndarray]
    missing: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Everything that the metrics are worked out from.

    Attributes:
      class_names: names of the classes by label.
      judge_labels: the names of the judge's labels.
      sounds: the sounds of the eval split.
      images: the photos of the eval split.
      judged: the judge's output for the photos.
      pictures: the judge's output for a picture of each sound: `generated`, and the baselines if
        there is training.
      load_sound: gives the waveform of a sound by its id; None where their folder is not known.
      index: rows of the data's `index.csv` by path.
      seed: random seed of the intervals and draws.
      rebuilt: the judge's output for a picture of each photo, made of its own features; or None.
      sound_vectors: multimodal vectors of the sounds; or None.
      image_vectors: multimodal vectors of the photos; or None.
      samples: judge's features of samples of each sound [samples, sounds, size]; None for a model
        that gives one picture a sound.
      further: uint8 [samples, shown, height, width, 3], further samples of the sounds shown.
      shown: positions of the sounds that the report shows.
      training: what the model was trained on; None where it is not at hand.
      no_training: why not.
      heard: what the sounds are heard as; None for a model that was given no ear.
      unknown_scores: float [sounds], the known scores of sounds of no class; None without any.
      own_labels: int [classes of the model], those that it can hear, as labels of the data; -1 of
        one that the data do not have.
      left_out: sounds whose source the model was fitted without; None where there are none.
      no_left_out: why not.
      photo_to_sound: the other direction; None for a model without it.
      embeddings: vectors of a net that knows sounds and pictures, by what they are of: `sounds`,
        `pictures` and `photos` [pairs, size], `classes` [classes, size]; as far as they are given.
      photos_teach: fit the probe for the class on the photos themselves, for want of others; every
        photo, and the picture of its pair, is then named by a probe that did not see it.
    """

    class_names: tuple[str, ...]
    judge_labels: tuple[str, ...]
    sounds: Items
    images: Items
    judged: JudgeOutput
    pictures: dict[str, JudgeOutput]
    load_sound: Callable[[str], np.ndarray] | None = None
    index: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    seed: int = 0
    rebuilt: JudgeOutput | None = None
    sound_vectors: Hidden | None = None
    image_vectors: Hidden | None = None
    samples: np.ndarray | None = None
    further: np.ndarray | None = None
    shown: tuple[int, ...] = ()
    training: Training | None = None
    no_training: str = ""
    heard: Heard | None = None
    unknown_scores: np.ndarray | None = None
    own_labels: np.ndarray | None = None
    left_out: LeftOutSounds | None = None
    no_left_out: str = ""
    photo_to_sound: PhotoToSound | None = None
    embeddings: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    photos_teach: bool = False

    @property
    def generated(self) -> JudgeOutput:
        """The judge's output for the pictures of the sounds."""
        return self.pictures["generated"]

    @functools.cached_property
    def photo_of_sound(self) -> np.ndarray:
        """The photo of each sound's first pair, int [sounds]."""
        return self.images.of_pair[self.sounds.first_pair]

    @property
    def names(self) -> list[str]:
        """The class of each sound."""
        return [self.class_names[label] for label in self.sounds.labels]

    @functools.cached_property
    def same_source(self) -> np.ndarray:
        """What a pair shares with others that are then no shuffled pair: int [pairs, 2]."""
        _, recordings = np.unique(self.sounds.groups, return_inverse=True)
        return np.stack([self.images.of_pair, recordings[self.sounds.of_pair]], axis=1)

    def rates(
        self,
        measures: Mapping[Hashable, np.ndarray],
        items: Items,
        groups: np.ndarray | None = None,
    ) -> dict[Hashable, stats.Rate]:
        """The means of measures of some items, see `stats.rates`.

        Args:
          measures: the measures by name, float [items] in [0, 1], or NaN.
          items: the sounds or photos that they are of.
          groups: what is drawn anew for the intervals; by default the recordings.
        """
        return stats.rates(
            measures,
            items.labels,
            items.groups if groups is None else groups,
            class_names=self.class_names,
            sources=items.sources,
            seed=self.seed,
        )

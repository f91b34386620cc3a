"""The three trained parts stacked (paper section 5.4): sound features in, pictures out.

Sound features → multimodal vector before the activation → feature GAN → image features → image
GAN → picture. A saved model is a folder with the three parts and `model.json`; a run keeps it in
`RUN/model`, and the package carries one (`s2i_tf.pretrained`).

A model that was trained in the other direction too has a fourth part, from photos to sound
features, and the index of sounds to find those that fit.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from s2i_tf import files, spec
from s2i_tf.errors import UserError
from s2i_tf.model_folder import find_model, read_description, read_trained_on, write_description
from s2i_tf.models import feature_map, part_file
from s2i_tf.models.hearing import Hearing
from s2i_tf.models.layers import drawn_layers, drawn_masks
from s2i_tf.models.multimodal import Hidden, MultimodalLayers
from s2i_tf.models.sound_index import SoundIndex

SOUND_INDEX_FILE = "sound_index.npz"
_PARTS = ("multimodal", "feature_generator", "image_generator")
# What a model may lack: the other direction, and a calibrated ear.
_FURTHER_PARTS = ("reverse_generator", "hearing")
_BATCH_SIZE = 16


@dataclasses.dataclass
class SoundToImage:
    """A trained sound-to-image model.

    Attributes:
      multimodal: the multimodal layers.
      feature_generator: hidden vector, or its map, to scaled image features in the same layout.
      image_generator: scaled image features, or their map [batch, side, side, 1], to pictures
        [batch, side, side, 3] in [-1, 1].
      class_names: of the labels it was trained with.
      fingerprints: digests of the two nets whose features it takes, as in the data set.
      extractors: the names of these nets (`sound`, `image`).
      nets: their fingerprints in full.
      trained_on: hashes of what it was trained on, as of `s2i_tf.data.trained_on`, if it is known.
      recipe: the configuration that it was trained with but for the place of the data, nested as
        `s2i_tf.config.Config` is, if it is known.
      reverse_generator: hidden vector, or its map, to scaled sound features in the same layout, if
        it was trained from image to sound too.
      sound_index: the training sounds, likewise.
      hearing: says what a sound is and whether it is like anything known, if it was fitted; without
        it the multimodal layers' label scores say the first, and every sound passes for known.
    """

    multimodal: MultimodalLayers
    feature_generator: keras.Model
    image_generator: keras.Model
    class_names: tuple[str, ...]
    fingerprints: dict[str, str]
    extractors: dict[str, str]
    nets: dict[str, dict[str, str]]
    trained_on: dict[str, Any] | None = None
    recipe: dict[str, Any] | None = None
    reverse_generator: keras.Model | None = None
    sound_index: SoundIndex | None = None
    hearing: Hearing | None = None

    @property
    def sound_parts(self) -> tuple[keras.Model, ...]:
        """The parts that say what is heard in a sound and draw it."""
        parts = (self.multimodal, self.feature_generator, self.image_generator, self.hearing)
        return tuple(part for part in parts if part is not None)

    @property
    def image_side(self) -> int:
        """Width and height of the pictures."""
        return self.image_generator.output_shape[1]

    @property
    def stochastic(self) -> bool:
        """Whether one sound can give several pictures."""
        return bool(drawn_layers(self.feature_generator, self.image_generator))

    def picture_of_sound(self, sound_features):
        """Pictures [batch, side, side, 3] in [0, 1] of sound features [batch, 4096]; traceable."""
        return self.picture_of_vector(self.multimodal.hidden_of_sound(sound_features).before)

    def picture_of_vector(self, before, draws=None):
        """As `picture_of_sound`, of multimodal vectors [batch, hidden] before the activation.

        Without `draws` they are the deterministic ones; with them further samples, see
        `s2i_tf.models.layers.drawn_masks`.
        """
        if draws is not None:
            with drawn_masks(draws, self.feature_generator, self.image_generator):
                return self.picture_of_vector(before)
        condition = self.multimodal.condition_scaler(before)
        return self._picture(feature_map.run(self.feature_generator, condition))

    def picture_of_image_features(self, image_features):
        """Pictures [batch, side, side, 3] in [0, 1] of image features [batch, 4096]; traceable."""
        return self._picture(self.multimodal.image_scaler(image_features))

    def generate(self, sound_features: np.ndarray, *, sample: int = 0, seed: int = 0) -> np.ndarray:
        """Pictures of sounds.

        Args:
          sound_features: float32 [num, 4096].
          sample: 0 is the model's one deterministic picture; 1, 2, … are further ones, drawn by
            dropout masks that depend on `sample` and `seed` alone.
          seed: of the further ones.

        Returns:
          Float32 [num, side, side, 3] in [0, 1].

        Raises:
          UserError: if a further picture is asked of a model that has no dropout.
        """
        return self.draw(self.embed_sound(sound_features).before, sample=sample, seed=seed)

    def draw(self, before: np.ndarray, *, sample: int = 0, seed: int = 0) -> np.ndarray:
        """As `generate`, of multimodal vectors [num, hidden] before the activation."""
        if sample and not self.stochastic:
            raise UserError("this model gives one picture a sound: it was trained with dropout 0")
        draws = [[seed, sample]] if sample else None
        return _in_batches(lambda batch: self.picture_of_vector(batch, draws), before)

    def what_is_heard(self, sound_features):
        """What sounds of features [batch, 4096] are heard as; traceable.

        Returns:
          `heard`, class probabilities [batch, classes]; `known_score` [batch], in [0, 1], of which
          `spec.KNOWN_SCORE` and more is like what the model knows; and the multimodal vectors
          `before` and `after` the activation, each [batch, hidden].
        """
        hidden = self.multimodal.hidden_of_sound(sound_features)
        if self.hearing is not None:
            return {**self.hearing(sound_features), **hidden._asdict()}
        heard = ops.softmax(self.multimodal.labels(hidden))
        return {"heard": heard, "known_score": ops.ones_like(heard[:, 0]), **hidden._asdict()}

    def listen(self, sound_features: np.ndarray) -> dict[str, np.ndarray]:
        """As `what_is_heard`, of float32 [num, 4096], in NumPy."""
        return _in_batches(self.what_is_heard, sound_features)

    def images_from_features(self, image_features: np.ndarray) -> np.ndarray:
        """Pictures float32 [num, side, side, 3] in [0, 1] of image features [num, 4096] (5.2)."""
        return _in_batches(self.picture_of_image_features, image_features)

    def sound_of_image_features(self, image_features):
        """Scaled sound features [batch, 4096] of image features [batch, 4096]; traceable."""
        condition = self.multimodal.condition_of_image(image_features)
        return feature_map.run(self.reverse_generator, condition)

    def nearest_sounds(
        self, image_features: np.ndarray, num: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """The training sounds nearest to the sound features that are made of photos.

        Args:
          image_features: float32 [photos, 4096].
          num: how many for each photo.

        Returns:
          Positions in `sound_index` and distances, see `SoundIndex.nearest`.

        Raises:
          UserError: as `require_reverse`.
        """
        self.require_reverse()
        made = _in_batches(self.sound_of_image_features, image_features)
        return self.sound_index.nearest(made, num)

    def require_reverse(self) -> None:
        """Refuses a model that was not trained from image to sound.

        Raises:
          UserError: saying what would add it.
        """
        if self.reverse_generator is None or self.sound_index is None:
            raise UserError(
                "this model goes from sound to image only; "
                "training with --config.image_to_sound=True adds the other direction"
            )

    def embed_sound(self, sound_features: np.ndarray) -> Hidden:
        """Multimodal vectors of sounds, before and after the activation, each [num, hidden]."""
        return Hidden(*_in_batches(self.multimodal.hidden_of_sound, sound_features))

    def embed_image(self, image_features: np.ndarray) -> Hidden:
        """Multimodal vectors of photos, before and after the activation, each [num, hidden]."""
        return Hidden(*_in_batches(self.multimodal.hidden_of_image, image_features))

    def save(self, folder: str | os.PathLike, *, compact: bool = False) -> pathlib.Path:
        """Writes the model into `folder`, which appears only when it is complete.

        Args:
          folder: what was there before is replaced.
          compact: half the size, for inference alone, see `s2i_tf.models.part_file`.
        """
        with files.new_folder(folder) as temporary:
            for part in (*_PARTS, *_FURTHER_PARTS):
                if getattr(self, part) is not None:
                    part_file.save(getattr(self, part), temporary, part, compact=compact)
            if self.sound_index is not None:
                self.sound_index.save(temporary / SOUND_INDEX_FILE)
            write_description(
                temporary,
                class_names=self.class_names,
                image_side=self.image_side,
                fingerprints=self.fingerprints,
                extractors=self.extractors,
                nets=self.nets,
                trained_on=self.trained_on,
                recipe=self.recipe,
            )
        return pathlib.Path(folder)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "SoundToImage":
        """Reads a model from its folder or from the run that trained it.

        Raises:
          UserError: if the folder holds no complete model, or one of another version.
        """
        folder = find_model(folder)
        description = read_description(folder)
        parts: dict[str, Any] = {}
        if (folder / SOUND_INDEX_FILE).exists():
            parts["sound_index"] = SoundIndex.load(folder / SOUND_INDEX_FILE)
        for part in (*_PARTS, *_FURTHER_PARTS):
            if part in _PARTS or part_file.exists(folder, part):
                parts[part] = part_file.load(folder, part)
        model = cls(
            class_names=tuple(description["class_names"]),
            fingerprints=description["fingerprints"],
            extractors=description["extractors"],
            nets=description["nets"],
            trained_on=read_trained_on(folder),
            recipe=description.get("recipe"),
            **parts,
        )
        said = description.get("image_side", spec.IMAGE_SIDE)
        if model.image_side != said:
            raise UserError(
                f"{folder}: its description says pictures of {said} px, the image generator "
                f"makes {model.image_side}; take the folder as it was saved"
            )
        return model

    def _picture(self, image_features):
        condition = feature_map.lay_out(image_features, self.image_generator)
        return (self.image_generator(condition, training=False) + 1) / 2


def _in_batches(function: Callable, features: np.ndarray):
    """Applies a traceable function to [num, …] batch by batch; NumPy arrays out."""
    parts = []
    for start in range(0, len(features), _BATCH_SIZE):
        result = function(ops.convert_to_tensor(features[start : start + _BATCH_SIZE]))
        parts.append(keras.tree.map_structure(ops.convert_to_numpy, result))
    return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)

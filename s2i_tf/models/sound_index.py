"""The training sounds by their features: which of them is nearest to features made of a photo?

Compared are the means over time of the scaled features, [batch, 4096] time-major, by the angle
between them. So it counts what is heard and not at which moment, and a sound takes half a kilobyte.
By Euclidean distance a few sounds of small features would be the nearest of most photos, because
what a generator makes has less spread than real features. A saved index is one `.npz` file;
`MAX_SOUNDS` keep it below 6 MB.
"""

import dataclasses
import os
import pathlib
import zipfile
import zlib

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import UserError

MAX_SOUNDS = 10_000

_TINY = 1e-12
_ARRAYS = ("vectors", "ids", "groups", "labels")


@dataclasses.dataclass(frozen=True)
class SoundIndex:
    """What is known of each sound.

    Attributes:
      vectors: float16 [sounds, 256], see `summarize`.
      ids: str [sounds], paths relative to the data set's source folder.
      groups: str [sounds], the recordings that they were cut from.
      labels: int [sounds], their classes.
    """

    vectors: np.ndarray
    ids: np.ndarray
    groups: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(
        cls, scaled_features: np.ndarray, ids: np.ndarray, groups: np.ndarray, labels: np.ndarray
    ) -> "SoundIndex":
        """Of scaled sound features float [sounds, 4096] and the other columns."""
        return cls(
            summarize(scaled_features).astype(np.float16),
            np.asarray(ids, str),
            np.asarray(groups, str),
            np.asarray(labels, np.int32),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def nearest(self, scaled_features: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest sounds by cosine distance, no two of them of one recording.

        Args:
          scaled_features: float [queries, 4096], as the model's sound scaler or its reverse
            generator gives them.
          num: how many; fewer where there are fewer recordings.

        Returns:
          Int [queries, num], positions in the index, the nearest first, and float32 [queries, num],
          their distances in [0, 2].
        """
        num = min(num, len(np.unique(self.groups)))
        targets = self.vectors.astype(np.float32)
        positions = np.zeros((len(scaled_features), num), np.int64)
        distances = np.zeros((len(scaled_features), num), np.float32)
        for row, query in enumerate(summarize(scaled_features)):
            apart = 1 - targets @ query
            order = np.argsort(apart, kind="stable")
            _, first = np.unique(self.groups[order], return_index=True)
            positions[row] = order[np.sort(first)[:num]]
            distances[row] = np.clip(apart[positions[row]], 0, 2)
        return positions, distances

    def save(self, path: str | os.PathLike) -> None:
        """Writes the file; its name ends in `.npz`."""
        np.savez_compressed(path, **{name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "SoundIndex":
        """Reads a file.

        Raises:
          UserError: if it is damaged or no index.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                index = cls(**{name: archive[name] for name in _ARRAYS})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(f"{path}: cannot be read as an index of sounds: {error}") from None
        if len({len(getattr(index, name)) for name in _ARRAYS}) != 1 or not len(index):
            raise UserError(f"{pathlib.Path(path)}: an index of sounds whose columns do not fit")
        return index


def summarize(scaled_features: np.ndarray) -> np.ndarray:
    """Scaled features [sounds, 4096] as the directions of their means over time.

    Returns:
      Float32 [sounds, 256], each of length 1.
    """
    features = np.asarray(scaled_features, np.float32)
    means = features.reshape(len(features), spec.FEATURE_STEPS, -1).mean(axis=1)
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), _TINY)

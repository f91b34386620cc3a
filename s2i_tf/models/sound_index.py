"""The training sounds by their features: which of them is nearest to features made of a photo?

Compared are summaries of the scaled features, by the angle between them. Of features [batch, 4096]
that are time-major it is their mean over time: it counts what is heard and not at which moment. Of
others it is their projection on the directions in which the training sounds differ most. So a sound
takes half a kilobyte.
By Euclidean distance a few sounds of small features would be the nearest of most photos, because
what a generator makes has less spread than real features. A saved index is one `.npz` file;
`MAX_SOUNDS` keep it below 6 MB.
"""

import dataclasses
import os
import pathlib

import numpy as np

from s2i_tf import files, spec
from s2i_tf.errors import UserError

MAX_SOUNDS = 10_000

_TINY = 1e-12
_NUM_DIRECTIONS = 128
_NUM_FITTED = 512  # sounds that the directions are found by
_COLUMNS = ("vectors", "ids", "groups", "labels")


@dataclasses.dataclass(frozen=True)
class SoundIndex:
    """What is known of each sound.

    Attributes:
      vectors: float16 [sounds, 256], see `summarize`.
      ids: str [sounds], paths relative to the data set's source folder.
      groups: str [sounds], the recordings that they were cut from.
      labels: int [sounds], their classes.
      basis: float16 [4096, directions] of the projection; None for time-major features.
    """

    vectors: np.ndarray
    ids: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    basis: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        scaled_features: np.ndarray,
        ids: np.ndarray,
        groups: np.ndarray,
        labels: np.ndarray,
        *,
        time_major: bool = True,
    ) -> "SoundIndex":
        """Of scaled sound features float [sounds, 4096] and the other columns."""
        basis = None
        if not time_major:
            some = np.asarray(scaled_features)[:: -(-len(ids) // _NUM_FITTED)]
            _, _, directions = np.linalg.svd(some, full_matrices=False)
            basis = directions[:_NUM_DIRECTIONS].T.astype(np.float16)
        return cls(
            summarize(scaled_features, basis).astype(np.float16),
            np.asarray(ids, str),
            np.asarray(groups, str),
            np.asarray(labels, np.int32),
            basis,
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
        for row, query in enumerate(summarize(scaled_features, self.basis)):
            apart = 1 - targets @ query
            order = np.argsort(apart, kind="stable")
            _, first = np.unique(self.groups[order], return_index=True)
            positions[row] = order[np.sort(first)[:num]]
            distances[row] = np.clip(apart[positions[row]], 0, 2)
        return positions, distances

    def save(self, path: str | os.PathLike) -> None:
        """Writes the file; its name ends in `.npz`."""
        arrays = {name: getattr(self, name) for name in _COLUMNS}
        if self.basis is not None:
            arrays["basis"] = self.basis
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "SoundIndex":
        """Reads a file.

        Raises:
          UserError: if it is damaged or no index.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                index = cls(*(archive[name] for name in _COLUMNS), archive.get("basis"))
        except files.ARCHIVE_ERRORS as error:
            raise UserError(f"{path}: cannot be read as an index of sounds: {error}") from None
        if len({len(getattr(index, name)) for name in _COLUMNS}) != 1 or not len(index):
            raise UserError(f"{pathlib.Path(path)}: an index of sounds whose columns do not fit")
        return index


def summarize(scaled_features: np.ndarray, basis: np.ndarray | None = None) -> np.ndarray:
    """Scaled features [sounds, 4096] as the directions of their means over time, or on a basis.

    Returns:
      Float32 [sounds, 256], or [sounds, directions], each of length 1.
    """
    features = np.asarray(scaled_features, np.float32)
    if basis is None:
        vectors = features.reshape(len(features), spec.FEATURE_STEPS, -1).mean(axis=1)
    else:
        vectors = features @ basis.astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _TINY)

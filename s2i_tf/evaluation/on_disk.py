"""Arrays that may be larger than memory: made on disk, and read some rows at a time.

What was read of a memory-mapped array counts as memory of the process until it is given back, see
`forget`.
"""

import errno
import math
import mmap
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from s2i_tf.errors import UserError

READ_BYTES = 1 << 26
_BATCH_ROWS = 256

Rows = slice | np.ndarray


class Scratch:
    """Arrays that lie on disk and not in memory, and vanish with the process.

    Args:
      folder: where there is room for them, or will be a folder; nothing is ever seen there.
    """

    def __init__(self, folder: str | os.PathLike):
        folder = pathlib.Path(folder).resolve()
        self._folder = next(path for path in (folder, *folder.parents) if path.is_dir())

    def array(self, shape: tuple[int, ...], dtype: np.dtype | str) -> np.memmap:
        """An array to fill, memory-mapped.

        Raises:
          UserError: if the disk has no room for it, or takes no files.
        """
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                # A mapped file that grows on a full disk would end the process by a signal.
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                return np.memmap(file, dtype, "w+", shape=shape)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise UserError(
                    f"{self._folder}: no room for {math.ceil(size / 2**20)} MB of working data "
                    f"({error.strerror}); free some space there, or choose a results folder on "
                    "another disk"
                ) from None
            raise UserError(
                f"{self._folder}: nothing can be written there ({error.strerror}); choose another "
                "results folder"
            ) from None

    def filled(
        self, function: Callable[[np.ndarray], Sequence[np.ndarray]], features: np.ndarray
    ) -> list[np.ndarray]:
        """What a function makes of some rows at a time of features: arrays [items, …]."""
        arrays: list[np.ndarray] = []
        start = 0
        for batch in batches(features):
            made = function(batch)
            arrays = arrays or [
                self.array((len(features), *part.shape[1:]), part.dtype) for part in made
            ]
            for array, part in zip(arrays, made, strict=True):
                array[start : start + len(batch)] = part
                forget(array)
            start += len(batch)
        return arrays


def blocks(vectors: np.ndarray, num_bytes: int = READ_BYTES) -> Iterator[slice]:
    """Consecutive rows of vectors, as many at once as take so many bytes as float64."""
    num_rows = max(1, num_bytes // (8 * int(np.prod(vectors.shape[1:]))))
    for start in range(0, len(vectors), num_rows):
        yield slice(start, min(start + num_rows, len(vectors)))


def batches(features: np.ndarray) -> Iterator[np.ndarray]:
    """Some rows of features at a time, float32 [rows, 4096]."""
    for start in range(0, len(features), _BATCH_ROWS):
        yield np.asarray(read(features, slice(start, start + _BATCH_ROWS)))


def doubles(vectors: np.ndarray) -> Iterator[np.ndarray]:
    """All vectors [vectors, …], flat, some rows at a time: float64 [rows, size]."""
    return (read_doubles(vectors, rows) for rows in blocks(vectors))


def read_doubles(vectors: np.ndarray, rows: Rows) -> np.ndarray:
    """Some of the vectors [vectors, …], flat: float64 [rows, size]."""
    chosen = np.asarray(vectors[rows], np.float64)
    forget(vectors)
    return chosen.reshape(len(chosen), -1)


def read(vectors: np.ndarray, rows: Rows) -> tf.Tensor:
    """Some of the vectors [vectors, …], flat: float32 [rows, size]."""
    chosen = vectors[rows]
    found = tf.cast(tf.constant(chosen.reshape(len(chosen), -1)), tf.float32)
    forget(vectors)
    return found


def forget(vectors: np.ndarray) -> None:
    """Gives the pages back that were read of a memory-mapped array: they count as memory."""
    if getattr(vectors, "mode", None) in ("r", "r+", "w+"):  # a copy of some rows has none
        vectors._mmap.madvise(mmap.MADV_DONTNEED)

"""Restricted readers of the two pickled formats that pretrained weights are released in.

A pickle is a program. The readers here admit the few names that arrays are rebuilt from and
refuse every other one, so that a released file can do no more than fill arrays. NumPy only:
neither PyTorch nor Python 2 is needed to read what they wrote.
"""

import collections
import io
import pickle
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

# Its module has another name in NumPy 1 than in NumPy 2.
_rebuild_array = np.empty(0).__reduce__()[0]

_Global = tuple[str, str]

_NUMPY_GLOBALS: dict[_Global, Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _rebuild_array,
    ("numpy._core.multiarray", "_reconstruct"): _rebuild_array,
}

_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_TORCH_PROTOCOL = 1001
_TORCH_STORAGES = {
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _Unpickler(pickle.Unpickler):
    """An unpickler that resolves the names of `known` and no others."""

    def __init__(self, file: BinaryIO, known: Mapping[_Global, Any], **options):
        super().__init__(file, **options)
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"the pickle names {module}.{name}") from None


def load_object_npy(data: bytes) -> Any:
    """Reads a `.npy` file that holds one pickled object, such as a dict of arrays.

    Args:
      data: the file's bytes, as written by NumPy under Python 2 or 3.

    Raises:
      ValueError: if it is no such file.
      pickle.UnpicklingError: if its pickle asks for more than arrays.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f".npy format {version}; allowed: (1, 0)")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if shape != () or dtype != np.dtype(object):
        raise ValueError(f".npy of {dtype} {shape}; allowed: one object")
    # Python 2 wrote array contents as byte strings, which latin1 keeps as they are.
    return _Unpickler(file, _NUMPY_GLOBALS, encoding="latin1").load().item()


def load_torch_state(data: bytes) -> dict[str, np.ndarray]:
    """Reads a state dict that PyTorch saved in its legacy format (before version 1.6).

    The file is five pickles (magic, protocol, system, state dict, storage keys) and then, for each
    key, the storage's number of elements and its values.

    Args:
      data: the file's bytes.

    Returns:
      Read-only arrays by parameter name.

    Raises:
      ValueError: if it is no such file, or is cut short.
      pickle.UnpicklingError: if a pickle asks for more than tensors.
    """
    file = io.BytesIO(data)
    magic, protocol, system = (_Unpickler(file, {}).load() for _ in range(3))
    if magic != _TORCH_MAGIC or protocol != _TORCH_PROTOCOL or not system["little_endian"]:
        raise ValueError("not a little-endian state dict in PyTorch's legacy format")
    # Tensors come before the storages that they are views of, so they are kept as thunks.
    storages: dict[str, np.ndarray] = {}
    dtypes: dict[str, np.dtype] = {}

    def rebuild_tensor(key: str, offset: int, shape: tuple, stride: tuple, *_: Any):
        def tensor() -> np.ndarray:
            values = storages[key]
            last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
            if min((offset, *shape, *stride), default=0) < 0 or last >= max(values.size, 1):
                raise ValueError(f"a tensor {shape} reaches outside its storage of {values.size}")
            return np.lib.stride_tricks.as_strided(
                values[offset:], shape, [step * values.itemsize for step in stride], writeable=False
            )

        return tensor

    def persistent_load(identifier: tuple) -> str:
        _, dtype, key, *_ = identifier
        dtypes[key] = dtype
        return key

    unpickler = _Unpickler(
        file,
        {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
            **_TORCH_STORAGES,
        },
    )
    unpickler.persistent_load = persistent_load
    tensors = unpickler.load()
    for key in _Unpickler(file, {}).load():
        count = int.from_bytes(file.read(8), "little")
        raw = file.read(count * dtypes[key].itemsize)
        storages[key] = np.frombuffer(raw, dtypes[key], count)
    return {name: tensor() for name, tensor in tensors.items()}

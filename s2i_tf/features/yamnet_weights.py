"""YAMNet's released weights as arrays of our net, and the file of them that the package carries.

    python -m s2i_tf.features.yamnet_weights YAMNET.tflite CLASS_MAP.csv

writes `yamnet.npz` beside this module. Of the released TFLite file, which needs ai-edge-litert to
be read, the package keeps the 8-bit kernels with one scale each, 3 MB in all, and the names of the
labels; they are multiplied out when they are loaded. The front end's matrices, which that file
rounds to 8 bits too, are computed exactly instead. TF-Hub's `google/yamnet` holds float32 kernels
and batch norms, which are folded into them.

YAMNet is by the AudioSet team of Google, trained on AudioSet, under the Apache License 2.0
(https://github.com/tensorflow/models/tree/master/research/audioset/yamnet); nothing but the form of
its weights is changed.
"""

import csv
import functools
import pathlib
import re
import struct
import sys
from collections.abc import Iterable

import numpy as np

from s2i_tf.errors import UserError
from s2i_tf.features import HUB_PREFIX
from s2i_tf.features.conversion import Arrays, fold

PACKAGED = pathlib.Path(__file__).with_name("yamnet.npz")
NUM_LABELS = 521
_LABELS = "labels"
_SCALE = "scale"
_NORM_EPSILON = 1e-4
_PLACE = re.compile(r"(layer\d+|dense)/(?:(depthwise|pointwise)_)?(?:conv)?")


def load(weights: str | None = None) -> Arrays:
    """Float32 arrays by the names of our net's variables.

    Args:
      weights: None for the package's; the released TFLite file; or `hub:` and a handle or folder of
        TF-Hub's `google/yamnet`.

    Raises:
      UserError: if they can't be had, or are another net's.
    """
    arrays = _packaged() if weights is None else _released(weights)
    for name in [name for name in arrays if name.endswith(_SCALE)]:
        kernel = name.removesuffix(_SCALE) + "kernel"
        arrays[kernel] = arrays[kernel] * arrays.pop(name)
    return arrays


@functools.cache
def label_names() -> tuple[str, ...]:
    """AudioSet's display names of the labels, in the order of the scores."""
    with np.load(PACKAGED, allow_pickle=False) as stored:
        return tuple(stored[_LABELS].tolist())


def _packaged() -> Arrays:
    with np.load(PACKAGED, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored if name != _LABELS}


def _released(weights: str) -> Arrays:
    if weights.startswith(HUB_PREFIX):
        import tensorflow as tf

        from s2i_tf.features import hub

        model = tf.saved_model.load(str(hub.folder(weights.removeprefix(HUB_PREFIX))))
        return of_variables(next(iter(model.signatures.values())).variables)
    try:
        return of_tflite(pathlib.Path(weights).read_bytes())
    except OSError as error:
        reason = error.strerror
    except (ValueError, TypeError, struct.error) as error:
        reason = str(error)
    raise UserError(f"{weights}: not the weights of yamnet ({reason}); give its released .tflite")


def of_tflite(data: bytes) -> Arrays:
    """The arrays of the released TFLite file; 8-bit kernels come with a `scale` each.

    Raises:
      UserError: if ai-edge-litert is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        raise UserError(
            "reading a TFLite file needs ai-edge-litert: pip install 's2i_tf[tflite]'"
        ) from None
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    dtypes = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.INT8: np.int8}
    arrays: Arrays = {}
    for tensor in model.subgraphs[0].tensors:
        contents = model.buffers[tensor.buffer].data
        name = tensor.name.decode().removeprefix("yamnet_frames/")
        if contents is None or not (place := _our_place(name)):
            continue
        values = np.array(contents, np.uint8).view(dtypes[tensor.type]).reshape(tensor.shape)
        if values.ndim == 4:  # [out, height, width, in], of a depthwise kernel [1, …, channels]
            values = values.transpose(1, 2, 3, 0)
        elif values.ndim == 2:
            values = values.T
        arrays[f"{place}/{'bias' if values.ndim == 1 else 'kernel'}"] = values
        if values.dtype == np.int8:
            arrays[f"{place}/{_SCALE}"] = np.float32(tensor.quantization.scale[0])
    return arrays


def of_variables(variables: Iterable) -> Arrays:
    """The arrays of TF-Hub's `google/yamnet`, of its variables as the released code names them."""
    released = {variable.name.split(":")[0]: np.asarray(variable) for variable in variables}
    arrays: Arrays = {}
    for name, kernel in released.items():
        layer, _, kind = name.rpartition("/")
        place = _our_place(name)
        if not place or not kind.endswith("kernel"):
            continue
        if place == "scores":
            arrays |= {"scores/kernel": kernel, "scores/bias": released[f"{layer}/bias"]}
            continue
        norm = [released[f"{layer}/bn/{key}"] for key in ("beta", "moving_mean", "moving_variance")]
        by_channel = kernel.swapaxes(2, 3) if place.endswith("depthwise") else kernel
        folded, bias = fold(by_channel, 0.0, 1.0, *norm, _NORM_EPSILON)
        folded = folded.swapaxes(2, 3) if place.endswith("depthwise") else folded
        arrays |= {f"{place}/kernel": folded, f"{place}/bias": bias}
    return arrays


def _our_place(name: str) -> str | None:
    """The name of our layer that a released tensor belongs to, if any."""
    found = _PLACE.match(name)
    if not found or "indices" in name:
        return None
    layer, kind = found.groups()
    return "scores" if layer == "dense" else "_".join(filter(None, (layer, kind)))


def main(tflite: str, class_map: str) -> None:
    """Writes the package's file."""
    with open(class_map, newline="", encoding="utf-8") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    arrays = of_tflite(pathlib.Path(tflite).read_bytes())
    np.savez_compressed(PACKAGED, **arrays, **{_LABELS: np.array(names)})


if __name__ == "__main__":
    main(*sys.argv[1:])

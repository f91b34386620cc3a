"""Released weights turned into arrays named after the variables of our Keras models.

A converter takes the bytes of a released file and gives arrays by `LAYER/VARIABLE` in Keras'
layout: kernels [length, in, out] or [height, width, in, out], depthwise kernels [height, width,
channels, 1], dense kernels [in, out], biases [out].

The nets are only ever run, so each batch norm is folded into the convolution before it (in
float64): less work, and no norm that could run on batch statistics by mistake.
"""

import ast

import numpy as np

from s2i_tf.features import unpickling

Arrays = dict[str, np.ndarray]

SOUNDNET_NORM_EPSILON = 1e-5
EFFICIENTNET_NORM_EPSILON = 1e-3

_LABEL_LISTS = {"categories_imagenet": "imagenet", "categories_places": "places"}
# The package's own clean-up damaged the names with an apostrophe or the word "print" in them; these
# are the names that SoundNet was released with.
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

# Of a block in the PyTorch port, which counts norms within a block: each convolution, its norm and
# our name.
_BLOCK_CONVOLUTIONS = (
    ("_expand_conv", "_bn0", "expand"),
    ("_depthwise_conv", "_bn1", "depthwise"),
    ("_project_conv", "_bn2", "project"),
)


# What PyTorch calls a norm's gamma, beta, mean and variance.
_NORM_KEYS = ("weight", "bias", "running_mean", "running_var")


def soundnet(data: bytes) -> Arrays:
    """Converts `sound8.npy`, a dict of dicts whose kernels are [length, 1, in, out]."""
    arrays = {}
    for layer, released in unpickling.load_object_npy(data).items():
        kernel, bias = released["weights"][:, 0], released["biases"]
        if "gamma" in released:
            norm = (released[key] for key in ("gamma", "beta", "mean", "var"))
            kernel, bias = fold(kernel, bias, *norm, SOUNDNET_NORM_EPSILON)
        arrays |= {f"{layer}/kernel": kernel, f"{layer}/bias": bias}
    return arrays


def soundnet_labels(data: bytes) -> Arrays:
    """Reads the two label lists out of the source of the `soundnet` package, without running it.

    Returns:
      `imagenet` [1000] and `places` [401], arrays of strings in the order of the two heads.
    """
    names: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(data)):
        variable = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""
        if variable in _LABEL_LISTS:
            names[_LABEL_LISTS[variable]] = ast.literal_eval(node.value)
    for index, name in _REPAIRED_IMAGENET_LABELS.items():
        names["imagenet"][index] = name
    return {kind: np.array(values) for kind, values in names.items()}


def efficientnet_lite(data: bytes) -> Arrays:
    """Converts a state dict of the PyTorch port of EfficientNet-Lite."""
    released = unpickling.load_torch_state(data)
    blocks = sorted({int(name.split(".")[1]) for name in released if name.startswith("_blocks.")})
    convolutions = [("_conv_stem", "_bn0", "stem"), ("_conv_head", "_bn1", "head")]
    for block in blocks:
        for convolution, norm, ours in _BLOCK_CONVOLUTIONS:
            if f"_blocks.{block}.{convolution}.weight" in released:
                place = f"_blocks.{block}."
                convolutions.append((place + convolution, place + norm, f"block{block:02d}_{ours}"))
    arrays = {"logits/kernel": released["_fc.weight"].T, "logits/bias": released["_fc.bias"]}
    for convolution, norm, ours in convolutions:
        # PyTorch has the outputs first; of a depthwise kernel, ours has the only input last.
        kernel = released[f"{convolution}.weight"].transpose(2, 3, 1, 0)
        norms = (released[f"{norm}.{key}"] for key in _NORM_KEYS)
        kernel, bias = fold(kernel, 0.0, *norms, EFFICIENTNET_NORM_EPSILON)
        depthwise = ours.endswith("depthwise")
        arrays[f"{ours}/kernel"] = kernel.swapaxes(2, 3) if depthwise else kernel
        arrays[f"{ours}/bias"] = bias
    return arrays


def fold(
    kernel: np.ndarray,
    bias: np.ndarray | float,
    gamma: np.ndarray | float,
    beta: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel [..., out] and bias [out] that convolve and normalise in one."""
    scale = gamma / np.sqrt(variance.astype(np.float64) + epsilon)
    return (kernel * scale).astype(np.float32), ((bias - mean) * scale + beta).astype(np.float32)

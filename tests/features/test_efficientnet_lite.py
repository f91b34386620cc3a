"""EfficientNet-Lite against a forward pass written with NumPy alone, and on real photos."""

import csv

import numpy as np
import pytest

from s2i_tf import features, spec
from s2i_tf.features import efficientnet_lite
from s2i_tf.features import weights as weights_lib
from s2i_tf.features.efficientnet_lite_map import MapExtractor
from s2i_tf.media import image

# Lite0's blocks as published: expansion, outputs, stride, kernel.
LITE0 = [
    (1, 16, 1, 3),
    *[(6, 24, 2, 3), (6, 24, 1, 3)],
    *[(6, 40, 2, 5), (6, 40, 1, 5)],
    *[(6, 80, 2, 3), (6, 80, 1, 3), (6, 80, 1, 3)],
    *[(6, 112, 1, 5), (6, 112, 1, 5), (6, 112, 1, 5)],
    *[(6, 192, 2, 5), (6, 192, 1, 5), (6, 192, 1, 5), (6, 192, 1, 5)],
    (6, 320, 1, 3),
]
# Classes of the real photos that are ImageNet labels, by index.
IMAGENET_CLASSES = {
    "rooster": 7,
    "lion": 291,
    "chainsaw": 491,
    "french_horn": 566,
    "engine": 569,
    "saxophone": 776,
}


def same_windows(x, kernel, stride):
    """[rows, columns, channels, kernel, kernel] by TensorFlow's rule: the odd zero comes last."""
    pads = []
    for size in x.shape[:2]:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads.append((total // 2, total - total // 2))
    x = np.pad(x, (*pads, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(0, 1))
    return windows[::stride, ::stride]


def forward(arrays, picture):
    """Logits [1000] of one picture."""

    def relu6(x):
        return np.clip(x, 0, 6)

    def pointwise(x, layer):
        return x @ arrays[f"{layer}/kernel"][0, 0] + arrays[f"{layer}/bias"]

    windows = same_windows((picture.astype(np.float64) - 127) / 128, 3, 2)
    x = np.einsum("yxchw,hwco->yxo", windows, arrays["stem/kernel"], optimize=True)
    x = relu6(x + arrays["stem/bias"])
    for index, (expansion, num_outputs, stride, kernel) in enumerate(LITE0):
        name, inputs = f"block{index:02d}", x
        if expansion > 1:
            x = relu6(pointwise(x, f"{name}_expand"))
        windows = same_windows(x, kernel, stride)
        depthwise = arrays[f"{name}_depthwise/kernel"][..., 0]
        x = np.einsum("yxchw,hwc->yxc", windows, depthwise, optimize=True)
        x = relu6(x + arrays[f"{name}_depthwise/bias"])
        x = pointwise(x, f"{name}_project")
        if stride == 1 and inputs.shape[-1] == num_outputs:
            x = x + inputs
    x = relu6(pointwise(x, "head")).mean((0, 1))
    return x @ arrays["logits/kernel"] + arrays["logits/bias"]


def test_logits_are_the_numpy_forward_pass(rng):
    net = features.load_classifier("efficientnet_lite0", weights="random:3")
    for variable in net.model.weights:
        if variable.path.endswith("bias"):
            variable.assign(rng.normal(0, 0.3, variable.shape))
    arrays = {variable.path: np.array(variable) for variable in net.model.weights}
    picture = rng.integers(0, 256, (224, 224, 3)).astype(np.uint8)
    expected = forward(arrays, picture)
    assert expected.std() > 0.1
    np.testing.assert_allclose(net(picture[None])[0], expected, atol=1e-4 * abs(expected).max())


@pytest.mark.parametrize(
    ("name", "millions"), [("efficientnet_lite0", 4.7), ("efficientnet_lite2", 6.1)]
)
def test_published_number_of_parameters(name, millions):
    model = efficientnet_lite.build_efficientnet_lite(name)
    assert model.count_params() / 1e6 == pytest.approx(millions, abs=0.08)


@pytest.fixture(scope="module")
def random_map():
    return MapExtractor("random:0")


def test_the_map_lies_as_the_picture_does(random_map, rng):
    picture = np.full((260, 260, 3), 127, np.uint8)
    changed = picture.copy()
    changed[:65, -65:] = rng.integers(0, 256, (65, 65, 3))
    before, after = random_map(np.stack([picture, changed])).reshape(2, 8, 8, 8, 8)
    # By row and column of the place, and by row within its tile.
    difference = np.abs(after - before).mean(-1).transpose(0, 2, 1)
    local, whole = difference[..., :4].mean(-1), difference[..., 6:].mean(-1)
    assert local[:2, -2:].min() > 5 * local[4:, :4].max()
    assert whole.min() > 0


def test_the_map_holds_area_means(random_map, rng):
    import keras

    picture = rng.integers(0, 256, (1, 260, 260, 3)).astype(np.uint8)
    net = random_map.model
    head = keras.Model(net.input, net.get_layer("head").output)(picture).numpy()[0]
    got = random_map(picture)[0].reshape(8, 8, 8, 8)
    # Orthonormal columns keep the share of the energy that falls on them: 1024 of 1280.
    values = got.transpose(0, 2, 1, 3)[:, :, 6:].ravel() * 0.28
    assert np.sum(values**2) <= np.sum(head.mean((0, 1)) ** 2) * 1.001
    assert np.sum(values**2) >= np.sum(head.mean((0, 1)) ** 2) * 0.6


def test_the_map_sees_the_middle_square(random_map, rng):
    wide = rng.integers(0, 256, (260, 400, 3)).astype(np.uint8)
    np.testing.assert_array_equal(random_map.prepare(wide), wide[:, 70:330])


@pytest.mark.weights
@pytest.mark.realpairs
@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite2"])
def test_real_photos_are_named(realpairs, name):
    if not weights_lib.path(name).exists():
        pytest.skip(f"{name} is not in the cache; `s2i weights fetch {name}` brings it")
    net = features.load_classifier(name)
    with (realpairs / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["class"] in IMAGENET_CLASSES]
    rows = [row for row in rows if row["kind"] == "image"]
    rights, tops = [], []
    for class_name, label in IMAGENET_CLASSES.items():
        paths = [realpairs / row["path"] for row in rows if row["class"] == class_name][:16]
        batch = np.stack([net.prepare(image.load_image(path)) for path in paths])
        order = np.argsort(-net(batch), axis=1)
        rights.append(np.mean(order[:, 0] == label))
        tops.append(np.mean(np.any(order[:, :5] == label, axis=1)))
    assert net.labels[7] == "cock"
    assert np.mean(rights) > 0.75
    assert np.mean(tops) > 0.9


@pytest.mark.weights
@pytest.mark.realpairs
def test_the_map_tells_photos_apart(realpairs):
    if not weights_lib.path("efficientnet_lite2").exists():
        pytest.skip("Lite2 is not in the cache; `s2i weights fetch efficientnet_lite2` brings it")
    net = MapExtractor()
    paths = [
        path
        for class_name in ("lion", "saxophone")
        for path in sorted((realpairs / "images" / class_name).iterdir())[:8]
    ]
    got = net(np.stack([net.prepare(image.load_image(path)) for path in paths]))
    assert got.shape == (16, spec.FEATURE_SIZE)
    unit = got / np.linalg.norm(got, axis=1, keepdims=True)
    alike = unit @ unit.T - 2 * np.eye(16)
    assert np.mean(alike.argmax(1) // 8 == np.arange(16) // 8) > 0.8

"""SoundNet against a forward pass written with NumPy alone, its published lengths, real sounds."""

import io
import logging

import numpy as np
import pytest

from s2i_tf import features, spec
from s2i_tf.features import conversion, keras_net, soundnet
from s2i_tf.features import weights as weights_lib

# Of conv1 … conv7 as published: outputs, kernel, zeros on either side, pool.
PUBLISHED = [
    (16, 64, 32, 8),
    (32, 32, 16, 8),
    (64, 16, 8, 1),
    (128, 8, 4, 1),
    (256, 4, 2, 4),
    (512, 4, 2, 1),
    (1024, 4, 2, 1),
]


@pytest.fixture(scope="module")
def released():
    """The released file's layout with random numbers in it, far from any default."""
    rng = np.random.default_rng(1)
    layers, num_inputs = {}, 1
    for index, (num_outputs, kernel, _, _) in enumerate(PUBLISHED, start=1):
        fan_in = kernel * num_inputs
        shape = (kernel, 1, num_inputs, num_outputs)
        layers[f"conv{index}"] = {
            "weights": rng.standard_normal(shape, np.float32) * np.float32(fan_in**-0.5),
            "biases": rng.normal(0, 0.3, num_outputs).astype(np.float32),
            "gamma": rng.uniform(0.5, 1.5, num_outputs).astype(np.float32),
            "beta": rng.normal(0, 0.3, num_outputs).astype(np.float32),
            "mean": rng.normal(0, 0.3, num_outputs).astype(np.float32),
            # Small enough for the epsilon to tell.
            "var": rng.uniform(1e-5, 1, num_outputs).astype(np.float32),
        }
        num_inputs = num_outputs
    for layer, num_outputs in (("conv8", 1000), ("conv8_2", 401)):
        layers[layer] = {
            "weights": rng.standard_normal((8, 1, num_inputs, num_outputs), np.float32) / 100,
            "biases": rng.normal(0, 0.3, num_outputs).astype(np.float32),
        }
    return layers


@pytest.fixture(scope="module")
def converted(released, tmp_path_factory):
    """A file of those numbers as ours."""
    file = io.BytesIO()
    np.save(file, np.array(released, dtype=object), allow_pickle=True)
    path = tmp_path_factory.mktemp("soundnet") / "soundnet.npz"
    np.savez(path, **conversion.soundnet(file.getvalue()))
    return str(path)


def convolve(x, layer, zeros):
    kernel = layer["weights"][:, 0].astype(np.float64)
    x = np.pad(x, ((zeros, zeros), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, len(kernel), axis=0)[::2]
    return np.einsum("tik,kio->to", windows, kernel, optimize=True) + layer["biases"]


def forward(released, waveform, head=None):
    """pool5 [16, 256], or the logits [steps, labels] of a head, of one waveform."""
    x = waveform.astype(np.float64)[:, None]
    for index, (_, _, zeros, pool) in enumerate(PUBLISHED, start=1):
        layer = released[f"conv{index}"]
        x = convolve(x, layer, zeros)
        x = (x - layer["mean"]) / np.sqrt(layer["var"] + 1e-5) * layer["gamma"] + layer["beta"]
        x = np.maximum(x, 0)
        x = x[: len(x) // pool * pool].reshape(-1, pool, x.shape[1]).max(1)
        if index == 5 and head is None:
            return x
    return convolve(x, released[head], 0)


def test_pool5_is_the_numpy_forward_pass(released, converted, rng):
    net = features.load_extractor("soundnet_pool5", weights=converted)
    waveforms = rng.normal(0, 60, (2, spec.FEATURE_SAMPLES)).astype(np.float32)
    expected = np.stack([forward(released, waveform) for waveform in waveforms])
    assert expected.shape == (2, 16, 256)
    assert expected.std() > 0.1
    got = net(waveforms)
    assert got.dtype == np.float32
    # Row-major: all channels of the first step come first.
    np.testing.assert_allclose(got, expected.reshape(2, 4096), atol=1e-4 * expected.max())


@pytest.mark.parametrize(("name", "head"), [("soundnet", "conv8"), ("soundnet_places", "conv8_2")])
def test_scores_are_the_mean_of_the_numpy_logits(released, converted, rng, name, head, monkeypatch):
    monkeypatch.setattr(keras_net.labels, "load", keras_net.labels.numbered)
    net = features.load_classifier(name, weights=converted)
    waveform = rng.normal(0, 60, spec.LABEL_SAMPLES).astype(np.float32)
    logits = forward(released, waveform, head)
    assert logits.shape == (4, len(net.labels))
    expected = logits.mean(0)
    np.testing.assert_allclose(net(waveform[None])[0], expected, atol=1e-4 * abs(expected).max())


@pytest.mark.parametrize(
    ("num_samples", "lengths"),
    [
        (132_300, {"pool1": 8268, "pool2": 516, "conv4": 130, "pool5": 16}),
        (220_500, {"pool1": 13781, "conv5": 109, "pool5": 27, "conv8": 1}),
        (441_000, {"pool1": 27562, "pool2": 1722, "pool5": 54, "conv7": 15, "conv8": 4}),
    ],
)
def test_layers_have_their_published_lengths(num_samples, lengths):
    outputs = ("conv8",) if "conv8" in lengths else ("pool5",)
    model = soundnet.build_soundnet(outputs, num_samples)
    assert {layer: model.get_layer(layer).output.shape[1] for layer in lengths} == lengths


@pytest.mark.parametrize(("num_samples", "steps"), [(127_454, 16), (135_645, 16), (135_646, 17)])
def test_pool5_has_16_steps_for_about_six_seconds(num_samples, steps):
    assert soundnet.build_soundnet(("pool5",), num_samples).output.shape == (None, steps, 256)


def test_published_number_of_parameters():
    # 249,264 up to pool5, of which the norms, folded here, have four for each of 496 channels.
    assert soundnet.build_soundnet(("pool5",)).count_params() == 249_264 - 4 * 496
    whole = soundnet.build_soundnet(("pool5", "conv8", "conv8_2"))
    assert whole.count_params() == pytest.approx(14.36e6, rel=1e-3)


def test_several_outputs_of_any_length():
    pool5, places = soundnet.build_soundnet(("pool5", "conv8_2"))(np.zeros((1, 220_500), "f4"))
    assert pool5.shape == (1, 27, 256)
    assert places.shape == (1, 1, 401)


def test_a_waveform_left_in_unit_scale_is_told(rng, caplog):
    net = features.load_extractor("soundnet_pool5", weights="random:0")
    waveform = rng.uniform(-1, 1, 30_000).astype(np.float32)
    with caplog.at_level(logging.WARNING):
        net.prepare(waveform * spec.WAVEFORM_SCALE)
        assert not caplog.records
        net.prepare(waveform)
    assert "±256, not ±1" in caplog.text


@pytest.mark.weights
@pytest.mark.realpairs
def test_real_sounds_get_sensible_labels(realpairs):
    from s2i_tf.media import audio

    if not weights_lib.path("soundnet").exists():
        pytest.skip("SoundNet is not in the cache; `s2i weights fetch soundnet` brings it")
    net = features.load_classifier("soundnet")

    def top_labels(class_name):
        paths = sorted((realpairs / "sounds" / class_name).iterdir())[:6]
        batch = np.stack([net.prepare(audio.load_waveform(path)) for path in paths])
        return {net.labels[index] for row in net(batch) for index in np.argsort(-row)[:5]}

    assert "tractor" in top_labels("engine")
    assert {"fountain", "umbrella"} & top_labels("rain")
    quiet = np.stack([np.full(spec.LABEL_SAMPLES, 0.5, np.float32)])
    assert "lakeside, lakeshore" in {net.labels[i] for i in np.argsort(-net(quiet)[0])[:3]}


def test_pool5_takes_five_convolutions_and_one_trace_for_any_batch():
    net = features.load_extractor("soundnet_pool5", weights="random:0")
    for num_sounds in (3, 2, 1):
        assert net(np.zeros((num_sounds, spec.FEATURE_SAMPLES), np.float32)).shape[0] == num_sounds
    assert net._call.experimental_get_tracing_count() == 1
    ops = [op.type for op in net._call.get_concrete_function().graph.get_operations()]
    assert ops.count("Conv2D") == 5
    assert ops.count("MaxPool") == 3
    # After the pooling, where it is an eighth of the numbers.
    assert ops.count("Relu") == 5

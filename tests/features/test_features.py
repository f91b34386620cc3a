"""What holds for every net: names, shapes, fingerprints, weights that don't fit."""

import functools

import numpy as np
import pytest

from s2i_tf import features, spec
from s2i_tf.errors import UserError

QUICK = [
    ("extractor", "soundnet_pool5"),
    ("extractor", "yamnet_bands"),
    ("extractor", "efficientnet_lite2_map"),
    ("classifier", "soundnet"),
    ("classifier", "soundnet_places"),
    ("classifier", "efficientnet_lite0"),
    ("classifier", "efficientnet_lite2"),
    ("classifier", "yamnet"),
]
HEAVY = {
    ("extractor", "vgg16_fc6"): [pytest.mark.slow, pytest.mark.apart],
    ("classifier", "inception_resnet_v2"): [pytest.mark.slow],
}

TABLES = {"extractor": features.EXTRACTORS, "classifier": features.CLASSIFIERS}
LOADERS = {"extractor": features.load_extractor, "classifier": features.load_classifier}


@pytest.fixture(scope="module")
def load_random():
    """Loads a net with weights of a seed, once for all tests, which leave it as it is."""
    return functools.cache(lambda kind, name, seed: LOADERS[kind](name, weights=f"random:{seed}"))


def make_items(modality):
    """Three items of different sizes."""
    rng = np.random.default_rng(5)
    if modality == "sound":
        return [rng.normal(0, 50, size).astype(np.float32) for size in (3000, 132_300, 500_000)]
    shapes = [(40, 60, 3), (300, 200, 3), (9, 9, 3)]
    return [rng.integers(0, 256, shape).astype(np.uint8) for shape in shapes]


def test_the_two_lists_are_all_names():
    named = {("extractor", name) for name in features.EXTRACTORS}
    named |= {("classifier", name) for name in features.CLASSIFIERS}
    assert named == {*QUICK, *HEAVY}


@pytest.mark.parametrize(
    ("kind", "name"),
    [*QUICK, *(pytest.param(*net, marks=marks) for net, marks in HEAVY.items())],
)
def test_every_net_keeps_the_contract(load_random, kind, name):
    net = load_random(kind, name, 1)
    assert net.name == name
    assert net.modality == TABLES[kind][name].modality
    assert net.fingerprint.weights_sha256 == "random:1"
    items = make_items(net.modality)
    before = [item.copy() for item in items]
    batch = np.stack([net.prepare(item) for item in items])
    for item, copy in zip(items, before, strict=True):
        np.testing.assert_array_equal(item, copy)
    outputs = net(batch)
    num_outputs = spec.FEATURE_SIZE if kind == "extractor" else len(net.labels)
    assert outputs.dtype == np.float32
    assert outputs.shape == (3, num_outputs)
    assert np.isfinite(outputs).all()
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-3 * np.abs(outputs).max()
    # An item's output doesn't depend on what stands beside it.
    np.testing.assert_allclose(net(batch[1:2])[0], outputs[1], atol=1e-4 * np.abs(outputs).max())


@pytest.mark.parametrize(("kind", "name"), QUICK[:2])
def test_random_weights_follow_their_seed(load_random, kind, name):
    nets = [load_random(kind, name, 1)]
    nets += [LOADERS[kind](name, weights=f"random:{seed}") for seed in (1, 2)]
    batch = np.stack([nets[0].prepare(item) for item in make_items(nets[0].modality)])
    first, again, other = (net(batch) for net in nets)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert nets[0].fingerprint.digest == nets[1].fingerprint.digest
    assert nets[0].fingerprint.digest != nets[2].fingerprint.digest


def test_nets_have_different_fingerprints(load_random):
    digests = {load_random(kind, name, 1).fingerprint.digest for kind, name in QUICK}
    assert len(digests) == len(QUICK)


def test_one_trace_serves_every_batch_size(rng):
    net = features.load_extractor("soundnet_pool5", weights="random:0")
    for size in (1, 3, 2):
        net(np.zeros((size, spec.FEATURE_SAMPLES), np.float32))
    assert net._call.experimental_get_tracing_count() == 1


def test_an_unknown_name_is_told():
    with pytest.raises(UserError, match="unknown extractor 'fc7'; known: .*soundnet_pool5"):
        features.load_extractor("fc7")
    with pytest.raises(UserError, match="unknown classifier 'soundnet_pool5'; known: "):
        features.load_classifier("soundnet_pool5")


def test_a_file_of_weights_is_read(tmp_path, rng):
    net = features.load_extractor("soundnet_pool5", weights="random:0")
    file = tmp_path / "mine.npz"
    np.savez(file, **{variable.path: np.array(variable) for variable in net.model.weights})
    same = features.load_extractor("soundnet_pool5", weights=str(file))
    batch = rng.normal(0, 50, (1, spec.FEATURE_SAMPLES)).astype(np.float32)
    np.testing.assert_array_equal(net(batch), same(batch))
    assert len(same.fingerprint.weights_sha256) == 64


def test_weights_that_do_not_fit_are_told(tmp_path):
    np.savez(tmp_path / "empty.npz", x=np.zeros(3))
    with pytest.raises(UserError, match="conv1/kernel is missing"):
        features.load_extractor("soundnet_pool5", weights=str(tmp_path / "empty.npz"))
    np.savez(tmp_path / "other.npz", **{"conv1/kernel": np.zeros((3, 1, 16))})
    with pytest.raises(UserError, match=r"of shape \(3, 1, 16\); allowed: \(64, 1, 16\)"):
        features.load_extractor("soundnet_pool5", weights=str(tmp_path / "other.npz"))
    with pytest.raises(UserError, match="not the weights soundnet"):
        features.load_extractor("soundnet_pool5", weights=str(tmp_path / "missing.npz"))

import dataclasses

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.models import build_generator
from s2i_tf.models.layers import ConditioningNoise, drawn_layers, drawn_masks, given_numbers
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.serving import examples, saved_model, tflite_weights
from s2i_tf.web import model_file

tf = pytest.importorskip("tensorflow")
runtime = pytest.importorskip("ai_edge_litert.interpreter")

SEED, SAMPLE = 5, 2


@pytest.fixture(scope="module")
def toy():
    """A model of random weights: noise in its first generator, dropout in its second."""
    import keras

    from s2i_tf import features

    keras.utils.set_random_seed(0)
    layers = MultimodalLayers(3, hidden_units=32)
    layers.build()
    generators = (
        build_generator("feature_decoder", (32,), (spec.FEATURE_SIZE,), filters=8, dropout=0.2),
        build_generator("unet", (128, 128, 1), (128, 128, 3), filters=4, dropout=0.5, seed=0),
    )
    for variable in generators[1].trainable_variables:
        variable.assign(variable * 2.5)
    extractor = features.load_extractor("soundnet_pool5", weights="random:0")
    return extractor, SoundToImage(
        layers,
        *generators,
        class_names=("rain", "sea", "siren"),
        fingerprints={"sound_fingerprint": extractor.fingerprint.digest, "image_fingerprint": "0"},
        extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
        nets={},
    )


@pytest.fixture(scope="module")
def contents_and_facts(toy):
    extractor, model = toy
    return model_file.make(model, extractor)


@pytest.fixture(scope="module")
def made(contents_and_facts):
    contents, facts = contents_and_facts
    runners = {
        name: runtime.Interpreter(model_content=file).get_signature_runner()
        for name, file in contents.items()
    }
    return runners, facts


def numbers_of(seed, sample, sizes):
    """As the page draws them: the layers' numbers one after the other."""
    drawn = [
        tf.random.stateless_uniform((size,), (seed, sample * len(sizes) + position))
        for position, size in enumerate(sizes)
    ]
    return np.concatenate(drawn)[None]


def test_the_two_files_hear_and_draw_what_keras_does(toy, made):
    extractor, model = toy
    runners, facts = made
    window = examples.sounds(spec.FEATURE_SECONDS, 1, seed=4)
    features = extractor(window * np.float32(spec.WAVEFORM_SCALE))
    found = runners["listen"](waveform=window)
    expected = model.listen(features)
    assert set(found) == {"heard", "known_score", "before", "numbers", "spread"}
    np.testing.assert_allclose(found["heard"], expected["heard"], atol=0.01)
    np.testing.assert_allclose(found["known_score"], expected["known_score"], atol=0.01)
    np.testing.assert_array_equal(found["spread"], [[1, *[0] * (len(facts["draw_sizes"]) - 1)]])
    given = {name: found[name] for name in ("before", "numbers", "spread")}
    assert np.abs(runners["draw"](**given)["image"] - model.generate(features)).mean() < 0.01


def test_a_model_that_8_bits_change_is_refused_in_a_line(toy, contents_and_facts, monkeypatch):
    extractor, model = toy
    compressed = iter(contents_and_facts[0].values())
    monkeypatch.setattr(model_file.tflite_convert, "convert", lambda *_: b"")
    monkeypatch.setattr(model_file.tflite_weights, "compressed", lambda *_, **__: next(compressed))
    monkeypatch.setattr(model_file, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="do not bear 8 bits; draw with s2i generate"):
        model_file.make(model, extractor)


def test_a_further_sample_is_that_of_the_command_line(toy, made):
    _, model = toy
    runners, facts = made
    sizes = facts["draw_sizes"]
    before = np.random.default_rng(0).normal(size=(1, 32)).astype(np.float32)
    given = {
        "before": before,
        "numbers": numbers_of(SEED, SAMPLE, sizes),
        "spread": np.ones((1, len(sizes)), np.float32),
    }
    expected = model.draw(before, sample=SAMPLE, seed=SEED)
    assert np.abs(runners["draw"](**given)["image"] - expected).mean() < 0.01
    own = model.draw(before)
    assert np.abs(expected - own).mean() > 0.02
    # Without a spread, the noise is none and nothing is dropped.
    given["spread"] = np.zeros_like(given["spread"])
    still = runners["draw"](**given)["image"]
    given["numbers"] = numbers_of(SEED + 1, SAMPLE, sizes)
    np.testing.assert_array_equal(runners["draw"](**given)["image"], still)


def test_the_facts_say_how_many_numbers_each_layer_takes(toy, made):
    _, model = toy
    layers = drawn_layers(model.feature_generator, model.image_generator)
    expected = [
        layer.noise_size
        if isinstance(layer, ConditioningNoise)
        else int(np.prod(layer.output.shape[1:]))
        for layer in layers
    ]
    assert made[1]["draw_sizes"] == expected and len(expected) > 1
    assert made[1]["class_names"] == ["rain", "sea", "siren"]
    assert made[1]["sound"] == saved_model.facts(model)["sound"]


def test_given_numbers_stand_for_a_draw_and_half_a_spread_for_half_of_it(toy):
    _, model = toy
    layer = next(one for one in model.image_generator.layers if type(one).__name__ == "MaskDropout")
    values = np.ones((1, *layer.output.shape[1:]), np.float32)
    numbers = np.random.default_rng(0).random(values.shape, np.float32)
    with given_numbers(lambda position, shape: (numbers, 0.5), model.image_generator):
        half = layer(values).numpy()
    np.testing.assert_allclose(half, np.where(numbers >= 0.5, 1.5, 0.5))
    np.testing.assert_array_equal(layer(values), values)  # nothing is left behind
    with drawn_masks([[0, 1]], model.image_generator):
        assert set(np.unique(layer(values))) == {0.0, 2.0}


def test_a_model_that_draws_nothing_takes_nothing_to_draw_from(toy):
    import keras

    extractor, model = toy
    dense = [keras.layers.Dense(16, "relu"), keras.layers.Dense(spec.FEATURE_SIZE)]
    plain = dataclasses.replace(
        model,
        feature_generator=keras.Sequential([keras.Input([32]), *dense]),
        image_generator=build_generator(
            "unet", (128, 128, 1), (128, 128, 3), filters=4, dropout=0.0
        ),
    )
    contents, facts = model_file.make(plain, extractor)
    assert facts["draw_sizes"] == []
    draw = runtime.Interpreter(model_content=contents["draw"]).get_signature_runner()
    assert set(draw.get_input_details()) == {"before"}


def output_indices(net):
    return [output["index"] for output in net.get_output_details()]


def test_a_constant_output_stays_as_it_is():
    @tf.function(input_signature=[tf.TensorSpec([1, 2], tf.float32)])
    def constant(x):
        return {"twice": x * 2, "zeros": tf.zeros([1, 5000])}

    converter = tf.lite.TFLiteConverter.from_concrete_functions([constant.get_concrete_function()])
    contents = tflite_weights.compressed(converter.convert())
    net = runtime.Interpreter(model_content=contents)
    net.allocate_tensors()
    net.set_tensor(net.get_input_details()[0]["index"], np.ones((1, 2), np.float32))
    net.invoke()
    found = {values.size: values for values in map(net.get_tensor, output_indices(net))}
    assert not found[5000].any() and (found[2] == 2).all()


def compressed(function, size, **settings):
    """A function of float32 [1, size] as a TFLite file, before and after."""
    specs = [tf.TensorSpec([1, size], tf.float32)]
    traced = tf.function(function, specs, autograph=False).get_concrete_function()
    whole = tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    return whole, tflite_weights.compressed(whole, **settings)


def output(contents, given):
    net = runtime.Interpreter(model_content=contents)
    net.allocate_tensors()
    net.set_tensor(net.get_input_details()[0]["index"], given)
    net.invoke()
    return net.get_tensor(output_indices(net)[0])[0]


def test_weights_that_were_int8_once_change_by_nothing(rng):
    codes = rng.integers(-90, 166, (300, 40))
    codes[0, :2] = -90, 165
    weights = (codes * 0.0123).astype(np.float32)
    given = rng.normal(size=(1, 300)).astype(np.float32)
    whole, small = compressed(lambda x: tf.nn.relu(x @ weights), 300, of_sound=True)
    assert len(small) < len(whole) / 3
    np.testing.assert_allclose(output(small, given), output(whole, given), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("with_bias", [True, False])
def test_a_wide_dense_layer_and_the_next_become_one(rng, with_bias):
    first, second = (rng.normal(size=size).astype("f4") for size in ((20, 900), (900, 30)))
    bias = rng.normal(size=900).astype("f4") * with_bias

    def two(x):
        wide = x @ first + bias
        return tf.nn.relu(wide @ second + 1.0)

    given = rng.normal(size=(1, 20)).astype(np.float32)
    whole, small = compressed(two, 20)
    assert len(small) < len(whole) / 10
    expected = output(whole, given)
    np.testing.assert_allclose(output(small, given), expected, atol=2e-3 * expected.max())


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("of_sound", [False, True])
def test_large_weights_become_int8_and_small_ones_float16(axis, of_sound):
    """With a scale for each row or for each column, whichever errs less."""
    rng = np.random.default_rng(0)
    large = rng.normal(size=(512, 512)).astype(np.float32)
    large *= np.expand_dims(np.geomspace(0.01, 1, 512, dtype=np.float32), 1 - axis)
    large[7] = 0  # an output that nothing goes into
    small = rng.normal(size=(512, 8)).astype(np.float32)
    bias = rng.normal(size=8).astype(np.float32)

    def products(x):
        return tf.matmul(tf.matmul(x, large, transpose_b=True), small) + bias

    whole, contents = compressed(products, 512, of_sound=of_sound)
    assert len(contents) < len(whole) / 3.5
    step = np.abs(large).max(axis=1 - axis, keepdims=True) / (60 if of_sound else 127)
    rounded = np.round(large / np.where(step, step, 1)) * step
    small = small if of_sound else small.astype(np.float16)
    expected = (np.eye(512, dtype=np.float32)[3] @ rounded.T) @ small + bias
    got = output(contents, np.eye(512, dtype=np.float32)[3:4])
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)

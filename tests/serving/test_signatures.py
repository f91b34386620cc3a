import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.models import build_generator
from s2i_tf.serving import examples, signatures
from tests.toy import HIDDEN

MANY = 400_000


@pytest.fixture(scope="module")
def definition(exported):
    """The graph and signatures as they are in the file."""
    from tensorflow.core.protobuf import saved_model_pb2

    contents = (exported.folder / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(contents).meta_graphs[0]


def wavs(num, num_seconds=1.0):
    return tf.constant([examples.wav_file(sound) for sound in examples.sounds(num_seconds, num)])


def described(tensors):
    return {
        name: (tf.as_dtype(tensor.dtype).name, tf.TensorShape(tensor.tensor_shape).as_list())
        for name, tensor in tensors.items()
    }


def test_names_and_shapes_are_fixed(definition):
    found = {
        name: (described(signature.inputs), described(signature.outputs))
        for name, signature in definition.signature_def.items()
        if not name.startswith("__")
    }
    waveform = {"waveform": ("float32", [None, None])}
    audio_bytes = {"audio_bytes": ("string", [None])}
    image_features = {"image_features": ("float32", [None, 4096])}
    draws = {"num_samples": ("int32", [None]), "seed": ("int32", [None])}
    image = {"image": ("float32", [None, 128, 128, 3])}
    before = {"before": ("float32", [None, HIDDEN])}
    hidden = before | {"after": ("float32", [None, HIDDEN])}
    said = {"heard": ("float32", [None, 3]), "known_score": ("float32", [None])}
    sound_features = {"sound_features": ("float32", [None, 4096])}
    assert found == {
        "serving_default": (waveform, image),
        "wav_bytes": (audio_bytes, {"image_bytes": ("string", [None])}),
        "sound_features": (sound_features, image),
        "image_features": (image_features, image),
        "embed_sound": (waveform, sound_features | hidden | said),
        "hear": (waveform, said),
        "embed_image": (image_features, hidden),
        "draw": (before, image),
        "samples": (waveform | draws, {"images": ("float32", [None, None, 128, 128, 3])}),
        "draw_samples": (before | draws, {"images": ("float32", [None, None, 128, 128, 3])}),
        "wav_bytes_samples": (audio_bytes | draws, {"image_bytes": ("string", [None, None])}),
    }


def test_only_core_ops_and_nothing_of_training(definition):
    graph = definition.graph_def
    nodes = {function.signature.name: function.node_def for function in graph.library.function}
    ops = {node.op for function in [graph.node, *nodes.values()] for node in function}
    assert {"StatelessRandomUniformV2", "Conv2D", "Assert"} <= ops
    assert not {op for op in ops if op.startswith("IO>") or "PyFunc" in op}
    # A norm that trains updates its averages.
    updating = [
        name
        for name, function in nodes.items()
        if "restore" not in name and any("Assign" in node.op for node in function)
    ]
    assert not updating


def test_files_of_further_pictures_have_the_model_s_size(toy):
    generator = build_generator("unet", (64, 64, 1), (64, 64, 3), filters=4, dropout=0.5, seed=0)
    model = dataclasses.replace(toy.model, image_generator=generator)
    specs = signatures.Signatures(model, toy.extractor.model).specs()
    function, inputs = specs["wav_bytes_samples"]
    served = tf.function(function, inputs, autograph=False)
    answer = served(wavs(2), tf.constant([1, 3]), tf.constant([0, 0]))
    assert answer["image_bytes"].shape == (2, 3)
    assert tf.io.decode_png(answer["image_bytes"][1, 2]).shape == (64, 64, 3)


def test_a_picture_does_not_depend_on_its_batch(loaded):
    waveform = tf.constant(examples.sounds(2, 3))
    together = loaded["serving_default"](waveform=waveform)["image"]
    alone = loaded["serving_default"](waveform=waveform[1:2])["image"]
    np.testing.assert_allclose(together[1:2], alone, atol=1e-3)
    assert np.abs(together[0] - together[1]).mean() > 0.01


@pytest.mark.parametrize("num_samples", [1, 5_000, 132_300, MANY])
def test_waveforms_of_any_length(loaded, num_samples):
    waveform = tf.constant(examples.sounds(MANY / 22_050, 1)[:, :num_samples])
    image = loaded["serving_default"](waveform=waveform)["image"].numpy()
    assert image.shape == (1, 128, 128, 3)
    assert image.min() >= 0 and image.max() <= 1


def test_files_of_different_lengths_share_a_request(loaded):
    files = tf.concat([wavs(1, 0.5), wavs(1, 9)], axis=0)
    together = loaded["wav_bytes"](audio_bytes=files)["image_bytes"]
    for index in range(2):
        alone = loaded["wav_bytes"](audio_bytes=files[index : index + 1])["image_bytes"]
        one, other = (tf.io.decode_png(png[i]) for png, i in ((together, index), (alone, 0)))
        assert np.abs(tf.cast(one, tf.int32) - tf.cast(other, tf.int32)).max() <= 1


def test_samples_are_those_of_generate(toy, loaded):
    sounds = examples.sounds(3, 2)
    draws = {"num_samples": tf.constant([3, 1]), "seed": tf.constant([7, 2**31 - 1])}
    images = loaded["samples"](waveform=tf.constant(sounds), **draws)["images"].numpy()
    assert images.shape == (2, 3, 128, 128, 3)
    features = toy.extractor(
        np.stack([toy.extractor.prepare(sound * spec.WAVEFORM_SCALE) for sound in sounds])
    )
    for row, seed in enumerate(draws["seed"].numpy()):
        for sample in range(3):
            expected = toy.model.generate(features[row : row + 1], sample=sample, seed=int(seed))
            np.testing.assert_allclose(images[row, sample], expected[0], atol=1e-3)
    assert np.abs(images[0, 1] - images[0, 2]).mean() > 1e-3
    one = {"num_samples": tf.constant([1, 1]), "seed": draws["seed"]}
    alone = loaded["samples"](waveform=tf.constant(sounds), **one)["images"].numpy()
    np.testing.assert_allclose(alone, images[:, :1], atol=1e-6)


def test_what_signatures_share_is_traced_once(toy):
    traced = signatures.Signatures(toy.model, toy.extractor.model)
    traced.module()
    for name in ("_features", "_features_of_files", "_picture", "_samples"):
        assert getattr(traced, name).experimental_get_tracing_count() == 1, name


def test_a_deterministic_model_has_no_signature_for_samples(toy):
    class Deterministic(type(toy.model)):
        stochastic = False

    model = Deterministic(**vars(toy.model))
    names = signatures.Signatures(model, toy.extractor.model).specs()
    assert not [name for name in names if "samples" in name]


def bad_requests():
    nan = np.zeros((2, 4096), np.float32)
    nan[1, 7] = np.nan
    sound = np.zeros((1, 3_000), np.float32)
    loud = np.full((1, 3_000), np.inf, np.float32)
    one = tf.constant([1])
    return {
        "no rows": ("serving_default", {"waveform": tf.zeros([0, 9])}, "at least one row"),
        "no files": ("wav_bytes", {"audio_bytes": tf.zeros([0], tf.string)}, "at least one"),
        "no samples": ("serving_default", {"waveform": tf.zeros([1, 0])}, "1 to 13230000 samples"),
        "over-long": (
            "embed_sound",
            {"waveform": tf.zeros([1, 600 * 22_050 + 1])},
            "1 to 13230000 samples",
        ),
        "NaN": (
            "serving_default",
            {"waveform": nan},
            r"finite number.*one that is not at\] \[\[1 7",
        ),
        "infinite": (
            "samples",
            {"waveform": loud, "num_samples": one, "seed": one},
            "finite",
        ),
        "NaN features": ("sound_features", {"sound_features": nan}, "finite"),
        "NaN image features": ("embed_image", {"image_features": nan}, "finite"),
        "no picture": (
            "samples",
            {"waveform": sound, "num_samples": [0], "seed": one},
            r"num_samples must be int32 \[n\], 1 to 16",
        ),
        "many pictures": (
            "wav_bytes_samples",
            {"audio_bytes": wavs(1), "num_samples": [17], "seed": one},
            "1 to 16; got the values. .17",
        ),
        "negative seed": (
            "samples",
            {"waveform": sound, "num_samples": one, "seed": [-1]},
            "seed must be int32",
        ),
        "rows that do not match": (
            "samples",
            {"waveform": sound, "num_samples": [1, 1], "seed": one},
            "same number of rows",
        ),
        "one bad file of two": (
            "wav_bytes",
            {"audio_bytes": tf.concat([wavs(1), [b"no sound"]], axis=0)},
            "audio_bytes must be WAV files",
        ),
    }


@pytest.mark.parametrize("name", bad_requests())
def test_a_bad_request_is_an_invalid_argument_that_says_what_is_allowed(loaded, name):
    signature, inputs, message = bad_requests()[name]
    inputs = {key: tf.convert_to_tensor(value) for key, value in inputs.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        loaded[signature](**inputs)
    assert loaded["wav_bytes"](audio_bytes=wavs(1))["image_bytes"].shape == (1,)


@pytest.fixture(scope="module")
def session(exported):
    """Calls the export as a C++ server does, which does not look at the signature's shapes."""
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        served = tf.compat.v1.saved_model.load(session, ["serve"], str(exported.folder))

        def call(signature, value):
            (fed,) = served.signature_def[signature].inputs.values()
            (fetched,) = served.signature_def[signature].outputs.values()
            feeds = {graph.get_tensor_by_name(fed.name)._as_tf_output(): value}
            fetches = [graph.get_tensor_by_name(fetched.name)._as_tf_output()]
            return session._call_tf_sessionrun(None, feeds, fetches, [], None)[0]

        yield call


@pytest.mark.parametrize(
    ("signature", "value", "message"),
    [
        ("serving_default", np.zeros(9, np.float32), r"waveform must be float32 \[n, samples\]"),
        ("serving_default", np.array(1, np.float32), r"waveform must be float32 \[n, samples\]"),
        ("serving_default", np.zeros((1, 9, 1), np.float32), r"the shape\] \[1 9 1\]"),
        ("sound_features", np.zeros((1, 4095), np.float32), r"float32 \[n, 4096\].* \[1 4095\]"),
        (
            "image_features",
            np.zeros(4096, np.float32),
            r"image_features must be float32 \[n, 4096\]",
        ),
        ("wav_bytes", np.array([[b"a"]], object), r"audio_bytes must be string \[n\]"),
        ("wav_bytes", np.array(b"a", object), r"audio_bytes must be string \[n\]"),
    ],
)
def test_a_wrong_shape_is_refused_by_the_graph_itself(session, signature, value, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        session(signature, value)
    assert session("serving_default", np.ones((1, 9), np.float32)).shape == (1, 128, 128, 3)

"""YAMNet is the released net, whatever the sampling rate, and hears what sounds are."""

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf import features, spec
from s2i_tf.errors import UserError
from s2i_tf.features import yamnet, yamnet_weights
from s2i_tf.media import audio
from s2i_tf.media.resample import resample
from tests.conftest import SHARED

RELEASED = SHARED / "weights" / "yamnet.tflite"
RELEASED_HZ, RELEASED_SAMPLES = 16_000, 15_600


@pytest.fixture(scope="module")
def net():
    return features.load_classifier("yamnet")


@pytest.fixture(scope="module")
def extractor():
    return features.load_extractor("yamnet_bands")


@pytest.fixture(scope="module")
def released():
    """The released file's interpreter, its 8-bit kernels multiplied out, and all its constants.

    As it stands each runtime rounds the activations too: two of them agree on 72 % of first labels.
    """
    if not RELEASED.exists():
        pytest.skip(f"the released weights are not at {RELEASED}")
    flatbuffers = pytest.importorskip("flatbuffers")
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(RELEASED.read_bytes(), 0))
    graph, constants = model.subgraphs[0], {}
    for tensor in graph.tensors:
        if tensor.type == schema.TensorType.INT8:
            contents = np.array(model.buffers[tensor.buffer].data, np.uint8).view(np.int8)
            values = contents.astype(np.float32) * np.float32(tensor.quantization.scale[0])
            constants[tensor.name.decode()] = values.reshape(tensor.shape)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            model.buffers.append(buffer)
            tensor.buffer, tensor.quantization = len(model.buffers) - 1, None
            tensor.type = schema.TensorType.FLOAT32
    dequantize = schema.BuiltinOperator.DEQUANTIZE
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    same, kept = {}, []
    for operator in graph.operators:
        if codes[operator.opcodeIndex] == dequantize:
            same[int(operator.outputs[0])] = int(operator.inputs[0])
        else:
            operator.inputs = [same.get(int(number), int(number)) for number in operator.inputs]
            kept.append(operator)
    graph.operators = kept
    builder = flatbuffers.Builder(1 << 24)
    builder.Finish(model.Pack(builder), b"TFL3")
    interpreter = litert.Interpreter(
        model_content=bytes(builder.Output()), num_threads=1, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    return interpreter, constants


@pytest.fixture(scope="module")
def real_patches(realpairs):
    """Patches [num, 15600] at 16 kHz out of every fortieth sound."""
    waveforms = [
        audio.feature_window(audio.load_waveform(path)) / spec.WAVEFORM_SCALE
        for path in sorted(realpairs.glob("sounds/*/*.ogg"))[::40]
    ]
    at_16_khz = resample(np.stack(waveforms), spec.SAMPLE_RATE_HZ, RELEASED_HZ).numpy()
    return np.clip(at_16_khz[:, 20_000 : 20_000 + RELEASED_SAMPLES], -1, 1)


def by_the_file(interpreter, patches):
    """Embeddings [num, 1024] and scores [num, 521] of the file, in [0, 1]."""
    names = {row["name"]: row["index"] for row in interpreter.get_tensor_details()}
    embedding = names["yamnet_frames/global_average_pooling2d/Mean"]
    outputs = []
    for patch in patches:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], patch[None])
        interpreter.invoke()
        scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        outputs.append((interpreter.get_tensor(embedding)[0], scores[0]))
    return (np.stack(column) for column in zip(*outputs, strict=True))


def build(num_samples, rate_hz, weights=None):
    model = yamnet.build_yamnet(num_samples, rate_hz)
    yamnet.load_weights(model, weights)
    return model


def spread_of_difference(got, expected):
    return np.sqrt(np.mean((got - expected) ** 2)) / expected.std()


@pytest.mark.realpairs
def test_it_is_the_released_net(released, real_patches):
    interpreter, constants = released
    embedding, scores = by_the_file(interpreter, real_patches)
    model = build(RELEASED_SAMPLES, RELEASED_HZ)
    exact = model(real_patches)
    front = model.get_layer("log_mel")
    # The file's own front end: its transforms of 512 samples, 56 zeros on either side, in 8 bits.
    cosines, sines, mel = (
        constants[f"yamnet_frames/tf_op_layer_MatMul{name}"].T
        for name in ("/MatMul", "_1/MatMul_1", "_2/MatMul_2")
    )
    hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)).astype(np.float32)

    def by_its_matrices(waveform):
        frames = tf.signal.frame(waveform, 400, 160) * hann
        magnitude = tf.sqrt((frames @ cosines[56:456]) ** 2 + (frames @ sines[56:456]) ** 2)
        return tf.math.log(magnitude @ mel + 0.001)

    front.call = by_its_matrices
    ours = model(real_patches)
    got, got_scores = ours["embedding"].numpy()[:, 0], ours["scores"].numpy()[:, 0]
    assert spread_of_difference(got, embedding) < 1e-4
    np.testing.assert_allclose(got_scores, scores, atol=1e-4)
    assert np.mean(got_scores.argmax(1) == scores.argmax(1)) >= 0.99
    # What rounding the front end to 8 bits costs, which ours doesn't: one first label in twenty.
    assert 0.05 < spread_of_difference(exact["embedding"].numpy()[:, 0], embedding) < 0.25


@pytest.mark.realpairs
def test_another_rate_changes_nothing(realpairs):
    paths = sorted(realpairs.glob("sounds/*/*.ogg"))[::100]
    waveforms = np.stack([audio.feature_window(audio.load_waveform(path)) for path in paths])
    waveforms /= spec.WAVEFORM_SCALE
    at_16_khz = resample(waveforms, spec.SAMPLE_RATE_HZ, RELEASED_HZ).numpy()
    got, expected = (
        build(sounds.shape[1], rate_hz).predict(sounds, batch_size=8, verbose=0)
        for sounds, rate_hz in (
            (waveforms, spec.SAMPLE_RATE_HZ),
            (np.clip(at_16_khz, -1, 1), RELEASED_HZ),
        )
    )
    difference = spread_of_difference(got["embedding"], expected["embedding"])
    assert difference < 0.01
    first, expected_first = (np.argmax(row["scores"], axis=-1) for row in (got, expected))
    assert np.mean(first == expected_first) >= 0.99


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100])
def test_the_spectrogram_is_a_sum_over_25_ms(rate_hz, rng):
    """Beside NumPy's transform of the same tones at 16 kHz."""

    def tones(rate_hz, num_samples):
        seconds = np.arange(num_samples) / rate_hz
        return sum(
            level * np.sin(2 * np.pi * pitch_hz * seconds + phase)
            for level, pitch_hz, phase in ((0.3, 440, 0.1), (0.1, 1234, 2), (0.05, 5000, 1))
        ).astype(np.float32)

    bands = yamnet.LogMel(rate_hz)(tones(rate_hz, rate_hz)[None]).numpy()[0]
    assert bands.shape == (98, 64)  # (1 s - 25 ms) / 10 ms, and the first
    frames = np.lib.stride_tricks.sliding_window_view(tones(16_000, 16_000), 400)[::160]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    mel = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125, 7500).numpy()
    expected = np.log(np.abs(np.fft.rfft(frames * hann, 512)) @ mel + 0.001)
    np.testing.assert_allclose(bands, expected, atol=0.02)


def test_it_keeps_the_contract_of_a_classifier(net, rng):
    items = [rng.normal(0, 50, size).astype(np.float32) for size in (3000, 132_300, 500_000)]
    batch = np.stack([net.prepare(item) for item in items])
    assert batch.shape == (3, spec.FEATURE_SAMPLES)
    scores = net(batch)
    assert scores.shape == (3, 521) == (3, len(net.labels)) and scores.dtype == np.float32
    assert scores.min() >= 0 and scores.max() <= 1
    np.testing.assert_allclose(net(batch[1:2])[0], scores[1], atol=1e-4)
    assert net.labels[0] == "Speech" and net.labels[494] == "Silence"
    assert net.modality == "sound" and len(net.fingerprint.weights_sha256) == 64


def test_the_features_label_scores_are_the_classifiers(net, extractor, rng):
    """Half a patch again and again: the classifier's mean score is each patch's."""
    patch = rng.normal(0, 40, 10_584).astype(np.float32)  # 0.48 s
    sound = np.resize(patch, spec.FEATURE_SAMPLES)[None]
    columns = features.label_columns("yamnet_bands")
    feature = extractor(sound)
    assert feature.shape == (1, spec.FEATURE_SIZE) and columns == slice(1024, 1545)
    logs = feature[:, columns] / yamnet._SCALES["labels"]
    np.testing.assert_allclose(np.exp(2 * logs), net(sound), atol=0.01)
    assert logs.argmax() == net(sound).argmax()


def features_of(maps, scores, bands):
    """`_features` of arrays whose maps are [sounds, patches, time, frequency, filters]."""
    flat = [np.float32(values).reshape(-1, *values.shape[2:]) for values in maps]
    return np.asarray(yamnet._features(flat, np.float32(scores), np.float32(bands)))


def test_the_feature_is_its_parts_over_all_patches_in_order(rng):
    sounds, patches, frames = 2, 3, 300
    scores = rng.random((sounds, patches, 521))
    maps = [rng.random((sounds, patches, *shape)) for shape in ((3, 2, 1024), *2 * [(6, 4, 512)])]
    bands = rng.normal(size=(sounds, frames, yamnet.NUM_BANDS))
    feature = features_of(maps, scores, bands)
    assert feature.shape == (sounds, spec.FEATURE_SIZE)

    def mean(values):
        """The levels of equal parts of the frames that are within a patch are the weights."""
        steps = np.exp(bands[:, : 96 * patches]).reshape(sounds, values.shape[1], -1).mean(axis=2)
        beside = (steps / steps.max(axis=1, keepdims=True)) ** 2
        weights = beside / (beside + 0.2**2)
        weighted = (values * weights[:, :, None]).sum(axis=1)
        return weighted / weights.sum(axis=1, keepdims=True)

    embedding, *middle = (v.mean(axis=3).reshape(sounds, -1, v.shape[-1]) for v in maps)
    variance = mean((middle[0] - mean(middle[0])[:, None]) ** 2)
    expected = {
        "mean": np.sqrt(mean(embedding)),
        "labels": np.log(mean(np.sqrt(scores)) + 1e-6),
        "middle": np.sqrt(np.concatenate([mean(maps) for maps in middle], axis=1)),
        "deviation": np.sqrt(np.sqrt(variance))[:, :503],
    }
    at = 0
    for name, values in expected.items():
        part = feature[:, at : at + values.shape[1]]
        np.testing.assert_allclose(part, values * yamnet._SCALES[name], rtol=1e-4, err_msg=name)
        at += values.shape[1]
    assert feature[:, at:].shape == (sounds, 16 * yamnet.NUM_BANDS)
    first = bands[:, : frames // 16].sum(axis=1) + 0.75 * bands[:, frames // 16]  # 18.75 frames
    scale = yamnet._SCALES["bands"]
    np.testing.assert_allclose(
        feature[:, at : at + 64], first / 18.75 * scale, rtol=1e-3, atol=1e-5
    )


def test_what_a_short_event_is_is_hardly_changed_by_the_silence_around_it(extractor, rng):
    """A second of a sound in faint noise beside the same second again and again."""
    second = rng.normal(0, 30, spec.SAMPLE_RATE_HZ).astype(np.float32) * np.hanning(22_050)
    faint = rng.normal(0, 0.05, spec.FEATURE_SAMPLES)
    alone, other = np.resize(second, spec.FEATURE_SAMPLES), rng.normal(0, 30, len(faint))
    event = faint.copy()
    event[40_000 : 40_000 + len(second)] += second
    of_alone, of_event, of_other = extractor(np.float32([alone, event, other]))[:, :1024]
    assert np.linalg.norm(of_event - of_alone) < 0.7 * np.linalg.norm(of_other - of_alone)


def test_nets_without_labels_of_their_own_have_no_columns():
    for name in ("soundnet_pool5", "vgg16_fc6", "hub:somewhere"):
        columns = features.label_columns(name)
        assert columns.start == columns.stop


@pytest.mark.parametrize(("seconds", "patches"), [(0.98, 1), (1.5, 2), (6, 11), (20, 40)])
def test_any_length(seconds, patches):
    model = yamnet.build_yamnet(int(seconds * spec.SAMPLE_RATE_HZ))
    assert model.output["embedding"].shape == (None, patches, 1024)


@pytest.mark.realpairs
@pytest.mark.parametrize(
    ("class_name", "among"),
    [("dog", {"Dog", "Animal", "Bark"}), ("rain", {"Rain", "Raindrop", "Rain on surface"})],
)
def test_it_names_real_sounds(net, realpairs, class_name, among):
    paths = sorted((realpairs / "sounds" / class_name).iterdir())[:10]
    batch = np.stack([net.prepare(audio.load_waveform(path)) for path in paths])
    top = [{net.labels[index] for index in np.argsort(-scores)[:5]} for scores in net(batch)]
    assert sum(bool(names & among) for names in top) >= 8, top


def test_the_packaged_weights_are_the_released_ones():
    pytest.importorskip("ai_edge_litert")
    if not RELEASED.exists():
        pytest.skip(f"the released weights are not at {RELEASED}")
    packaged, released = yamnet_weights.load(), yamnet_weights.load(str(RELEASED))
    assert set(packaged) == set(released) and len(packaged) == 56
    for name, values in packaged.items():
        np.testing.assert_array_equal(values, released[name])


def test_weights_of_tf_hub(tmp_path, rng):
    """A SavedModel with the variables of the released code: kernels, and norms without gamma."""
    ours = yamnet_weights.load()
    module, released = tf.Module(), {}
    for name, kernel in ours.items():
        place, _, kind = name.rpartition("/")
        if kind != "kernel":
            continue
        layer, _, part = place.partition("_")
        theirs = "dense" if layer == "scores" else f"{layer}/{part}_conv" if part else "layer1/conv"
        if layer == "scores":
            released[f"{theirs}/bias"] = ours["scores/bias"]
        else:
            # mean 0.5 and variance 4: kernel * 2 and bias + 0.5 / 2 before they are folded
            scale = np.float32(np.sqrt(4 + 1e-4))
            kernel, bias = kernel * scale, ours[f"{place}/bias"]
            norm = {"beta": bias + 0.5 / scale, "moving_mean": 0.5 + 0 * bias}
            norm["moving_variance"] = 4 + 0 * bias
            released |= {f"{theirs}/bn/{key}": values for key, values in norm.items()}
        released[f"{theirs}/kernel"] = kernel
    module.values = [tf.Variable(values, name=name) for name, values in released.items()]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "waveform")])
    def call(waveform):
        return {"sum": tf.add_n([tf.reduce_sum(value) for value in module.values]) + waveform}

    tf.saved_model.save(module, str(tmp_path / "hub"), {"serving_default": call})
    got = yamnet_weights.load(f"hub:{tmp_path / 'hub'}")
    assert set(got) == set(ours)
    for name in ours:
        np.testing.assert_allclose(got[name], ours[name], atol=1e-5)


def test_weights_that_are_none(tmp_path):
    for path, contents in (("missing.tflite", None), ("text.tflite", b"no net")):
        if contents:
            (tmp_path / path).write_bytes(contents)
        with pytest.raises(UserError, match="not the weights of yamnet.*give its released .tflite"):
            features.load_classifier("yamnet", weights=str(tmp_path / path))
    with pytest.raises(UserError, match="neither a folder nor a handle"):
        features.load_classifier("yamnet", weights=f"hub:{tmp_path / 'nowhere'}")

import dataclasses
import json
import subprocess
import sys
import zipfile
from concurrent import futures

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.data import dataset_info
from s2i_tf.errors import UserError
from s2i_tf.pretrained import REALPAIRS
from s2i_tf.serving import (
    examples,
    parity,
    saved_model,
    tflite,
    tflite_convert,
    tflite_export,
    tflite_metadata,
)

pytest.importorskip("ai_edge_litert.interpreter")

from ai_edge_litert import schema_py_generated as schema

SECONDS = 6


@pytest.fixture(scope="module")
def features(toy):
    windows = examples.sounds(SECONDS, 3, seed=9)
    return windows, toy.extractor(windows * np.float32(256))


@pytest.fixture
def traced_once(traced, monkeypatch):
    """Exports of the toy model take its functions as they were traced before."""
    model, functions = traced
    monkeypatch.setattr(tflite_convert, "convertible", lambda _: model)
    monkeypatch.setattr(tflite_export, "chain_functions", lambda *_: dict(functions))


@pytest.fixture(scope="module")
def traced(toy):
    model = tflite_convert.convertible(toy.model)
    return model, tflite_export.chain_functions(model, toy.extractor.model)


def parsed(path):
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))


@pytest.mark.parametrize("quick_start", [False, True])
def test_a_float32_file_draws_what_keras_draws(toy, float32_file, features, quick_start):
    windows, sound_features = features
    file = tflite.TFLiteModel.load(float32_file, num_threads=1, quick_start=quick_start)
    expected = toy.model.generate(sound_features)
    np.testing.assert_allclose(file.generate(sound_features), expected, atol=1e-3)
    by_waveform = file.run("serving_default", waveform=windows)["image"]
    np.testing.assert_allclose(by_waveform, expected, atol=1e-3)
    heard = file.listen(list(windows * np.float32(256)))
    for name, values in toy.model.listen(sound_features).items():
        allowed = parity.TOLERANCE * max(1, np.abs(values).max())
        np.testing.assert_allclose(heard[name], values, rtol=0, atol=allowed)
    np.testing.assert_allclose(file.draw(heard["before"])[:, 0], expected, atol=1e-3)


def test_threads_get_their_own_pictures(float32_file, features):
    sound_features = np.concatenate([features[1]] * 3)
    file = tflite.TFLiteModel.load(float32_file)
    expected = file.generate(sound_features)
    with futures.ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(file.generate, row[None]) for row in sound_features]
        for job, picture in zip(jobs, expected, strict=True):
            np.testing.assert_array_equal(job.result()[0], picture)


def test_it_stands_for_the_model(toy, float32_file):
    file = tflite.TFLiteModel.load(float32_file)
    for name in ("class_names", "fingerprints", "extractors"):
        assert getattr(file, name) == getattr(toy.model, name)
    assert file.stochastic
    assert file.generate(np.zeros((0, 4096), np.float32)).shape == (0, 128, 128, 3)


def test_further_samples_are_those_of_the_model(toy, float32_file, features):
    before = toy.model.embed_sound(features[1]).before
    drawn = tflite.TFLiteModel.load(float32_file).draw(before, range(3), seed=2**31 - 1)
    for sample in range(3):
        expected = toy.model.draw(before, sample=sample, seed=2**31 - 1)
        np.testing.assert_allclose(drawn[:, sample], expected, atol=1e-3)
    assert np.abs(drawn[:, 1] - drawn[:, 2]).mean() > 1e-3


def test_running_a_file_needs_no_tensorflow(float32_file):
    code = (
        "import sys\n"
        "from s2i_tf.serving.tflite import TFLiteModel\n"
        f"TFLiteModel.load({str(float32_file)!r})\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


def test_the_file_names_its_signatures_and_holds_builtin_ops_alone(toy, float32_file):
    model = parsed(float32_file)
    numbers = [f"numbers_{index}" for index in range(len(tflite_export.drawn_shapes(toy.model)))]
    assert len(numbers) > 1
    found = {
        signature.signatureKey.decode(): (
            sorted(each.name.decode() for each in signature.inputs),
            [each.name.decode() for each in signature.outputs],
        )
        for signature in model.signatureDefs
    }
    assert found == {
        "serving_default": (["waveform"], ["image"]),
        "sound_features": (["sound_features"], ["image"]),
        "embed_sound": (["waveform"], ["after", "before", "heard", "known_score"]),
        "draw": (["before"], ["image"]),
        "draw_samples": (["before", *numbers], ["image"]),
    }
    codes = {max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes}
    assert schema.BuiltinOperator.CONV_2D in codes
    assert schema.BuiltinOperator.CUSTOM not in codes


def test_weights_of_both_signatures_are_there_once(toy, float32_file):
    parts = (toy.extractor.model, *toy.model.sound_parts)
    # Of the multimodal layers the sound's half is drawn with alone.
    used = (
        sum(net.count_params() for net in parts) - toy.model.multimodal.image_layer.count_params()
    )
    assert float32_file.stat().st_size < 4 * used + 500_000  # with all that is no weight


def test_labels_and_facts_are_inside(toy, float32_file):
    with zipfile.ZipFile(float32_file) as archive:
        assert archive.read("labels.txt").decode().splitlines() == list(toy.model.class_names)
        facts = json.loads(archive.read("model.json"))
    assert facts == saved_model.facts(toy.model) | {"quantization": "float32"}


def test_metadata_is_in_the_format_of_tensorflow_lite(float32_file):
    model = parsed(float32_file)
    (entry,) = [entry for entry in model.metadata if entry.name == b"TFLITE_METADATA"]
    data = bytes(model.buffers[entry.buffer].data)
    assert data[4:8] == b"M001"
    for text in ("Pictures from sounds", "labels.txt", "model.json", "Apache-2.0"):
        assert text.encode() in data
    assert b"22050 Hz" in model.description


@pytest.mark.usefixtures("traced_once")
def test_a_compact_file_is_smaller_and_draws_the_same(toy, float32_file, features, tmp_path):
    halved = toy.model.multimodal.sound_layer.kernel
    kept = halved.numpy()
    halved.assign(kept.astype(np.float16).astype(np.float32))
    try:
        export = tflite_export.write(tmp_path / "a", toy.model, toy.extractor, compact=True)
        expected = toy.model.listen(features[1])
    finally:
        halved.assign(kept)
    saved = float32_file.stat().st_size - export.num_bytes
    assert saved > 0.99 * kept.nbytes / 2
    file = tflite.TFLiteModel.load(export.path)
    assert not file.has("serving_default") and not file.has("sound_features")
    heard = file.listen(list(features[0] * np.float32(256)))
    for name, values in expected.items():
        allowed = parity.TOLERANCE * max(1, np.abs(values).max())
        np.testing.assert_allclose(heard[name], values, rtol=0, atol=allowed)


def test_the_same_model_gives_the_same_bytes():
    contents = minimal_file()
    facts = {"class_names": ["a"], "versions": {"s2i_tf": "1"}}
    assert tflite_metadata.add(contents, facts, "float32") == tflite_metadata.add(
        contents, facts, "float32"
    )


def minimal_file():
    function = tflite_convert.traced(lambda waveform: {"image": waveform * 2}, waveform=[1, 2])
    return tflite_convert.convert({"serving_default": function}, (), "float32", {})


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (None, "No such file"),
        (b"", "it holds no model.json"),
        (b"text" * 999, "it holds no model.json"),
    ],
)
def test_another_file_is_refused(tmp_path, contents, message):
    path = tmp_path / "file.tflite"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(UserError, match=f"not a TFLite file that `s2i export` wrote: {message}"):
        tflite.TFLiteModel.load(path)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ("{}", "its model.json is another program's"),
        ("[]", "its model.json is another program's"),
        ('{"class_names": 5, "fingerprints": {}, "extractors": {}}', "its model.json is another"),
        ('{"fingerprints": {}}', "its model.json is another program's"),
        ("no JSON", "it holds no model.json"),
    ],
)
def test_another_program_s_file_is_refused(tmp_path, facts, reason):
    path = tmp_path / "file.tflite"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.json", facts)
    with pytest.raises(UserError, match=f"file.tflite: not .*`s2i export` wrote: {reason}"):
        tflite.TFLiteModel.load(path)


def test_a_signature_or_an_input_that_it_has_not_is_named():
    file = tflite.TFLiteModel.load(REALPAIRS / "lite.tflite")
    before = np.zeros((1, 1024), np.float32)
    with pytest.raises(UserError, match="no signature 'drew', only draw, draw_samples, embed_soun"):
        file.run("drew", before=before)
    for rows, got in (({"after": before}, "after"), ({}, "nothing")):
        with pytest.raises(UserError, match=f"signature 'draw' takes before, got {got}"):
            file.run("draw", **rows)


def test_a_damaged_file_is_refused(float32_file, tmp_path):
    path = tmp_path / "file.tflite"
    path.write_bytes(bytes(1000) + float32_file.read_bytes()[1000:])
    with pytest.raises(UserError, match="cannot be run"):
        tflite.TFLiteModel.load(path)


def test_a_file_without_its_weights_is_refused_when_it_runs(tmp_path):
    contents = bytearray((REALPAIRS / "lite.tflite").read_bytes())
    tenth = len(contents) // 10
    contents[3 * tenth : 6 * tenth] = bytes(3 * tenth)
    path = tmp_path / "file.tflite"
    path.write_bytes(contents)
    with pytest.raises(UserError, match="cannot be run"):
        tflite.TFLiteModel.load(path).listen([np.zeros(spec.FEATURE_SAMPLES, np.float32)])


def test_a_file_that_was_written_anew_while_it_is_in_use_is_refused(monkeypatch):
    class Overwritten:
        def get_signature_list(self):
            return {"draw": {}}

        def get_signature_runner(self, signature):
            return self

        def get_input_details(self):
            return b"\xff".decode()

    file = tflite.TFLiteModel.load(REALPAIRS / "lite.tflite", quick_start=True)
    assert file.image_side == 128
    monkeypatch.setattr(file, "_interpreter", Overwritten())
    for use in (lambda: file.run("draw", before=np.zeros((1, 2))), lambda: file.hidden_units):
        with pytest.raises(UserError, match="lite.tflite: cannot be run: 'utf-8' codec"):
            use()


def test_an_op_that_tflite_has_not_is_named():
    def odd(waveform):
        return {"image": tf.strings.length(tf.strings.as_string(waveform))}

    function = tflite_convert.traced(odd, waveform=[1, 2])
    with pytest.raises(UserError, match="no builtin op for this model's AsString, StringLength"):
        tflite_convert.convert({"serving_default": function}, (), "float32", {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quantization": "int4"}, "unknown quantization 'int4'; known: dynamic_int8, float16"),
        ({"quantization": "full_int8"}, "full_int8 needs a prepared data set"),
        ({"name": "../up"}, "name '../up'; allowed"),
    ],
)
def test_what_cannot_be_exported_is_said_and_leaves_nothing(toy, tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        tflite_export.export(toy.model, toy.extractor, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_an_existing_file_is_left_alone(toy, float32_file):
    before = float32_file.stat()
    with pytest.raises(UserError, match="exists already"):
        tflite_export.export(toy.model, toy.extractor, float32_file.parent, name="toy")
    assert float32_file.stat() == before


@pytest.mark.usefixtures("traced_once")
def test_a_file_that_differs_gets_no_name(toy, float32_file, tmp_path, monkeypatch):
    contents = float32_file.read_bytes()
    monkeypatch.setattr(tflite_convert, "convert", lambda *_: contents)
    monkeypatch.setattr(tflite_export.tflite_metadata, "add", lambda contents, *_, **__: contents)
    monkeypatch.setattr(
        tflite.TFLiteModel, "generate", lambda self, rows: np.ones((len(rows), 128, 128, 3))
    )
    with pytest.raises(parity.ParityError, match="float32 file's pictures differ by"):
        tflite_export.export(toy.model, toy.extractor, tmp_path)
    with pytest.raises(UserError, match="does not bear it; choose another quantization"):
        tflite_export.export(toy.model, toy.extractor, tmp_path, quantization="dynamic_int8")
    assert not list(tmp_path.iterdir())


def test_calibration_takes_training_sounds(dataset_with_sounds):
    folder = dataset_with_sounds("train", 6)
    windows = tflite_export.training_windows(folder, 4)
    assert windows.shape == (4, 132_300) and windows.dtype == np.float32
    assert 0.1 < np.abs(windows).max() <= 1
    assert len(tflite_export.training_windows(folder, 99)) == 6


def test_calibration_without_the_sounds_is_refused(tiny_dataset):
    assert dataset_info.load(tiny_dataset).source == str(tiny_dataset)
    with pytest.raises(UserError, match="its sounds are needed for calibration: .*sounds/train"):
        tflite_export.training_windows(tiny_dataset, 4)


@pytest.mark.slow
@pytest.mark.usefixtures("traced_once")
@pytest.mark.parametrize(
    ("quantization", "share", "mean_difference"),
    [("float16", 0.51, 1e-3), ("dynamic_int8", 0.27, 0.01), ("full_int8", 0.27, 0.03)],
)
def test_quantised_files_are_smaller_and_draw_nearly_the_same(
    toy, float32_file, features, tmp_path, monkeypatch, quantization, share, mean_difference
):
    monkeypatch.setattr(
        tflite_export, "training_windows", lambda data, num: examples.sounds(SECONDS, 6, seed=2)
    )
    export = tflite_export.export(
        toy.model, toy.extractor, tmp_path, quantization=quantization, data="made up"
    )
    assert export.num_bytes == export.path.stat().st_size
    assert export.num_bytes <= share * float32_file.stat().st_size
    windows, sound_features = features
    file = tflite.TFLiteModel.load(export.path)
    expected = toy.model.generate(sound_features)
    by_waveform = file.run("serving_default", waveform=windows)["image"]
    for pictures in (file.generate(sound_features), by_waveform):
        assert pictures.min() >= 0 and pictures.max() <= 1
        assert np.abs(pictures - expected).mean() <= mean_difference
    if quantization == "full_int8":
        assert inputs_of(export.path, schema.BuiltinOperator.CONV_2D) == {schema.TensorType.INT8}


def inputs_of(path, builtin):
    """The types of the first inputs of every op of a kind."""
    model = parsed(path)
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    return {
        graph.tensors[op.inputs[0]].type
        for graph in model.subgraphs
        for op in graph.operators
        if codes[op.opcodeIndex] == builtin
    }


def test_a_model_of_mixed_precision_computes_in_float32(toy):

    from s2i_tf.models import build_generator
    from s2i_tf.serving.precision import in_float32

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        generator = build_generator("unet", (128, 128, 1), (128, 128, 3), filters=2, seed=0)
    finally:
        keras.config.set_dtype_policy(before)
    mixed = dataclasses.replace(toy.model, image_generator=generator)
    exact = in_float32(mixed)
    assert {layer.compute_dtype for layer in exact.image_generator.layers} == {"float32"}
    assert exact.feature_generator is toy.model.feature_generator
    assert exact.stochastic
    features = np.random.default_rng(0).normal(size=(1, 4096)).astype(np.float32)
    difference = np.abs(exact.generate(features) - mixed.generate(features))
    assert 0 < difference.max() < 0.05


def test_sums_of_vectors_stay_sums_and_run_in_full_int8(toy, rng):
    """Keras takes a summand [1, size] for a bias, and each product is then there twice."""
    from s2i_tf.models import build_generator

    generator = build_generator("feature_decoder", (32,), (4096,), filters=4, seed=0)
    model = tflite_convert.convertible(dataclasses.replace(toy.model, feature_generator=generator))
    drawn = model.feature_generator
    rows = rng.normal(size=(8, 1, 32)).astype(np.float32)
    np.testing.assert_array_equal(drawn(rows[0]), generator(rows[0]))
    function = tflite_convert.traced(
        lambda condition: {"made": drawn(condition, training=False)}, condition=[1, 32]
    )
    contents = tflite_convert.convert(
        {"serving_default": function},
        (drawn,),
        "full_int8",
        {"serving_default": [{"condition": row} for row in rows]},
    )
    model = tflite.interpreter().Interpreter(model_content=contents)
    ops = [op["op_name"] for op in model._get_ops_details()]
    # The noise's projection, three hidden layers and the output.
    assert ops.count("FULLY_CONNECTED") == 5
    assert ops.count("ADD") == 2
    assert model.get_signature_runner()(condition=rows[0])["made"].shape == (1, 4096)

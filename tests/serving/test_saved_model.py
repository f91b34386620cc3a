import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.serving import parity, saved_model, warmup


def test_the_export_agrees_with_keras_in_a_fresh_process(exported):
    assert {key.split("/")[0] for key in exported.differences} == {
        "serving_default",
        "wav_bytes",
        "sound_features",
        "image_features",
        "embed_sound",
        "hear",
        "embed_image",
        "draw",
        "samples",
        "draw_samples",
        "wav_bytes_samples",
    }
    pictures = [value for key, value in exported.differences.items() if key.endswith("/image")]
    assert max(pictures) < 1e-3
    written = json.loads((exported.folder / "assets.extra" / "parity.json").read_text())
    assert written == exported.differences


def test_the_layout_is_tensorflow_serving_s(exported):
    assert exported.folder.parts[-2:] == ("sound_to_image", "1")
    assert [path.name for path in exported.folder.parent.iterdir()] == ["1"]
    assert (exported.folder / "saved_model.pb").is_file()


def test_assets_say_what_a_caller_must_know(exported, toy):
    assets = exported.folder / "assets"
    assert (assets / "labels.txt").read_text().splitlines() == list(toy.model.class_names)
    facts = json.loads((assets / "model.json").read_text())
    assert facts["fingerprints"] == toy.model.fingerprints
    assert facts["sound"]["sample_rate_hz"] == 22_050
    card = (assets / "model_card.md").read_text()
    assert "rain, sea, siren" in card and "`wav_bytes`" in card
    assert len(tf.saved_model.load(str(exported.folder)).assets) == 3


def test_warm_up_requests_name_every_signature_and_work(exported, loaded):
    prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    path = exported.folder / "assets.extra" / warmup.FILE_NAME
    called = set()
    for record in tf.data.TFRecordDataset(str(path)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        assert request.model_spec.name == "sound_to_image"
        called.add(request.model_spec.signature_name)
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        given = loaded[request.model_spec.signature_name].structured_input_signature[1]
        assert set(inputs) == set(given)
        if len(next(iter(inputs.values()))) == 1:
            loaded[request.model_spec.signature_name](
                **{name: tf.constant(value) for name, value in inputs.items()}
            )
    assert called == set(loaded)


def test_an_existing_version_is_left_alone(exported, toy):
    before = (exported.folder / "saved_model.pb").read_bytes()
    with pytest.raises(UserError, match="exists already; choose another version"):
        saved_model.export(toy.model, toy.extractor, exported.folder.parents[1], version=1)
    assert (exported.folder / "saved_model.pb").read_bytes() == before


def test_the_next_free_version_is_taken(tmp_path):
    assert saved_model.plan(tmp_path, "m").name == "1"
    for taken in ("2", "9", ".tmp_11", "12b"):
        (tmp_path / "m" / taken).mkdir(parents=True)
    assert saved_model.plan(tmp_path, "m") == tmp_path / "m" / "10"
    assert saved_model.plan(tmp_path, "m", 2) == tmp_path / "m" / "2"


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [("a/b", 1, "name 'a/b'; allowed"), ("..", 1, "allowed"), ("a", 0, "version 0; allowed")],
)
def test_names_that_cannot_be_served_are_refused(tmp_path, name, version, message):
    with pytest.raises(UserError, match=message):
        saved_model.plan(tmp_path, name, version)


def test_another_net_than_the_model_s_is_refused(toy, tmp_path):
    other = dataclasses.replace(toy.model, fingerprints={"sound_fingerprint": "another"})
    with pytest.raises(UserError, match="trained with another"):
        saved_model.export(other, toy.extractor, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_net_that_is_no_keras_model_is_refused(toy, tmp_path):
    class HubNet:
        name = "hub:somewhere"

    with pytest.raises(UserError, match="'hub:somewhere' cannot be exported"):
        saved_model.check_extractor(toy.model, HubNet())


def test_an_export_that_differs_gets_no_name(toy, tmp_path, monkeypatch):
    class Nothing:
        def __init__(self, *_):
            pass

        def specs(self):
            return {}

        def module(self):
            return tf.Module(), {}

    def differs(*_):
        raise parity.ParityError("it differs")

    monkeypatch.setattr(saved_model, "Signatures", Nothing)
    monkeypatch.setattr(parity, "compare", differs)
    with pytest.raises(parity.ParityError, match="it differs"):
        saved_model.export(toy.model, toy.extractor, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("expected", "got", "difference"),
    [
        (np.float32([0, 1]), np.float32([0, 1.0005]), 5e-4),
        (np.float32([0, 1]), np.float32([0, 1.002]), None),
        (np.float32([0, 100]), np.float32([0.05, 100]), 0.05),
        (np.uint8([0, 255]), np.uint8([1, 255]), 1),
        (np.uint8([0, 255]), np.uint8([2, 255]), None),
        (np.float32([0, 1]), np.float32([0, np.nan]), None),
    ],
)
def test_differences_have_a_tolerance(expected, got, difference):
    if difference is None:
        with pytest.raises(parity.ParityError, match="a/image differs by .* from Keras; allowed"):
            parity.differences({"a/image": got}, {"a/image": expected})
    else:
        found = parity.differences({"a/image": got}, {"a/image": expected})
        assert found == {"a/image": pytest.approx(difference, rel=1e-3)}


def test_an_output_that_is_missing_is_a_difference():
    with pytest.raises(parity.ParityError, match=r"gives \[\]; expected \['a/image'\]"):
        parity.differences({}, {"a/image": np.zeros(1)})

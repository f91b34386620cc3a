"""`export/tf_serving`: clients against a server of the same contract around the very SavedModel."""

import base64
import json
import pathlib
import re
import socket
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from s2i_tf.serving import examples

pytest.importorskip("tensorflow_serving.apis.predict_pb2")

from tensorflow_serving.config import model_server_config_pb2

from export.tf_serving import common, grpc_client, load_test, rest_client, stand_in
from export.tf_serving.common import Query, ServingError

FOLDER = pathlib.Path(stand_in.__file__).parent
CLIENTS = {"rest": rest_client, "grpc": grpc_client}


@pytest.fixture(scope="module")
def server(exported):
    models = stand_in.Models(FOLDER / "models.config", exported.folder.parents[1])
    with stand_in.Server(models) as running:
        yield running


@pytest.fixture(params=CLIENTS)
def client(request, server):
    """A client module and the server's address for it."""
    address = server.rest_address if request.param == "rest" else server.grpc_address
    return CLIENTS[request.param], address


def wav(num_seconds=1.0):
    return examples.wav_file(examples.sounds(num_seconds, 1)[0])


def pixels(png):
    return tf.io.decode_png(png).numpy().astype(int)


def test_both_clients_bring_the_model_s_picture(client, loaded):
    module, address = client
    (picture,) = module.ask(wav(), Query(address))
    expected = loaded["wav_bytes"](audio_bytes=tf.constant([wav()]))["image_bytes"].numpy()[0]
    assert np.abs(pixels(picture) - pixels(expected)).max() <= 1


def test_several_pictures_of_a_sound(client):
    module, address = client
    pictures = module.ask(wav(), Query(address, num_samples=3, seed=4))
    assert len(pictures) == 3
    assert (pixels(pictures[0]) != pixels(pictures[1])).any()
    again = module.ask(wav(), Query(address, num_samples=2, seed=4))
    assert np.abs(pixels(again[1]) - pixels(pictures[1])).max() <= 1


@pytest.mark.parametrize("which", [{"version": 1}, {"label": "stable"}])
def test_a_version_is_named_by_number_or_label(client, which):
    module, address = client
    assert len(module.ask(wav(), Query(address, **which))) == 1


@pytest.mark.parametrize(
    "which", [{"version": 9}, {"label": "canary"}, {"model": "another"}], ids=str
)
def test_what_is_not_served_is_said(client, which):
    module, address = client
    with pytest.raises(ServingError, match=r"refused \((404|NOT_FOUND)\): Servable not found"):
        module.ask(wav(), Query(address, **which))


@pytest.mark.parametrize("name", load_test.HOSTILE)
def test_a_bad_file_is_refused_with_what_is_allowed_and_the_server_lives_on(client, name):
    module, address = client
    with pytest.raises(ServingError, match="audio_bytes must be WAV files") as caught:
        module.ask(load_test.HOSTILE[name], Query(address))
    assert "\n" not in str(caught.value) and "node" not in str(caught.value)
    assert len(module.ask(wav(), Query(address))) == 1


def test_a_server_that_is_not_there_is_named(client):
    module, address = client
    with socket.socket() as unused:
        unused.bind(("localhost", 0))
        nowhere = re.sub(r":\d+$", f":{unused.getsockname()[1]}", address)
    with pytest.raises(ServingError, match=f"{nowhere}.*: cannot be reached: "):
        module.ask(wav(), Query(nowhere, timeout_seconds=5))


def test_a_server_that_says_nothing_is_given_up(client):
    module, address = client
    with socket.socket() as silent:
        silent.bind(("localhost", 0))
        silent.listen()
        mute = re.sub(r":\d+$", f":{silent.getsockname()[1]}", address)
        with pytest.raises(ServingError, match=r"no answer within 0\.3 s|cannot be reached"):
            module.ask(wav(), Query(mute, timeout_seconds=0.3))


def test_an_answer_without_pictures_is_an_error():
    with socket.socket() as odd:
        odd.bind(("localhost", 0))
        odd.listen()

        def answer():
            connection, _ = odd.accept()
            with connection:
                connection.recv(1 << 20)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        threading.Thread(target=answer, daemon=True).start()
        query = Query(f"http://localhost:{odd.getsockname()[1]}")
        with pytest.raises(ServingError, match="the answer holds no pictures"):
            rest_client.ask(b"RIFF", query)


@pytest.mark.parametrize("name", CLIENTS)
def test_the_command_line_takes_a_sound_file_and_writes_a_png(name, server, tmp_path, capsys):
    from s2i_tf.media import audio

    address = server.rest_address if name == "rest" else server.grpc_address
    sound = tmp_path / "a sound.flac"
    sound.write_bytes(audio.encode_audio(examples.sounds(1, 1)[0] * 256, "flac"))
    out = tmp_path / "picture.png"
    arguments = [str(sound), f"--out={out}", f"--server={address}", "--num_samples=2"]
    assert common.run(CLIENTS[name].ask, "a client", "", arguments) == 0
    assert pixels(out.read_bytes()).shape == (128, 128, 3)
    assert (tmp_path / "picture_1.png").exists()
    assert capsys.readouterr().out.split("\n")[0] == str(out)


@pytest.mark.parametrize(
    ("contents", "message"),
    [(None, "No such file"), (wav()[:100], "must be WAV files"), (b"text", "text.wav")],
)
def test_the_command_line_says_what_is_wrong_in_one_line(
    server, tmp_path, capsys, contents, message
):
    sound, out = tmp_path / "text.wav", tmp_path / "picture.png"
    if contents is not None:
        sound.write_bytes(contents)
    arguments = [str(sound), f"--out={out}", f"--server={server.rest_address}"]
    assert common.run(rest_client.ask, "a client", "", arguments) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not out.exists()


def post(server, body, path="/v1/models/sound_to_image:predict"):
    request = urllib.request.Request(server.rest_address + path, data=body)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_rest_takes_rows_and_columns(server):
    file = {"b64": base64.b64encode(wav()).decode()}
    _, by_row = post(
        server, json.dumps({"signature_name": "wav_bytes", "instances": [file]}).encode()
    )
    _, named = post(
        server,
        json.dumps({"signature_name": "wav_bytes", "instances": [{"audio_bytes": file}]}).encode(),
    )
    _, columns = post(
        server, json.dumps({"signature_name": "wav_bytes", "inputs": [file]}).encode()
    )
    assert by_row["predictions"] == named["predictions"] == columns["outputs"]
    _, vectors = post(
        server,
        json.dumps({"signature_name": "embed_image", "instances": [[0.5] * 4096] * 2}).encode(),
    )
    assert len(vectors["predictions"]) == 2
    assert set(vectors["predictions"][0]) == {"before", "after"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not a request"),
        (b"{]", "not a request"),
        (b"[]", "not a request"),
        (b"{}", "not a request"),
        (b'{"inputs": {"waveform": "loud"}}', "not a request"),
        (b'{"inputs": {"waveform": [[1, 2], [3]]}}', "not a request"),
        (b'{"inputs": {"noise": [[1]]}}', "not a request"),
        (b'{"signature_name": "paint", "inputs": {}}', "paint"),
        (
            b'{"signature_name": "wav_bytes", "inputs": {"audio_bytes": [{"b64": "?"}]}}',
            "not a req",
        ),
        (b'{"inputs": {"waveform": [1, 2, 3]}}', r"waveform must be float32 \[n, samples\]"),
        (b'{"inputs": {"waveform": [[NaN]]}}', "neither NaN nor infinite"),
        (b'{"inputs": {"waveform": [[]]}}', "with 1 to 13230000 samples"),
    ],
)
def test_rest_answers_a_bad_body_with_a_sentence(server, body, message):
    code, answer = post(server, body)
    assert code == 400
    assert re.search(message, answer["error"])


def test_models_config_is_one_that_the_server_reads():
    config = text_format.Parse(
        (FOLDER / "models.config").read_text(), model_server_config_pb2.ModelServerConfig()
    )
    (model,) = config.model_config_list.config
    assert model.name == common.MODEL
    loaded = set(model.model_version_policy.specific.versions)
    assert set(model.version_labels.values()) <= loaded


def test_batching_agrees_with_itself():
    text = (FOLDER / "batching.config").read_text()
    allowed = [int(size) for size in re.findall(r"^allowed_batch_sizes: (\d+)", text, re.M)]
    (most,) = re.findall(r"^max_batch_size { value: (\d+) }", text, re.M)
    assert allowed == sorted(allowed) and allowed[-1] == int(most)
    assert "pad_variable_length_inputs: false" in text


def test_compose_mounts_every_file_that_it_names():
    for name in ("compose.yaml", "compose.batching.yaml"):
        text = (FOLDER / name).read_text()
        mounted = re.findall(r"\./(\S+):/config/(\S+):ro", text)
        assert mounted
        for ours, theirs in mounted:
            assert (FOLDER / ours).is_file()
            assert f"/config/{theirs}" in text.replace(f":/config/{theirs}:ro", "")


def test_many_clients_and_hostile_requests(server):
    wavs = [examples.wav_file(sound) for sound in examples.sounds(0.5, 3)]
    pictures = [grpc_client.ask(file, Query(server.grpc_address))[0] for file in wavs]
    outcomes = load_test.run_clients(server.grpc_address, wavs, pictures, 40, 16, 10)
    assert len(outcomes) == 50
    assert sum(outcome.hostile for outcome in outcomes) == 10
    assert not [outcome.problem for outcome in outcomes if outcome.problem]
    figures = load_test.summarise(outcomes, 1.0, [0.1, 0.2])
    assert figures["requests"] == 40 and figures["p50_ms"] <= figures["p99_ms"]


def test_the_load_test_sees_a_wrong_picture(server):
    other = grpc_client.ask(wav(3), Query(server.grpc_address))
    (outcome,) = load_test.run_clients(server.grpc_address, [wav()], other, 1, 1, 0)
    assert outcome.problem == "another picture than the bare model's"

import hashlib
import http.client
import json
import pathlib
import threading
import types

import pytest

from s2i_tf.errors import UserError
from s2i_tf.features import weights
from s2i_tf.media import audio
from s2i_tf.web import model_file, server, site

SOURCE = pathlib.Path(__file__).parents[2] / "export" / "web"


def test_the_built_page_is_of_the_sources():
    """The same digest as in export/web/vite.config.js."""
    paths = sorted(
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file()
        and not any(
            part == "node_modules" or part.startswith(".")
            for part in path.relative_to(SOURCE).parts
        )
    )
    sha256 = hashlib.sha256()
    for path in paths:
        sha256.update(f"{path}\n".encode() + (SOURCE / path).read_bytes())
    built_of = (site.PAGE / "built_of.txt").read_text().strip()
    assert built_of == sha256.hexdigest(), "the page is older than its sources; run `make web`"


@pytest.fixture
def model_folder(tmp_path, monkeypatch):
    """A folder that passes for a model whose export is a few bytes."""
    from s2i_tf import features
    from s2i_tf.models.sound_to_image import SoundToImage

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.json").write_text("{}")

    def make(model, extractor):
        return {"listen": b"ear", "draw": b"hand"}, {"class_names": ["rain"]}

    loaded = types.SimpleNamespace(extractors={"sound": "net"})

    monkeypatch.setenv(weights.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(SoundToImage, "load", lambda path: loaded)
    monkeypatch.setattr(features, "load_extractor", lambda name: name)
    monkeypatch.setattr(model_file, "make", make)
    return folder


def test_the_page_and_a_model_make_a_folder_for_any_web_server(model_folder, tmp_path):
    out = site.write(tmp_path / "site", model_folder)
    for path in (
        "index.html",
        "assets/worker.js",
        "litert.js",
        "litert.wasm.gz",
        "listen.tflite.gz",
    ):
        assert (out / path).is_file(), path
    assert json.loads((out / "model.json").read_text()) == {"class_names": ["rain"]}
    examples = json.loads((out / "examples.json").read_text())
    assert len(examples) == len({example["name"] for example in examples}) == 12
    waveform = audio.load_waveform(out / examples[-1]["file"])
    assert 6 <= len(waveform) / 22_050 <= 8
    with pytest.raises(UserError, match="exists already"):
        site.write(out, model_folder)


def test_a_model_is_exported_once_until_it_changes(model_folder):
    first = site.model_files(model_folder)
    (first / "mark").touch()
    assert site.model_files(model_folder) == first and (first / "mark").exists()
    (model_folder / "multimodal.npz").write_bytes(b"other weights")
    assert site.model_files(model_folder) != first


@pytest.fixture
def serving(tmp_path):
    (tmp_path / "site" / "sub").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "site" / "index.html").write_text("<p>page")
    (tmp_path / "site" / "sub" / "a.js").write_text("1")
    with server.Server(server.listed(tmp_path / "site")) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(serving, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", serving.server_port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), dict(answer.getheaders())


def test_the_server_gives_its_own_files_to_this_computer_alone(serving):
    assert serving.server_address[0] == "127.0.0.1"
    status, body, headers = ask(serving, "/")
    assert (status, body) == (200, b"<p>page") and headers["Content-Type"] == "text/html"
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    status, body, headers = ask(serving, "/sub/a.js?x=1", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "1")
    assert headers["Content-Type"] == "text/javascript"
    for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/sub/", "/sub", "//etc/passwd"):
        assert ask(serving, path)[0] == 404, path
    assert ask(serving, "/", "POST")[0] == 501
    assert ask(serving, "/", Host="evil.example")[0] == 404

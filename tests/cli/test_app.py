import socket
import time

import pytest

from s2i_tf.cli import app
from s2i_tf.errors import UserError
from s2i_tf.pretrained import REALPAIRS
from s2i_tf.web import server, site


@pytest.fixture
def no_export(monkeypatch, tmp_path):
    """Puts a folder in the place of a model's files, and notes of which model."""
    asked = []
    monkeypatch.setattr(site, "model_files", lambda model: asked.append(model) or tmp_path)
    return asked


def test_it_serves_the_page_and_opens_it(call_verb, no_export, monkeypatch, capsys):
    opened, served = [], []
    monkeypatch.setattr(app.webbrowser, "open", opened.append)
    monkeypatch.setattr(server.Server, "serve_forever", lambda self: served.append(self.served))
    call_verb("app")
    assert no_export == [str(REALPAIRS)]
    deadline = time.monotonic() + 60
    while not opened and time.monotonic() < deadline:  # beside the server, in a thread
        time.sleep(0.01)
    assert opened[0].startswith("http://127.0.0.1:") and opened[0] in capsys.readouterr().out
    assert served[0]["/"] == site.PAGE / "index.html"
    call_verb("app", "--nobrowser", "--model=mine")
    assert len(opened) == 1 and no_export[1] == "mine"


def test_mistakes_are_answered_in_one_line(call_verb, no_export, tmp_path):
    with pytest.raises(UserError, match="takes no arguments, got 'more'"):
        call_verb("app", "more")
    with pytest.raises(UserError, match="--out is empty"):
        call_verb("app", "--out=")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}: address already in use; choose another"):
            call_verb("app", f"--port={port}")

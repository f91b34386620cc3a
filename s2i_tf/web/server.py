"""Serves files of a list to this computer alone: no uploads, nothing beside the list."""

import contextlib
import http.server
import mimetypes
import os
import pathlib
from collections.abc import Mapping

ADDRESS = "127.0.0.1"
_USUAL_PORT = 80  # which browsers leave out of the host that they ask
_TYPES = {".js": "text/javascript", ".gz": "application/gzip", ".flac": "audio/flac"}
# Only what the page itself is made of runs and loads; nothing can be sent anywhere.
_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob:; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def listed(*folders: str | os.PathLike) -> dict[str, pathlib.Path]:
    """The files in some folders by their address, `/` being `index.html`."""
    found = {
        f"/{path.relative_to(folder).as_posix()}": path
        for folder in folders
        for path in pathlib.Path(folder).rglob("*")
        if path.is_file()
    }
    return {"/": found["/index.html"], **found}


class Server(http.server.ThreadingHTTPServer):
    """A server of the files at `url`.

    Args:
      served: the files by their address, as of `listed`.
      port: 0 for any that is free.

    Raises:
      OSError: if the port is taken.
    """

    daemon_threads = True

    def __init__(self, served: Mapping[str, pathlib.Path], port: int = 0):
        self.served = served
        super().__init__((ADDRESS, port), _Handler)

    @property
    def url(self) -> str:
        """What to open in a browser."""
        return f"http://{ADDRESS}:{self.server_port}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    timeout = 30  # seconds that a connection may say nothing

    def do_GET(self) -> None:
        path = self.server.served.get(self.path.partition("?")[0])
        # Another name for this address may be a page elsewhere that tries to look in.
        names = (ADDRESS, "localhost")
        hosts = {f"{name}:{self.server.server_port}" for name in names}
        if self.server.server_port == _USUAL_PORT:
            hosts.update(names)
        contents = None
        if path is not None and self.headers.get("Host") in hosts:
            with contextlib.suppress(OSError):  # removed since the server was started
                contents = path.read_bytes()
        if contents is None:
            self.send_error(404)
            return
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        self.send_response(200)
        self.send_header("Content-Type", kind or "application/octet-stream")
        self.send_header("Content-Length", str(len(contents)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        if self.command == "GET":
            with contextlib.suppress(ConnectionError):  # the page was left or loaded anew
                self.wfile.write(contents)

    do_HEAD = do_GET

    def log_message(self, *args) -> None:
        """Says nothing of each request."""

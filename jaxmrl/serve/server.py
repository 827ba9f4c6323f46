"""The server of the page: only for this machine, only GET and HEAD, with headers that forbid all else."""

import dataclasses
import errno
import json
import os
import socketserver
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jaxmrl.config.serve import ServeConfig
from jaxmrl.errors import ConfigError
from jaxmrl.serve.content import read_detail, read_summary
from jaxmrl.serve.discovery import find_runs, read_shown

HOST = "127.0.0.1"
"""The loopback address: other machines cannot reach it."""

_NAMES = (HOST, "localhost")
"""The names of this machine that requests may use. The name of a web page that was made to point here is not one."""

_PAGE = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}

_NOTHING = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; {_NOTHING}"
)
_FILE_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; {_NOTHING}"
"""What a browser allows to the page, and to a file of a run, which may run no script and send no request."""

_TYPES = {".html": "text/html", ".svg": "image/svg+xml", ".png": "image/png"}
"""What files of a run are; all others are shown as plain text."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer to a request: its content, the type of that, and what a browser allows to it."""

    content: bytes
    kind: str
    policy: str = _POLICY
    status: HTTPStatus = HTTPStatus.OK


def answer_to(path: str, folders: tuple[Path, ...]) -> Answer | None:
    """Return the answer to a request for a path; None where there is nothing.

    Args:
        path: The path of the address. Only names that are known are ever joined to a folder.
        folders: Run directories, and folders that contain some.
    """
    if path in _PAGE:
        name, kind = _PAGE[path]
        return Answer((files("jaxmrl.serve") / "page" / name).read_bytes(), kind)
    match path.split("/")[1:]:
        case ["api", "runs"]:
            found = [read_summary(identity, folder) for identity, folder in find_runs(folders).items()]
            return _json({"folders": [str(one) for one in folders], "runs": [dataclasses.asdict(one) for one in found]})
        case ["api", "runs", identity] if folder := find_runs(folders).get(identity):
            return _json(dataclasses.asdict(read_detail(identity, folder)))
        case ["runs", identity, name] if folder := find_runs(folders).get(identity):
            content = read_shown(folder, name)
            kind = _TYPES.get(Path(name).suffix, "text/plain")
            return None if content is None else Answer(content, kind, _FILE_POLICY)
    return None


def _json(content: dict[str, Any]) -> Answer:
    return Answer(json.dumps(content, allow_nan=False).encode(), "application/json")


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: "Server"
    timeout = 30
    """Seconds that a connection may be silent."""

    def version_string(self) -> str:
        """Return the name of the server, without versions."""
        return "jaxmrl"

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def _answer(self, *, with_content: bool) -> None:
        if self.headers.get_all("Host") not in self.server.hosts:
            answer = _refusal(HTTPStatus.MISDIRECTED_REQUEST, f"This page is only at {self.server.address}.")
        else:
            answer = self._found() or _refusal(HTTPStatus.NOT_FOUND, "There is no such run or file.")
        self._send(answer, with_content)

    def _found(self) -> Answer | None:
        """Return the answer to the target of the request; None where there is nothing, or it is no address."""
        try:
            path = urlsplit(self.path).path
        except ValueError:
            return None
        return answer_to(path, self.server.folders)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that is not understood, in plain text: the method of the base class repeats the request."""
        status = HTTPStatus(code)
        if status == HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._send(_refusal(status, f"{status.phrase}. This page answers only GET and HEAD."), with_content=True)

    def _send(self, answer: Answer, with_content: bool) -> None:
        self.close_connection = True
        self.send_response(answer.status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", answer.policy)
        text = answer.kind.startswith("text/") or answer.kind.endswith("json")
        self.send_header("Content-Type", f"{answer.kind}; charset=utf-8" if text else answer.kind)
        self.send_header("Content-Length", str(len(answer.content)))
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if with_content:
            self.wfile.write(answer.content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing: the page asks every few seconds."""


def _refusal(status: HTTPStatus, text: str) -> Answer:
    return Answer(f"{text}\n".encode(), "text/plain", status=status)


class Server(ThreadingHTTPServer):
    """The server. Each request has a thread of its own, and none outlives the server."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # on Windows, that would let two programs have one port

    def __init__(self, port: int, folders: tuple[Path, ...], handler: Callable[..., Handler] = Handler):
        self.folders = folders
        super().__init__((HOST, port), handler)
        port = self.server_address[1]
        self.address = f"http://{HOST}:{port}/"
        self.hosts = [[f"{name}:{port}"] for name in _NAMES] + ([[name] for name in _NAMES] if port == 80 else [])

    def server_bind(self) -> None:
        """Take the port without asking the network for this machine's name, as the base class does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that disconnects or stays silent."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def open_server(config: ServeConfig) -> Server:
    """Return the server of the page, which listens from now on.

    Raises ConfigError where the port cannot be used.
    """
    try:
        return Server(config.port, config.runs)
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise ConfigError(
            f"port {config.port} of this machine {reason}; choose another --port, or omit it for a free one"
        ) from None

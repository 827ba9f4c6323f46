"""Requests to a server of the page."""

import http.client
import socket

from jaxmrl.serve.discovery import find_runs
from jaxmrl.serve.server import HOST, Server


def ask(
    server: Server, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers and the content of an answer."""
    port = server.server_address[1]
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    for name, value in ({"Host": f"{HOST}:{port}"} if headers is None else headers).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def raw(server: Server, request: bytes) -> bytes:
    """Return the answer to these bytes."""
    with socket.create_connection(server.server_address, timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def identity(server: Server) -> str:
    """Return the identity of the only run."""
    (found,) = find_runs(server.folders)
    return found

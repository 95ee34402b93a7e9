"""A web server in front of a client, as households have one: https, IPv6, and the client under a path of its own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

PREFIX = "/home/downloads"
_OWN = ("connection", "content-length", "host", "transfer-encoding")


@dataclass
class Front:
    """`url` is what goes into the configuration; `requests` counts what was asked."""

    url: str
    requests: int = 0


class _Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not like the certificate says so itself."""


@contextmanager
def front(target: str, tls: ssl.SSLContext) -> Iterator[Front]:
    """Answers on `[::1]` for the client at `target` until the block ends."""
    behind, seen = urlsplit(target), Front("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.requests += 1
            _answer(self, behind.hostname or "", behind.port or 80)

        do_POST = do_GET

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Tests are quiet."""

    server = _Server(("::1", 0), Handler)
    # The handshake in the connection's own thread: one that never ends it holds nobody up.
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    seen.url = f"https://[::1]:{server.server_address[1]}{PREFIX}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


def _answer(request: BaseHTTPRequestHandler, host: str, port: int) -> None:
    """What the client says to the request without the prefix, under the client's own Host as web servers send it."""
    body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
    inside = request.path.startswith(PREFIX)
    path = request.path.removeprefix(PREFIX) or "/" if inside else "/outside-of-the-prefix"
    upstream = HTTPConnection(host, port, timeout=30)
    upstream.request(request.command, path, body, {k: v for k, v in request.headers.items() if k.lower() not in _OWN})
    reply = upstream.getresponse()
    data = reply.read()
    upstream.close()
    request.send_response(reply.status)
    for name, value in reply.getheaders():
        if name.lower() not in _OWN:
            request.send_header(name, value)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)

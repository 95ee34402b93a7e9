"""An HTTP server on loopback in a thread of its own, for what tests put in a client's place or in front of one."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from typing_extensions import override

HOST = "127.0.0.1"


class LoopbackServer:
    """A context manager. Whoever inherits says in `respond` what is answered, in a thread of each connection."""

    PROTOCOL = "HTTP/1.0"  # of the answers; 1.1 keeps connections open

    def __init__(self) -> None:
        ours = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = self.PROTOCOL

            def do_GET(self) -> None:
                ours.respond(self)

            def do_POST(self) -> None:
                ours.respond(self)

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    @property
    def url(self) -> str:
        """Where it is reached; what goes into the configuration as the client's `url`."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def respond(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request, whose body is not read yet."""
        raise NotImplementedError


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    """The request's body; to be read once, whatever is answered."""
    return request.rfile.read(int(request.headers.get("Content-Length", "0")))


def send(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    cut: int | None = None,
) -> None:
    """Answer; with `cut` only so many bytes of the body follow the headers that promise all of it."""
    request.send_response(status)
    for name, value in headers:
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[:cut])

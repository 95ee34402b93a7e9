"""A tiny HTTP proxy in front of a deluge-web, which can be gone and can empty the list of torrents."""

from __future__ import annotations

import json
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from typing_extensions import override

HOST = "127.0.0.1"
LIST = "core.get_torrents_status"
STATE = "core.get_session_state"


class EmptyingProxy:
    """A context manager. While `down`, nothing is answered; while `empty`, the client's list has no torrents.

    `emptied` counts the lists that were emptied, `lists` those that were passed on whole.
    """

    def __init__(self, target: str) -> None:
        self.down = False
        self.empty = False
        self.emptied = 0
        self.lists = 0
        self._target = urlsplit(target)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy._answer(self)

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

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
        """What goes into the configuration as the client's `url`."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        request.close_connection = self.down
        if self.down:
            return
        method = json.loads(body).get("method")
        status, headers, reply = self._forward(request, body)
        if method in (LIST, STATE):
            reply = self._list(method, reply)
        request.send_response(status)
        for name, value in headers:
            if name.lower() in ("content-type", "set-cookie"):
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(reply)))
        request.end_headers()
        request.wfile.write(reply)

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        wanted = {name: request.headers[name] for name in ("Content-Type", "Cookie") if name in request.headers}
        connection = HTTPConnection(self._target.hostname or HOST, self._target.port, timeout=30)
        try:
            connection.request("POST", request.path, body, wanted)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _list(self, method: str, reply: bytes) -> bytes:
        if not self.empty:
            self.lists += method == LIST
            return reply
        self.emptied += method == LIST
        return json.dumps({**json.loads(reply), "result": {} if method == LIST else []}).encode()

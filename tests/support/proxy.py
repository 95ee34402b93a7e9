"""A tiny HTTP proxy in front of a deluge-web, which can be gone and can empty the list of torrents."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from typing_extensions import override

from support.loopback import HOST, LoopbackServer, body_of, send

LIST = "core.get_torrents_status"
STATE = "core.get_session_state"


class EmptyingProxy(LoopbackServer):
    """A context manager. While `down`, nothing is answered; while `empty`, the client's list has no torrents.

    `emptied` counts the lists that were emptied, `lists` those that were passed on whole.
    """

    PROTOCOL = "HTTP/1.1"

    def __init__(self, target: str) -> None:
        super().__init__()
        self.down = False
        self.empty = False
        self.emptied = 0
        self.lists = 0
        self._target = urlsplit(target)

    @override
    def respond(self, request: BaseHTTPRequestHandler) -> None:
        """Pass it on, or not."""
        body = body_of(request)
        request.close_connection = self.down
        if self.down:
            return
        method = json.loads(body).get("method")
        status, headers, reply = self._forward(request, body)
        if method in (LIST, STATE):
            reply = self._list(method, reply)
        kept = ((name, value) for name, value in headers if name.lower() in ("content-type", "set-cookie"))
        send(request, status, kept, reply)

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

"""Tiny HTTP proxies in front of a client: one that can be gone and can empty a Deluge's list, one that only watches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

from support.loopback import HOST, LoopbackServer, body_of, send

SESSION = "X-Transmission-Session-Id"
ASKED = ("Authorization", "Content-Type", "Cookie", SESSION)
ANSWERED = ("content-type", "set-cookie", "www-authenticate", SESSION.lower())
LIST = "core.get_torrents_status"
STATE = "core.get_session_state"
DOWNLOADING = 4  # Transmission's status


class PassingProxy(LoopbackServer):
    """A context manager. While `down`, nothing is answered. Whoever inherits looks at what is passed, or changes it."""

    PROTOCOL = "HTTP/1.1"

    def __init__(self, target: str) -> None:
        super().__init__()
        self.down = False
        self._target = urlsplit(target)

    @override
    def respond(self, request: BaseHTTPRequestHandler) -> None:
        """Pass it on, or not."""
        body = body_of(request)
        request.close_connection = self.down
        if self.down:
            return
        status, headers, reply = self._forward(request, body)
        if status == 200:
            reply = self.passed(json.loads(body).get("method"), reply)
        send(request, status, ((name, value) for name, value in headers if name.lower() in ANSWERED), reply)

    def passed(self, method: str | None, reply: bytes) -> bytes:
        """What is answered instead of the client's `reply` to a call of `method`."""
        raise NotImplementedError

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        wanted = {name: request.headers[name] for name in ASKED if name in request.headers}
        connection = HTTPConnection(self._target.hostname or HOST, self._target.port, timeout=30)
        try:
            connection.request("POST", request.path, body, wanted)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class EmptyingProxy(PassingProxy):
    """While `empty`, the Deluge's list has no torrents.

    `emptied` counts the lists that were emptied, `lists` those that were passed on whole.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.empty = False
        self.emptied = 0
        self.lists = 0

    @override
    def passed(self, method: str | None, reply: bytes) -> bytes:
        """The reply, or a list without torrents."""
        if method not in (LIST, STATE):
            return reply
        if not self.empty:
            self.lists += method == LIST
            return reply
        self.emptied += method == LIST
        return json.dumps({**json.loads(reply), "result": {} if method == LIST else []}).encode()


class UnnoticedProxy(PassingProxy):
    """`unnoticed` are the torrents that the Transmission was heard to have whole and not to have noticed yet."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.unnoticed: set[str] = set()

    @override
    def passed(self, method: str | None, reply: bytes) -> bytes:
        """The reply, looked at."""
        if method == "torrent-get":
            for row in _rows(json.loads(reply)["arguments"]["torrents"]):
                if row.get("percentDone") == 1 and row["status"] == DOWNLOADING and row["doneDate"] == 0:
                    self.unnoticed.add(row["hashString"])
        return reply


def _rows(torrents: list[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a reply, which is a list of objects or a table whose first line names the columns."""
    if torrents and isinstance(torrents[0], list):
        return (dict(zip(torrents[0], row, strict=True)) for row in torrents[1:])
    return iter(torrents)

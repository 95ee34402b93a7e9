"""Proxies in front of a client: one empties a Deluge's list, one waits for a moment of a Transmission."""

from __future__ import annotations

import json
import threading
import time
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
Reply = tuple[int, list[tuple[str, str]], bytes]  # status, headers, body


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
        status, headers, reply = self.forward(request, body)
        send(request, status, ((name, value) for name, value in headers if name.lower() in ANSWERED), reply)

    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        """Ask the client; its status, headers and body."""
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
    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        status, headers, reply = super().forward(request, body)
        method = json.loads(body).get("method")
        return status, headers, self._list(method, reply) if method in (LIST, STATE) else reply

    def _list(self, method: str, reply: bytes) -> bytes:
        if not self.empty:
            self.lists += method == LIST
            return reply
        self.emptied += method == LIST
        return json.dumps({**json.loads(reply), "result": {} if method == LIST else []}).encode()


class UnnoticedProxy(PassingProxy):
    """`unnoticed` are the torrents that the Transmission was heard to have whole and not to have noticed yet.

    After `hold()` the next list is asked again and again until it says that of one more, or for `HOLD` seconds, and
    answered then; `holding` says that it is being asked. So the moment is met however seldom the client is polled.
    """

    HOLD = 15.0  # the adapter waits for twice as long

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.unnoticed: set[str] = set()
        self.holding = False
        self._to_hold = threading.Semaphore(0)

    def hold(self) -> None:
        """Keep the next list until it tells of the moment."""
        self._to_hold.release()

    @override
    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        if json.loads(body).get("method") != "torrent-get" or not self._to_hold.acquire(blocking=False):
            return super().forward(request, body)
        self.holding, before, deadline = True, len(self.unnoticed), time.monotonic() + self.HOLD
        try:
            while True:
                reply = super().forward(request, body)
                self._look(reply)
                if len(self.unnoticed) > before or time.monotonic() > deadline:
                    return reply
                time.sleep(0.01)
        finally:
            self.holding = False

    def _look(self, reply: Reply) -> None:
        status, _, body = reply
        rows = _rows(json.loads(body)["arguments"]["torrents"]) if status == 200 else ()
        for row in rows:
            if row.get("percentDone") == 1 and row["status"] == DOWNLOADING and row["doneDate"] == 0:
                self.unnoticed.add(row["hashString"])


def _rows(torrents: list[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a reply, which is a list of objects or a table whose first line names the columns."""
    if torrents and isinstance(torrents[0], list):
        return (dict(zip(torrents[0], row, strict=True)) for row in torrents[1:])
    return iter(torrents)

"""An HTTP server on loopback that plays recorded replies, and damages them when a test wants it."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from typing_extensions import override

from support.loopback import LoopbackServer, body_of, send


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer. With `cut`, only so many bytes of the body are sent before the connection breaks."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None


Answerer = Callable[[dict[str, Any]], Answer]


class Replay(LoopbackServer):
    """A context manager. `answer` decides by the request; `calls` are the requests so far.

    A request is its JSON's keys, or for a form its fields under `form`; besides `method` (the JSON's, else the path
    without its first slash), `verb`, `path`, `query`, `headers` (names in lower case), `cookie` and the raw `body`.
    """

    def __init__(self, answer: Answerer) -> None:
        super().__init__()
        self.answer = answer
        self.calls: list[dict[str, Any]] = []

    @override
    def respond(self, request: BaseHTTPRequestHandler) -> None:
        """Note the call, and answer it as `answer` says."""
        call = _request(request)
        self.calls.append(call)
        answer = self.answer(call)
        headers = (("Content-Type", answer.content_type), *answer.headers)
        send(request, answer.status, headers, answer.body, answer.cut)


def _request(request: BaseHTTPRequestHandler) -> dict[str, Any]:
    where = urlsplit(request.path)
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = body_of(request)
    call: dict[str, Any] = {"method": where.path.removeprefix("/"), "form": {}}
    kind = headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        call["form"] = dict(parse_qsl(body.decode(), keep_blank_values=True))
    elif body and not kind.startswith("multipart/"):
        call |= json.loads(body)
    query = dict(parse_qsl(where.query, keep_blank_values=True))
    about = {"verb": request.command, "path": where.path, "query": query, "headers": headers}
    return call | about | {"cookie": headers.get("cookie"), "body": body}

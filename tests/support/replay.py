"""An HTTP server on loopback that plays recorded replies, and damages them when a test wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import msgspec
from typing_extensions import override

HOST = "127.0.0.1"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer. With `cut`, only so many bytes of the body are sent before the connection breaks."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None


Answerer = Callable[[dict[str, Any]], Answer]


class Replay:
    """A context manager. `answer` decides by the request; `calls` are the requests so far.

    A request is its JSON's keys, or for a form its fields under `form`; besides `method` (the JSON's, else the path
    without its first slash), `verb`, `path`, `query`, `headers` (names in lower case), `cookie` and the raw `body`.
    """

    def __init__(self, answer: Answerer) -> None:
        self.answer = answer
        self.calls: list[dict[str, Any]] = []
        replay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                replay._reply(self)

            def do_POST(self) -> None:
                replay._reply(self)

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
        """The client's URL."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def _reply(self, request: BaseHTTPRequestHandler) -> None:
        call = _request(request)
        self.calls.append(call)
        answer = self.answer(call)
        request.send_response(answer.status)
        for name, value in (("Content-Type", answer.content_type), *answer.headers):
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer.body)))
        request.end_headers()
        request.wfile.write(answer.body[: answer.cut])


def _request(request: BaseHTTPRequestHandler) -> dict[str, Any]:
    where = urlsplit(request.path)
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = request.rfile.read(int(headers.get("content-length", 0)))
    call: dict[str, Any] = {"method": where.path.removeprefix("/"), "form": {}}
    kind = headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        call["form"] = dict(parse_qsl(body.decode(), keep_blank_values=True))
    elif body and not kind.startswith("multipart/"):
        call |= json.loads(body)
    query = dict(parse_qsl(where.query, keep_blank_values=True))
    about = {"verb": request.command, "path": where.path, "query": query, "headers": headers}
    return call | about | {"cookie": headers.get("cookie"), "body": body}

"""What holds for every request before any route is looked for: request id, Host, API key, headers, metrics.

Plain ASGI around the application, so that no route can be forgotten.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import structlog

from sluice_common.kit.errors import Problem
from sluice_gateway import metrics
from sluice_gateway.http import hosts, problems

App = Callable[[Any, Any, Any], Awaitable[None]]
Accepts = Callable[[str], Awaitable[bool]]

# What anybody may ask: whether we live, and whether we are ready.
OPEN_PATHS = ("/health", "/ready")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1; before the handshake it becomes a 403
_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:/+=-]{1,128}")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Edge:
    """The outermost ASGI application."""

    def __init__(
        self, app: App, accepts: Accepts, allowed_hosts: Collection[str], new_request_id: Callable[[], str]
    ) -> None:
        self._app = app
        self._accepts = accepts
        self._hosts = allowed_hosts
        self._new_request_id = new_request_id

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One connection's request; lifespan passes through, and nothing else: what is not HTTP would bring no key."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        answer = _Answer(send, self._new_request_id())
        scope.setdefault("state", {}).update(request_id=answer.request_id, abort=lambda: _abort(send))
        started = time.perf_counter()
        try:
            await self._serve(scope, receive, answer)
        finally:
            _measure(scope, answer, time.perf_counter() - started)

    async def _serve(self, scope: Any, receive: Any, answer: _Answer) -> None:
        try:
            answer.request_id = _chosen_id(_values(scope, b"idempotency-key")) or answer.request_id
            scope["state"]["request_id"] = answer.request_id
            await self._admit(scope)
        except Problem as problem:
            await answer.refuse(problem, scope["path"])
            return
        with structlog.contextvars.bound_contextvars(request_id=answer.request_id):
            await self._app(scope, receive, answer.send)

    async def _admit(self, scope: Any) -> None:
        hosts.check(_values(scope, b"host"), self._hosts)
        if scope["path"] in OPEN_PATHS:
            return
        key = _key(scope)
        if key is None:
            raise Problem("key_required", 401, "send an API key in the header X-API-Key, or as Authorization: Bearer")
        if not await self._accepts(key):
            raise Problem("key_unknown", 401, "unknown API key; the first one is `api-key` in the data directory")


class _Answer:
    """The response on its way out: adds our headers, remembers its status."""

    def __init__(self, send: Any, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status = 0
        self.is_stream = False

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [(name.lower(), value) for name, value in message.get("headers", [])]
            self.is_stream = (b"content-type", b"text/event-stream") in [(n, v.partition(b";")[0]) for n, v in headers]
            own = [*_HEADERS, (b"x-request-id", self.request_id.encode())]
            if b"cache-control" not in dict(headers):
                own.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*headers, *own]}
        await self._send(message)

    async def refuse(self, problem: Problem, path: str) -> None:
        body = problems.encode(problem, path, self.request_id)
        headers = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        if problem.status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="sluice"'))
        await self.send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _values(scope: Any, name: bytes) -> Sequence[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _chosen_id(given: Sequence[str]) -> str | None:
    """The caller's own id for this request; repeating it never does a thing twice."""
    if not given:
        return None
    if len(given) > 1 or _REQUEST_ID.fullmatch(given[0]) is None:
        raise Problem("bad_idempotency_key", 400, "Idempotency-Key must be 1 to 128 letters, digits or ._~:/+=-")
    return given[0]


def _key(scope: Any) -> str | None:
    for value in _values(scope, b"x-api-key"):
        return value.strip()
    for value in _values(scope, b"authorization"):
        scheme, _, token = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
    return None


def _measure(scope: Any, answer: _Answer, seconds: float) -> None:
    route = scope.get("path_template") or "other"
    method = scope["method"] if scope["method"] in _METHODS else "other"
    metrics.REQUESTS.labels(route, method, str(answer.status)).inc()
    if not answer.is_stream:
        metrics.REQUEST_SECONDS.labels(route).observe(seconds)


def _abort(send: Any) -> None:
    """Cut the connection of a reader that does not read.

    ASGI has no word for this, and closing would wait for the reader: uvicorn's `send` is a method of an object that
    knows the transport.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()

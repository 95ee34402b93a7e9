"""The answers to /health, /ready and /metrics, and the small ASGI application that gives them.

Liveness asks nothing and answers at once; readiness asks every check, each with a deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from sluice_common.kit import metrics
from sluice_common.runtime.service import App, Check

CHECK_DEADLINE = 2.0
JSON = "application/json"


class Answer(msgspec.Struct, frozen=True):
    """A response, whatever framework sends it."""

    status: int
    content_type: str
    body: bytes


class ReadyReport(msgspec.Struct, frozen=True):
    """Whether everything is ready, and a reason for each thing that is not."""

    ready: bool
    reasons: tuple[str, ...] = ()


async def ready_report(checks: Sequence[Check]) -> ReadyReport:
    """Every check's answer, asked at the same time; one that raises or takes over 2 s is not ready."""
    answers = await asyncio.gather(*(_ask(check) for check in checks))
    reasons = tuple(answer for answer in answers if answer is not None)
    return ReadyReport(ready=not reasons, reasons=reasons)


async def _ask(check: Check) -> str | None:
    name = getattr(check, "__qualname__", type(check).__name__)
    try:
        async with asyncio.timeout(CHECK_DEADLINE):
            return await check()
    except TimeoutError:
        return f"{name}: no answer within {CHECK_DEADLINE:g} s"
    except Exception as error:
        return f"{name}: {type(error).__name__}"  # its words might hold a secret


Route = Callable[[], Awaitable[Answer]]


def health_routes(checks: Callable[[], Sequence[Check]]) -> Mapping[str, Route]:
    """Path → what answers a GET; `checks` is asked each time, since they change as a service starts and stops."""

    async def health() -> Answer:
        return Answer(200, JSON, b'{"status":"ok"}')

    async def ready() -> Answer:
        report = await ready_report(checks())
        return Answer(200 if report.ready else 503, JSON, msgspec.json.encode(report))

    async def render() -> Answer:
        body, content_type = metrics.render()
        return Answer(200, content_type, body)

    return {"/health": health, "/ready": ready, "/metrics": render}


def health_app(checks: Callable[[], Sequence[Check]]) -> App:
    """An ASGI application that serves `health_routes` and nothing else."""
    routes = health_routes(checks)

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await _send(send, await _route(routes, scope["method"], scope["path"]), scope["method"])

    return app


async def _route(routes: Mapping[str, Route], method: str, path: str) -> Answer:
    route = routes.get(path)
    if route is None:
        return Answer(404, JSON, b'{"status":"not found","see":["/health","/ready","/metrics"]}')
    if method not in ("GET", "HEAD"):
        return Answer(405, JSON, b'{"status":"use GET"}')
    return await route()


async def _send(send: Any, answer: Answer, method: str) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})

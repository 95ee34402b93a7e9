"""The health answers, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from sluice_common.runtime.health import health_app, health_routes, ready_report


async def _fine() -> str | None:
    return None


async def _lost() -> str | None:
    return "the bus is lost"


async def _ask(method: str, path: str) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await health_app(lambda: [_lost])({"type": "http", "method": method, "path": path}, None, send)
    start, body = sent
    return start["status"], body["body"]


async def test_nothing_to_check_is_ready() -> None:
    """A service without conditions is ready, one with an unmet condition is not and says which."""
    assert (await ready_report([])).ready
    assert (await ready_report([_fine])).ready
    report = await ready_report([_fine, _lost])
    assert (report.ready, report.reasons) == (False, ("the bus is lost",))


async def test_liveness_asks_no_check() -> None:
    """A service whose bus is lost is alive: restarting it would not help."""
    answer = await health_routes(lambda: [_lost])["/health"]()
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/ready", 503, b'{"ready":false,"reasons":["the bus is lost"]}'),
        ("HEAD", "/ready", 503, b""),
        ("POST", "/ready", 405, b'{"status":"use GET"}'),
        ("GET", "/", 404, b'{"status":"not found","see":["/health","/ready","/metrics"]}'),
    ],
)
async def test_each_request_gets_its_status(method: str, path: str, status: int, body: bytes) -> None:
    """Only GET and HEAD of the three paths are answered."""
    assert await _ask(method, path) == (status, body)

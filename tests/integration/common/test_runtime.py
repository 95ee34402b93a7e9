"""A service in this process: what it promises to whoever builds, watches and stops it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
import structlog.testing

from sluice_common.kit.errors import SluiceError
from sluice_common.kit.settings import GatewaySettings, HealthSettings, Settings
from sluice_common.net import http
from sluice_common.runtime.run import Build, serve_several
from sluice_common.runtime.service import Service
from support.waiting import until as eventually


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


async def forever() -> None:
    await asyncio.Future()


class Running:
    """A service, or several that share a process, in this one."""

    def __init__(self, build: Build | Mapping[str, Build], *, health: bool = True) -> None:
        self.port = free_port()
        self.stop = asyncio.Event()
        settings = Settings(health=HealthSettings(port=self.port if health else 0), gateway=GatewaySettings())
        builds = {"demo": build} if callable(build) else build
        work = serve_several(builds, settings, self.stop)
        self.task = asyncio.create_task(work)

    async def get(self, path: str, port: int | None = None) -> tuple[int, Any]:
        """Status and decoded body, as soon as the server is there."""
        async with http.client(base_url=f"http://127.0.0.1:{port or self.port}") as client, asyncio.timeout(10):
            while True:
                try:
                    answer = await client.get(path)
                except http.TransportError:
                    assert not self.task.done(), "the service ended"
                    await asyncio.sleep(0.01)
                else:
                    is_json = answer.headers.get("content-type") == "application/json"
                    return answer.status_code, answer.json() if is_json else answer.text

    async def reasons(self, *, until: list[str] | None = None, after: list[str] | None = None) -> list[str]:
        """What /ready tells, once it is `until`, or no longer `after`."""
        async with asyncio.timeout(10):
            while True:
                reasons: list[str] = (await self.get("/ready"))[1]["reasons"]
                if reasons == until or (until is None and reasons != after):
                    return reasons
                await asyncio.sleep(0.01)

    async def ready(self) -> None:
        """Returns once /ready says so."""
        await self.reasons(until=[])
        assert (await self.get("/ready"))[0] == 200

    async def end(self) -> None:
        self.stop.set()
        async with asyncio.timeout(10):
            await self.task


async def test_health_answers_while_the_service_is_still_being_built() -> None:
    """A service that waits for its database is alive, and says why it is not ready."""
    built = asyncio.Event()

    async def build(_settings: Settings, _stack: AsyncExitStack) -> Service:
        await built.wait()
        return Service(loops=[forever])

    service = Running(build)
    assert await service.get("/health") == (200, {"status": "ok"})
    assert await service.get("/ready") == (503, {"ready": False, "reasons": ["starting"]})
    built.set()
    await service.ready()
    assert (await service.get("/metrics"))[1].count("sluice_build_info{") == 1
    assert (await service.get("/other"))[0] == 404
    await service.end()


async def test_readiness_names_every_reason_and_waits_for_no_check() -> None:
    """Each check that is not ready, hangs or breaks is named; a broken one does not tell what might be a secret."""

    async def lost() -> str | None:
        return "NATS: connection lost"

    async def hanging() -> str | None:
        await forever()
        return None

    async def broken() -> str | None:
        raise RuntimeError("hunter2")

    async def fine() -> str | None:
        return None

    async def build(_settings: Settings, _stack: AsyncExitStack) -> Service:
        return Service(loops=[forever], ready=[lost, hanging, broken, fine])

    service = Running(build)
    first, second, third = await service.reasons(after=["starting"])
    assert first == "NATS: connection lost"
    assert second.endswith("hanging: no answer within 2 s")
    assert third.endswith("broken: RuntimeError")
    assert (await service.get("/ready"))[0] == 503
    await service.end()


async def test_stopping_ends_requests_then_loops_then_what_they_stand_on() -> None:
    """A request that is being answered is finished first, then the loops end, then the stack closes in order."""
    order: list[str] = []
    port = free_port()
    asked, answer = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        try:
            async with asyncio.TaskGroup():  # it may only be left in the task that entered it
                yield
        finally:
            order.append("closed")

    async def loop() -> None:
        try:
            await forever()
        finally:
            order.append("loop")

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError
        asked.set()
        await answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})
        order.append("answered")

    async def build(_settings: Settings, stack: AsyncExitStack) -> Service:
        stack.push_async_callback(_note, order, "first")
        await stack.enter_async_context(resource())
        return Service(loops=[loop], app=app, listen=("127.0.0.1", port))

    service = Running(build)
    await service.ready()
    request = asyncio.create_task(service.get("/", port))
    await asked.wait()
    service.stop.set()
    await service.reasons(until=["stopping"])
    answer.set()
    assert (await request)[0] == 200
    await service.end()
    assert order == ["answered", "loop", "closed", "first"]


async def _note(order: list[str], what: str) -> None:
    order.append(what)


async def test_an_application_replaces_the_health_server_unless_a_port_is_set() -> None:
    """The gateway answers its own health on its own port; with a port set, both are served."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    for health in (True, False):
        port = free_port()

        async def build(_settings: Settings, _stack: AsyncExitStack, port: int = port) -> Service:
            return Service(app=app, listen=("127.0.0.1", port))

        with structlog.testing.capture_logs() as logs:
            service = Running(build, health=health)
            assert (await service.get("/", port))[0] == 204
        (own,) = [event["port"] for event in logs if event["event"] == "health_listening"]
        if health:
            assert (await service.get("/health", own))[0] == 200
        else:
            await eventually(partial(refuses, own), what="the health server gave way")
        await service.end()


@pytest.mark.parametrize("how", ["raises", "returns"])
async def test_a_dead_loop_ends_the_service_and_closes_it(how: str) -> None:
    """One loop that raises, or just returns, ends the whole service; the others are cancelled, the stack is closed."""
    order: list[str] = []

    async def dying() -> None:
        if how == "raises":
            raise KeyError("gone")

    async def other() -> None:
        try:
            await forever()
        finally:
            order.append("cancelled")

    async def build(_settings: Settings, stack: AsyncExitStack) -> Service:
        stack.push_async_callback(_note, order, "closed")
        return Service(loops=[other, dying])

    service = Running(build)
    with pytest.raises(ExceptionGroup) as died:
        async with asyncio.timeout(10):
            await service.task
    assert died.group_contains(KeyError if how == "raises" else SluiceError)
    assert order == ["cancelled", "closed"]


async def test_a_loop_that_cannot_be_cancelled_does_not_hold_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the deadline the service is left behind as it is, and `serve` returns."""
    monkeypatch.setattr("sluice_common.runtime.run.STOP_DEADLINE", 0.2)
    monkeypatch.setattr("sluice_common.runtime.run.GRACE", 0)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def build(_settings: Settings, _stack: AsyncExitStack) -> Service:
        return Service(loops=[stubborn])

    service = Running(build)
    await service.ready()
    await service.end()
    release.set()
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    await asyncio.wait(left, timeout=5)
    assert all(task.done() for task in left)
    _ = [task.cancelled() or task.exception() for task in left]


async def test_several_services_share_one_process_and_one_health() -> None:
    """Ready is all of them, and each reason says whose it is; the application of one does not answer for the others."""
    built, connected = asyncio.Event(), asyncio.Event()
    names: list[object] = []
    port = free_port()

    async def noting() -> None:
        names.append(structlog.contextvars.get_contextvars().get("service"))
        await forever()

    async def link() -> str | None:
        return None if connected.is_set() else "no link"

    async def slow(_settings: Settings, _stack: AsyncExitStack) -> Service:
        await built.wait()
        return Service(loops=[noting], ready=[link])

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def quick(_settings: Settings, _stack: AsyncExitStack) -> Service:
        return Service(loops=[noting], app=app, listen=("127.0.0.1", port))

    both = Running({"quick": quick, "slow": slow})
    assert (await both.get("/", port))[0] == 204
    assert await both.reasons(until=["slow: starting"]) == ["slow: starting"]
    built.set()
    await both.reasons(until=["slow: no link"])
    connected.set()
    await both.ready()
    assert (await both.get("/metrics"))[1].count("sluice_build_info{") == 1
    assert sorted(map(str, names)) == ["quick", "slow"], "each logs under its own name"
    await both.end()


@pytest.mark.parametrize("how", ["raises", "returns", "cancelled from within", "cannot be built"])
async def test_a_dead_service_ends_the_others_and_says_why(how: str) -> None:
    """Whoever shares a process dies with it: no service runs on beside one that nobody would start again."""
    order: list[str] = []
    ready = asyncio.Event()

    async def dying() -> None:
        await ready.wait()
        if how == "raises":
            raise SluiceError("the disk raises")
        if how == "cancelled from within":
            raise asyncio.CancelledError

    async def mortal(_settings: Settings, _stack: AsyncExitStack) -> Service:
        if how == "cannot be built":
            raise SluiceError("the disk cannot be read")
        return Service(loops=[forever, dying])

    async def other() -> None:
        try:
            ready.set()
            await forever()
        finally:
            order.append("cancelled")

    async def healthy(_settings: Settings, stack: AsyncExitStack) -> Service:
        stack.push_async_callback(_note, order, "closed")
        return Service(loops=[other])

    both = Running({"healthy": healthy, "mortal": mortal})
    with pytest.raises(ExceptionGroup) as died:
        async with asyncio.timeout(10):
            await both.task
    assert died.group_contains(SluiceError, match=how.partition(" ")[0].removesuffix("s"))
    if how != "cannot be built":
        assert order == ["cancelled", "closed"]

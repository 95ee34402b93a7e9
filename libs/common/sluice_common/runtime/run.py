"""Runs services as a process: settings, logs, health, tasks, signals, deadlines, exit codes.

One service is a process of its own; on a small box several share one, in which the death of any ends all.
Exit codes: 0 stopped as asked, 1 a task died or an address cannot be listened on, 2 the configuration is wrong.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import wraps
from typing import Any, NoReturn, TypeVar

from sluice_common.kit import log
from sluice_common.kit.errors import SettingsError, SluiceError
from sluice_common.kit.metrics import LOOP_LAG
from sluice_common.kit.settings import Settings, load
from sluice_common.runtime.garbage import leave_alone_what_stayed
from sluice_common.runtime.health import health_app
from sluice_common.runtime.http import GRACE, HttpServer
from sluice_common.runtime.service import App, Check, Loop, Service

T = TypeVar("T")

Build = Callable[[Settings, AsyncExitStack], Awaitable[Service]]

STOP_DEADLINE = 8.0  # for everything between the signal and the exit
HARD_DEADLINE = 8.5  # then the process ends, whatever still hangs
LAG_EVERY = 0.5
LAG_WORTH_A_LINE = 1.0

_log = log.get(__name__)


def run(name: str, build: Build) -> NoReturn:
    """Be the service `name` until SIGTERM or SIGINT; exits the process with the code described above."""
    run_several(name, {name: build})


def run_several(name: str, builds: Mapping[str, Build]) -> NoReturn:
    """Be all these services, by their names, in one process that logs as `name` where none of them speaks."""
    try:
        settings = load()
    except SettingsError as error:
        _tell(error.faults)
        sys.exit(2)
    log.configure(name, settings.log_level)
    gc.freeze()  # what was imported stays; looking through it again and again, last at the exit, costs 0.4 s of CPU
    sys.exit(asyncio.run(_with_signals(builds, settings)))


def _tell(faults: Sequence[str]) -> None:
    sys.stderr.write("The configuration is wrong:\n" + "".join(f"  {fault}\n" for fault in faults))


async def _with_signals(builds: Mapping[str, Build], settings: Settings) -> int:
    stop = asyncio.Event()

    def ask_to_stop(number: signal.Signals) -> None:
        if not stop.is_set():  # a terminal and a supervisor may both signal us
            _log.info("stopping", signal=number.name)
            stop.set()
            _exit_at_the_latest(HARD_DEADLINE)

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ask_to_stop, number)
    try:
        await serve_several(builds, settings, stop)
    except (Exception, asyncio.CancelledError) as error:
        return _dead(error)
    _log.info("stopped")
    return 0


def _dead(error: BaseException) -> int:
    """The exit code of a process that this killed, told beforehand."""
    faults = [fault for leaf in _leaves(error) if isinstance(leaf, SettingsError) for fault in leaf.faults]
    if faults:
        _tell(list(dict.fromkeys(faults)))
    else:
        _log_death(error)
    code = 2 if faults else 1
    _exit_at_the_latest(HARD_DEADLINE, code)
    return code


def _exit_at_the_latest(seconds: float, code: int = 0) -> None:
    """A thread or a task that cannot be cancelled must not outlive the deadline."""

    def end() -> None:
        sys.stderr.write("still busy after the deadline; ending hard\n")
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _log_death(error: BaseException) -> None:
    for leaf in _leaves(error):
        if isinstance(leaf, SluiceError):  # says itself what is wrong; a traceback would only hide it
            _log.error("service_died", reason=str(leaf))
        else:
            _log.error("service_died", reason=f"{type(leaf).__name__}: {leaf}", exc_info=leaf)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


async def serve(name: str, build: Build, settings: Settings, stop: asyncio.Event) -> None:
    """`serve_several` of one."""
    await serve_several({name: build}, settings, stop)


async def serve_several(builds: Mapping[str, Build], settings: Settings, stop: asyncio.Event) -> None:
    """Build the services and run them until `stop` is set; returns within `STOP_DEADLINE` of it.

    Raises a group of what killed them: what a `build` raised, what loops raised (SluiceError for a loop that returned),
    SluiceError for an address that cannot be listened on; and SluiceError, bare, where health cannot be listened on.
    The first that dies ends all. It handles no signal and ends no process.
    """
    await _Process(builds, settings).run(stop)


class _Life:
    """One service from building to closing. `run` is its only task of consequence: what enters the stack also leaves
    it there, since cancel scopes and task groups may not change tasks. `alone`: no other service shares the process."""

    def __init__(self, name: str, build: Build, settings: Settings, *, alone: bool) -> None:
        self._name, self._build, self._settings, self._alone = name, build, settings, alone
        self._checks: Sequence[Check] = (_starting,)
        self._stopping: Sequence[Callable[[], None]] = ()
        self._app: HttpServer | None = None
        self._app_ended = asyncio.Event()
        self.has_app = asyncio.Event()

    @property
    def checks(self) -> Sequence[Check]:
        """What has to be ready; several services say which of them speaks."""
        return self._checks if self._alone else [_named(self._name, check) for check in self._checks]

    async def run(self) -> None:
        """Build it and run it until cancelled."""
        with log.bound(service=self._name):
            try:
                await self._live()
            except Exception:
                if not self._alone:
                    _log.error("ends_the_process")  # what it died of is told once, with its traceback, at the exit
                raise

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            service = await self._build(self._settings, stack)
            async with asyncio.TaskGroup() as group:
                for loop in service.loops:
                    group.create_task(_endless(loop))
                if service.app is not None:
                    group.create_task(self._serve(service.app, service.listen or ("127.0.0.1", 0)))
                    await self.has_app.wait()
                self._checks, self._stopping = service.ready, service.stopping
                _log.info("running", loops=len(service.loops))
                await asyncio.Future()

    async def _serve(self, app: App, listen: tuple[str, int]) -> None:
        self._app = HttpServer(app, *listen, lifespan=True)
        self.has_app.set()
        _log.info("listening", host=self._app.host, port=self._app.port)
        try:
            await self._app.run()
        finally:
            self._app_ended.set()
        if not self._app.stopping:
            raise SluiceError("the HTTP server ended by itself")

    async def end_requests(self) -> None:
        """Take no new request, and give the open ones `GRACE` seconds."""
        self._checks = (_stopping,)
        for end in self._stopping:
            end()
        if self._app is not None:
            self._app.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE + 1):
                    await self._app_ended.wait()


class _Process:
    """The services of one process, their one health server, and the order in which all of it ends."""

    def __init__(self, builds: Mapping[str, Build], settings: Settings) -> None:
        alone = len(builds) == 1
        self._lives = [_Life(name, build, settings, alone=alone) for name, build in builds.items()]
        self._health = HttpServer(health_app(self._checks), settings.health.host, settings.health.port)
        # An application alone answers these paths itself; of several services it answers for its own only.
        self._replaceable = alone and settings.health.port == 0

    def _checks(self) -> Sequence[Check]:
        return [check for life in self._lives for check in life.checks]

    async def run(self, stop: asyncio.Event) -> None:
        _log.info("health_listening", host=self._health.host, port=self._health.port)
        async with (
            _beside(self._health.run()),
            _beside(self._give_way()),
            _beside(_watch_lag()),
            _beside(leave_alone_what_stayed()),
            _beside(stop.wait()) as stopped,
            _beside(self._live()) as life,
        ):
            await asyncio.wait({life, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                life.result()
            await self._wind_down(life)

    async def _give_way(self) -> None:
        if self._replaceable:
            await self._lives[0].has_app.wait()
            self._health.stop()

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as group:
            for life in self._lives:
                group.create_task(_endless(life.run))

    async def _wind_down(self, life: asyncio.Task[None]) -> None:
        """Requests first, then the loops that answer them, then what both stand on."""
        deadline = time.monotonic() + STOP_DEADLINE
        await asyncio.gather(*(each.end_requests() for each in self._lives))
        life.cancel()
        await asyncio.wait({life}, timeout=deadline - time.monotonic())
        if not life.done():
            _log.error("stop_overdue", seconds=STOP_DEADLINE, waiting_in=_where(life))
        elif not life.cancelled() and (error := life.exception()) is not None:
            _log.error("stop_failed", reason=type(error).__name__, exc_info=error)


def _named(name: str, check: Check) -> Check:
    @wraps(check)
    async def named() -> str | None:
        reason = await check()
        return reason and f"{name}: {reason}"

    return named


async def _starting() -> str | None:
    return "starting"


async def _stopping() -> str | None:
    return "stopping"


async def _endless(loop: Loop) -> None:
    """A task group takes a task that was cancelled from within for one that ended well; nobody would miss the loop."""
    name = getattr(loop, "__qualname__", type(loop).__name__)
    try:
        await loop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise SluiceError(f"{name} was cancelled from within") from None
    raise SluiceError(f"{name} returned; it should run until cancelled")


def _where(task: asyncio.Task[None]) -> list[str]:
    return [f"{frame.f_code.co_qualname}:{frame.f_lineno}" for frame in task.get_stack()]


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """A task that runs beside the block and is cancelled at its end; one that cannot be cancelled is left behind."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE + 1 if not task.done() else 0)


async def _watch_lag() -> None:
    while True:
        due = time.monotonic() + LAG_EVERY
        await asyncio.sleep(LAG_EVERY)
        late = max(0.0, time.monotonic() - due)
        LOOP_LAG.observe(late)
        if late > LAG_WORTH_A_LINE:
            _log.warning("loop_stalled", seconds=round(late, 2))

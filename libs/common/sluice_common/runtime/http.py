"""Serves an ASGI application on a socket of ours, without uvicorn's signal handlers, log files or sys.exit."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Iterator
from typing import Any, cast

import uvicorn
from typing_extensions import override

from sluice_common.kit.errors import SluiceError
from sluice_common.runtime.service import App

GRACE = 3  # seconds that open requests get; an open event stream would hold the process for ever


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to `runtime.run`."""
        yield

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """A request cut off by the deadline is expected: uvicorn's errors and tracebacks about it are noise."""
        logger = logging.getLogger("uvicorn.error")
        before = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            await super().shutdown(sockets)
            await asyncio.sleep(0)  # lets the tasks it cancelled end
        finally:
            logger.setLevel(before)


class HttpServer:
    """One listening socket and the application behind it. Bound when made, serving while `run` runs."""

    def __init__(self, app: App, host: str, port: int, *, lifespan: bool = False) -> None:
        """Raises SluiceError, saying what to do, when the address cannot be listened on."""
        self._socket = listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        self._server = _Server(
            uvicorn.Config(
                cast("Any", app),
                log_config=None,
                access_log=False,
                lifespan="auto" if lifespan else "off",
                timeout_graceful_shutdown=GRACE,
                server_header=False,
            )
        )

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._server.should_exit

    async def run(self) -> None:
        """Serve until `stop` or cancelled; open requests then get `GRACE` seconds.

        Raises SluiceError if the application cannot start.
        """
        serving = asyncio.create_task(self._serve())
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self.stop()
            await serving
            raise

    async def _serve(self) -> None:
        try:
            await self._server.serve(sockets=[self._socket])
        except SystemExit:
            raise SluiceError("the HTTP application did not start; its log says why") from None
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Make `run` end; safe to call at any time, and more than once."""
        self._server.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A bound TCP socket; port 0 takes a free one. SO_REUSEADDR, so that a restart need not wait for TIME_WAIT."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, proto)
    except OSError as error:
        raise SluiceError(f"cannot listen on {host}:{port}: {error.strerror}; is the host right?") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)  # a second listener on the same address fails here at the latest
    except OSError as error:
        bound.close()
        raise SluiceError(f"cannot listen on {host}:{port}: {_advice(error)}") from None
    return bound


def _advice(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program uses this port; stop it or set another port"
    if error.errno == errno.EACCES:
        return "this account may not; ports below 1024 are reserved, set a higher one"
    return error.strerror or type(error).__name__

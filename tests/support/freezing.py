"""Freezes a real client in the middle of commands: what would change it is on its way, and no answer comes.

An adapter asks its guard right before each request that changes something, so that the request that follows in the
same task is known to be one: whatever the client, and without reading a word of what it is sent.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import httpx
import pytest

from sluice_client_poller.adapters import guard
from support.clients import RealClient

_CHANGES: ContextVar[bool] = ContextVar("changes", default=False)


class Freezer:
    """Of one client. `changes` counts the requests that left to change something."""

    def __init__(self, client: RealClient, monkeypatch: pytest.MonkeyPatch) -> None:
        self._client = client
        self._send = httpx.AsyncHTTPTransport.handle_async_request
        self._allows = guard.may_send
        self._awaited = self._skipped = 0
        self._stands = asyncio.Event()
        self._patience: float | None = None
        self.changes = 0
        freezer = self

        async def sending(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            return await freezer._sending(transport, request)

        monkeypatch.setattr(guard, "may_send", self._may_send)
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", sending)

    def arm(self, commands: int, *, after: int = 0, patience: float | None = None) -> None:
        """Keep back the next changes, but for the first `after`; once so many have come the client freezes and they go.

        With `patience` no answer is waited for longer than so many seconds from then on; without it the adapter's own
        time limits hold, which are longer than a command's deadline.
        """
        self._awaited, self._skipped, self._patience = commands, after, patience
        self._stands.clear()

    def thaw(self) -> None:
        """Let the client go on."""
        assert self._stands.is_set(), "not every command came to its change"
        self._stands.clear()
        self._client.thaw()

    def _may_send(self) -> None:
        self._allows()
        _CHANGES.set(True)

    async def _sending(self, transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        if _CHANGES.get():
            _CHANGES.set(False)
            self.changes += 1
            await self._hold()
        if self._stands.is_set() and self._patience is not None:
            request.extensions["timeout"] |= {"read": self._patience}
        return await self._send(transport, request)

    async def _hold(self) -> None:
        if self._skipped:
            self._skipped -= 1
        elif self._awaited:
            self._awaited -= 1
            if not self._awaited:
                self._client.freeze()
                self._stands.set()
            await self._stands.wait()

"""What a service's composition root hands to the process that runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

Check = Callable[[], Awaitable[str | None]]
"""Answers None when ready, else the reason why not (shown to people, hence without secrets)."""

Loop = Callable[[], Awaitable[None]]
"""Runs until it is cancelled; returning or raising ends the process."""

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""


@dataclass(frozen=True)
class Service:
    """The parts of a built service: what runs, what must be ready, and what is served on `listen` (host, port).

    `stopping` is called first when the process stops: it ends what would keep requests open.
    """

    loops: Sequence[Loop] = ()
    ready: Sequence[Check] = ()
    app: App | None = None
    listen: tuple[str, int] | None = None
    stopping: Sequence[Callable[[], None]] = ()

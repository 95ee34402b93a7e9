"""Whether a running command may still send what changes something: a poller that slept must not act on waking.

A command may take several requests, and between two of them its lease can run out. Adapters ask right before each one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CHECK: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)


@contextmanager
def guarded(check: Callable[[], None]) -> Iterator[None]:
    """Inside, `may_send` asks `check`, which raises where nothing may be sent any more."""
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


def may_send() -> None:
    """Return if the request may go out. Where no command runs, as in a poll, it always may."""
    check = _CHECK.get()
    if check is not None:
        check()

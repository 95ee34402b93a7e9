"""What the collector of cycles looks through once a service has settled, and what is freed all the same."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from sluice_common.runtime import garbage
from support.waiting import until


class _Client:
    """Something that refers to itself, as what belongs to a client does: only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
async def there(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[_Client]]:
    """What was there when a service settled; `clear` lets go of it."""
    monkeypatch.setattr(garbage, "SETTLED", 0.01)
    clients = [_Client()]
    leaving_alone = asyncio.create_task(garbage.leave_alone_what_stays())
    try:
        await until(gc.get_freeze_count, what="settled")
        yield clients
    finally:
        leaving_alone.cancel()
        await asyncio.wait({leaving_alone})
        gc.unfreeze()


async def test_what_stays_is_looked_through_no_more(there: list[_Client]) -> None:
    """What is there when a service has settled costs no collection any more; what comes later is looked at."""
    later = _Client()
    seen = {id(found) for found in gc.get_objects()}
    assert id(there[0]) not in seen
    assert id(later) in seen


async def test_what_was_let_go_is_freed_once_nobody_uses_it(there: list[_Client]) -> None:
    """Left alone it is kept, even by a full collection; let go it is freed, though it was used for a while after."""
    gone, stays = weakref.ref(there[0]), _Client()
    garbage.let_go(there[0])
    await until(lambda: all(found is not stays for found in gc.get_objects()), what="a collection while it is used")
    there.clear()
    gc.collect()
    assert gone() is not None
    await until(lambda: gone() is None, what="freed")
    assert all(found is not stays for found in gc.get_objects())

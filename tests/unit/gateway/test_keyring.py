"""The keyring when its database is away: who is known stays in, and who cannot be judged is not called a stranger."""

from __future__ import annotations

from typing import cast

import pytest

from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import Problem
from sluice_gateway.auth import keys
from sluice_gateway.auth.keyring import Keyring
from sluice_gateway.auth.store import KeyStore

KEY, STRANGER = keys.make(lambda length: b"1" * length), keys.make(lambda length: b"2" * length)


class Store:
    """What a database that comes and goes answers."""

    def __init__(self) -> None:
        self.away = True

    async def valid(self) -> frozenset[bytes]:
        if self.away:
            raise ConnectionRefusedError
        return frozenset({keys.digest(KEY)})


def keyring(store: Store) -> Keyring:
    return Keyring(cast("KeyStore", store), SYSTEM_CLOCK)


async def test_a_key_that_cannot_be_looked_up_is_not_called_unknown() -> None:
    """A gateway that starts while PostgreSQL is away answers 503, however often it is asked: try again."""
    store = Store()
    ring = keyring(store)
    for _ in range(3):
        with pytest.raises(Problem) as refusal:
            await ring.accepts(KEY)
        assert (refusal.value.code, refusal.value.status) == ("keys_unavailable", 503)
    store.away = False
    await ring.refresh()
    assert await ring.accepts(KEY)
    assert not await ring.accepts(STRANGER)


async def test_a_known_key_needs_no_database() -> None:
    """What was read once counts for as long as nothing newer can be read."""
    store = Store()
    store.away = False
    ring = keyring(store)
    await ring.refresh()
    store.away = True
    await ring.refresh()
    assert await ring.accepts(KEY)
    assert not await ring.accepts(STRANGER)
    assert not await ring.accepts("not a key at all")

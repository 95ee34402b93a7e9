"""The valid keys in memory, refreshed from the store, so that a PostgreSQL outage locks nobody out who was known."""

from __future__ import annotations

import asyncpg

from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import Problem
from sluice_gateway.auth import keys
from sluice_gateway.auth.store import KeyStore

log = logging.get(__name__)

# A revoked key stops working within this time, in seconds.
REFRESH_EVERY = 15.0
# A key that is not known may be new: ask for it, but not at the pace of somebody who guesses.
MISS_EVERY = 2.0


class Keyring:
    """Checks keys against the last known hashes."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._digests: frozenset[bytes] = frozenset()
        self._was_read = False
        self._missed_at = float("-inf")

    async def accepts(self, key: str) -> bool:
        """Whether the key is valid. Raises Problem before any key could be read: nobody is a stranger yet."""
        if not keys.is_key(key):
            return False
        if keys.among(key, self._digests):
            return True
        if self._clock.monotonic() - self._missed_at >= MISS_EVERY:
            self._missed_at = self._clock.monotonic()
            await self.refresh()
        if keys.among(key, self._digests):
            return True
        if not self._was_read:
            raise Problem("keys_unavailable", 503, "the database that knows the API keys does not answer; try again")
        return False

    async def refresh(self) -> None:
        """Read the hashes; a failure keeps those that are known."""
        try:
            self._digests = await self._store.valid()
            self._was_read = True
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("keys_not_refreshed", error=type(error).__name__)

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await self.refresh()
            await self._clock.sleep(REFRESH_EVERY)

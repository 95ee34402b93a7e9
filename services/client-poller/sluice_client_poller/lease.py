"""Who polls which client: leases and members in a KV bucket whose keys die by themselves.

The bucket is read, never watched: a watch comes back only 13 s after a short outage (measured).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
from nats.errors import Error as NatsError
from nats.js.errors import (
    APIError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoStreamResponseError,
    NotFoundError,
)
from nats.js.kv import KeyValue

from sluice_client_poller.share import Look
from sluice_common.bus.connect import Bus
from sluice_common.bus.topology import LEASE_TTL
from sluice_common.contracts import subjects
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import BusUnavailable, Fenced
from sluice_common.kit.tasks import checkpoint

# A command runs only while the last renewal is younger than this, so that it ends before anybody else may start.
COMMAND_MARGIN = 5.0
# Seconds for one reading of the bucket, and how often it is tried.
LOOK_WITHIN = 1.0
LOOKS = 3
MEMBER, CLIENT = "member.", "client."
TROUBLE = (TimeoutError, NatsError, APIError)


class Proof(msgspec.Struct, frozen=True):
    """When a lease was asked for (monotonic), and over which connection; see Bus.line."""

    at: float
    line: int | None


class Lease:
    """One client's lease while it is ours. Its `proof` is taken before the renewal was sent."""

    def __init__(
        self, bus: Bus, kv: KeyValue, client: str, holder: str, revision: int, proof: Proof, clock: Clock
    ) -> None:
        self._bus = bus
        self._kv = kv
        self._client = client
        self._holder = holder
        self._revision = revision
        self._clock = clock
        self._proof = proof
        self._over = False

    def is_fresh(self) -> bool:
        """Whether a command may still be started, and something said without asking first whether we still may.

        A proof lasts no longer than its connection. A server that starts again has an empty bucket, of which anybody
        takes at once what the others still think is theirs (seen: one pause, carried out by two pollers).
        """
        young = self.age < LEASE_TTL - COMMAND_MARGIN
        return not self._over and young and self._proof.line is not None and self._proof.line == self._bus.line

    @property
    def age(self) -> float:
        """Seconds since it was last proven."""
        return self._clock.monotonic() - self._proof.at

    async def prove(self) -> None:
        """Whoever slept must not speak as if nothing had been: renew, unless that was done lately. Raises as `renew`.

        A fence alone would not stop them: it refuses nobody while the new holder has had nothing to write.
        """
        if not self.is_fresh():
            await self.renew()

    def end(self) -> None:
        """It is somebody else's from now on: no command that still runs may begin anything."""
        self._over = True

    async def renew(self) -> None:
        """Prove that it is ours, taking it again if it had expired and nobody took it since.

        Raises Fenced when it is somebody else's, BusUnavailable when that cannot be told.
        """
        if self._over:
            raise Fenced(f"the lease of {self._client} was given up")
        proof = Proof(self._clock.monotonic(), self._bus.line)
        try:
            self._revision = await self._kv.update(lease_key(self._client), self._holder.encode(), self._revision)
        except KeyWrongLastSequenceError as error:
            await self._adopt_own_write(proof, error)
            return
        except (NotFoundError, NoStreamResponseError):
            await self._take_again(proof)
            return
        except TROUBLE as error:
            raise BusUnavailable(f"the lease was not renewed: {type(error).__name__}") from error
        self._proof = proof

    async def _adopt_own_write(self, proof: Proof, refusal: Exception) -> None:
        """A renewal whose acknowledgement was lost looks like somebody else's write, until one looks at it.

        What is read there may have been written long ago: only a write of now proves anything.
        """
        try:
            entry = await self._kv.get(lease_key(self._client))
            if entry.value == self._holder.encode():
                self._revision = await self._kv.update(lease_key(self._client), entry.value, entry.revision)
                self._proof = proof
                return
        except KeyWrongLastSequenceError as error:
            raise Fenced(f"the lease of {self._client} is another poller's") from error
        except (KeyNotFoundError, NotFoundError):
            await self._take_again(proof)
            return
        except TROUBLE as error:
            raise BusUnavailable(f"the lease was not renewed: {type(error).__name__}") from error
        raise Fenced(f"the lease of {self._client} is another poller's") from refusal

    async def _take_again(self, proof: Proof) -> None:
        """It expired, or its bucket was lost with the server's memory; the frames' fence tells what we missed."""
        try:
            await self._bus.ensure_topology()
            self._revision = await self._kv.create(lease_key(self._client), self._holder.encode())
        except KeyWrongLastSequenceError as error:
            raise Fenced(f"the lease of {self._client} is another poller's") from error
        except TROUBLE as error:
            raise BusUnavailable(f"the lease was not renewed: {type(error).__name__}") from error
        self._proof = proof

    async def release(self) -> None:
        """Give it back at once instead of letting it expire."""
        self.end()
        try:
            await self._kv.delete(lease_key(self._client), last=self._revision)
        except TROUBLE:
            return


class Leases:
    """The bucket: announces this replica, lists members and leases, takes free ones."""

    def __init__(self, bus: Bus, holder: str, clock: Clock) -> None:
        self._bus = bus
        self._holder = holder
        self._clock = clock
        self._kv: KeyValue | None = None

    async def look(self) -> Look:
        """Announce this replica, and read who is there and who holds what."""
        try:
            await (await self._bucket()).put(f"{MEMBER}{self._holder}", b"")
        except TROUBLE as error:
            self._kv = None
            raise BusUnavailable(f"the leases cannot be read: {type(error).__name__}") from error
        return await self.read()

    async def read(self) -> Look:
        """Who is there and who holds what; raises BusUnavailable.

        nats-py waits for ever for the last of the keys that there were when it began: a key that expires meanwhile, or
        a lost connection, takes that with it. So it is asked again.
        """
        trouble: Exception | None = None
        for _ in range(LOOKS):
            try:
                async with asyncio.timeout(LOOK_WITHIN):
                    return _read(await _entries(await self._bucket()))
            except TROUBLE as error:
                trouble = error
        self._kv = None
        raise BusUnavailable(f"the leases cannot be read: {type(trouble).__name__}") from trouble

    async def take(self, client: str) -> Lease | None:
        """The lease, or None when somebody else was faster."""
        proof = Proof(self._clock.monotonic(), self._bus.line)
        try:
            kv = await self._bucket()
            revision = await kv.create(lease_key(client), self._holder.encode())
        except KeyWrongLastSequenceError:
            return await self._inherit(client, proof)
        except TROUBLE as error:
            raise BusUnavailable(f"the lease cannot be taken: {type(error).__name__}") from error
        return Lease(self._bus, kv, client, self._holder, revision, proof, self._clock)

    async def _inherit(self, client: str, proof: Proof) -> Lease | None:
        """Our own name on a lease that we do not know of: a predecessor's, who is dead, or our lost acknowledgement."""
        try:
            kv = await self._bucket()
            entry = await kv.get(lease_key(client))
            if entry.value != self._holder.encode():
                return None
            revision = await kv.update(lease_key(client), self._holder.encode(), entry.revision)
        except (KeyNotFoundError, KeyWrongLastSequenceError):
            return None
        except TROUBLE as error:
            raise BusUnavailable(f"the lease cannot be taken: {type(error).__name__}") from error
        return Lease(self._bus, kv, client, self._holder, revision, proof, self._clock)

    async def leave(self) -> None:
        """This replica is no member any more."""
        try:
            kv = await self._bucket()
            await kv.delete(f"{MEMBER}{self._holder}")
        except TROUBLE:
            return

    async def _bucket(self) -> KeyValue:
        if self._kv is None:
            await self._bus.ensure_topology()
            self._kv = await self._bus.js.key_value(subjects.LEASES)
        return self._kv


async def _entries(kv: KeyValue) -> list[KeyValue.Entry]:
    """Everything in the bucket, keys and values in one go."""
    watcher = await kv.watchall(ignore_deletes=True, inactive_threshold=5 * LOOK_WITHIN)
    entries = []
    try:
        checkpoint()  # the deadline of this reading may have been forgotten
        async for entry in watcher:
            if entry is None:  # everything that was there has come
                break
            entries.append(entry)
    finally:
        await watcher.stop()  # type: ignore[no-untyped-call]  # nats-py leaves it untyped
    return entries


def _read(entries: Iterable[KeyValue.Entry]) -> Look:
    members: dict[str, int] = {}
    holders: dict[str, str] = {}
    for entry in entries:
        if entry.key.startswith(MEMBER):
            members[entry.key.removeprefix(MEMBER)] = entry.revision or 0
        elif entry.key.startswith(CLIENT):
            holders[entry.key.removeprefix(CLIENT)] = (entry.value or b"").decode()
    return Look(members, holders)


def lease_key(client: str) -> str:
    """The bucket key of a client's lease."""
    return f"{CLIENT}{client}"

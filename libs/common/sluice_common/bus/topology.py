"""Streams and buckets: declared here and nowhere else, created only when absent, never changed in passing."""

from __future__ import annotations

import time
from collections.abc import Callable

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from sluice_common.contracts import subjects

LEASE_TTL = 15.0
DUPLICATE_WINDOW = 600.0
EVENTS_AGE = 30 * 24 * 3600.0
FRAMES_BYTES = 4 * 1024**3
EVENTS_BYTES = 2 * 1024**3
DEAD_LETTER_BYTES = 256 * 1024**2
STREAM_IN_USE = 10058


def _birth() -> int:
    """The first sequence of what is fenced: no position, fence or revision of before a loss can be valid after it."""
    return int(time.time() * 1000)


def _frames(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=subjects.FRAMES,
        subjects=[subjects.ALL_FRAMES],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        max_bytes=FRAMES_BYTES,
        num_replicas=replicas,
        first_seq=_birth(),
        allow_direct=True,
    )


def _clients(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=subjects.CLIENTS,
        subjects=[subjects.ALL_CLIENTS],
        storage=StorageType.MEMORY,
        max_msgs_per_subject=1,
        num_replicas=replicas,
        first_seq=_birth(),
        allow_direct=True,
    )


def _events(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=subjects.EVENTS,
        subjects=[subjects.ALL_EVENTS],
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=EVENTS_AGE,
        max_bytes=EVENTS_BYTES,
        duplicate_window=DUPLICATE_WINDOW,
        num_replicas=replicas,
    )


def _dead_letters(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=subjects.DEAD_LETTERS,
        subjects=[subjects.ALL_DEAD_LETTERS],
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_bytes=DEAD_LETTER_BYTES,
        num_replicas=replicas,
    )


def _leases(replicas: int) -> StreamConfig:
    """A KV bucket, as nats-py makes one; it takes no first sequence."""
    return StreamConfig(
        name=f"KV_{subjects.LEASES}",
        subjects=[f"$KV.{subjects.LEASES}.>"],
        storage=StorageType.MEMORY,
        discard=DiscardPolicy.NEW,
        max_age=LEASE_TTL,
        max_msgs_per_subject=1,
        duplicate_window=LEASE_TTL,
        num_replicas=replicas,
        first_seq=_birth(),
        allow_rollup_hdrs=True,
        allow_msg_ttl=True,
        deny_delete=True,
    )


STREAMS: dict[str, Callable[[int], StreamConfig]] = {
    subjects.FRAMES: _frames,
    subjects.CLIENTS: _clients,
    subjects.EVENTS: _events,
    subjects.DEAD_LETTERS: _dead_letters,
    f"KV_{subjects.LEASES}": _leases,
}


async def ensure(js: JetStreamContext, replicas: int) -> None:
    """Create every stream and bucket that is absent. Raises nats errors when JetStream does not answer."""
    for name, config in STREAMS.items():
        try:
            await js.stream_info(name)
        except NotFoundError:
            await _create(js, config(replicas))


async def _create(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except BadRequestError as error:
        # Another process was a moment faster, with another first sequence.
        if error.err_code != STREAM_IN_USE:
            raise

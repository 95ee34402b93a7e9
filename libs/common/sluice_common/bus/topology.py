"""Streams and buckets: declared here and nowhere else, created only when absent, never changed in passing."""

from __future__ import annotations

import time
from collections.abc import Callable

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError

from sluice_common.contracts import subjects

LEASE_TTL = 15.0
DUPLICATE_WINDOW = 600.0
EVENTS_AGE = 30 * 24 * 3600.0
FRAMES_BYTES = 4 * 1024**3
EVENTS_BYTES = 2 * 1024**3
DEAD_LETTER_BYTES = 256 * 1024**2
STREAM_IN_USE = 10058


def _frames(replicas: int) -> StreamConfig:
    # The first sequence is the time of birth: no position, fence or purge of before a wipe can be valid after it.
    return StreamConfig(
        name=subjects.FRAMES,
        subjects=[subjects.ALL_FRAMES],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        max_bytes=FRAMES_BYTES,
        num_replicas=replicas,
        first_seq=int(time.time() * 1000),
        allow_direct=True,
    )


def _clients(replicas: int) -> StreamConfig:
    return StreamConfig(
        name=subjects.CLIENTS,
        subjects=[subjects.ALL_CLIENTS],
        storage=StorageType.MEMORY,
        max_msgs_per_subject=1,
        num_replicas=replicas,
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


STREAMS: dict[str, Callable[[int], StreamConfig]] = {
    subjects.FRAMES: _frames,
    subjects.CLIENTS: _clients,
    subjects.EVENTS: _events,
    subjects.DEAD_LETTERS: _dead_letters,
}


async def ensure(js: JetStreamContext, replicas: int) -> None:
    """Create every stream and bucket that is absent. Raises nats errors when JetStream does not answer."""
    for name, config in STREAMS.items():
        try:
            await js.stream_info(name)
        except NotFoundError:
            await _create(js, config(replicas))
    await _ensure_leases(js, replicas)


async def _create(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except BadRequestError as error:
        # Another process was a moment faster, with another first sequence.
        if error.err_code != STREAM_IN_USE:
            raise


async def _ensure_leases(js: JetStreamContext, replicas: int) -> None:
    try:
        await js.stream_info(f"KV_{subjects.LEASES}")
    except NotFoundError:
        config = KeyValueConfig(
            bucket=subjects.LEASES, ttl=LEASE_TTL, storage=StorageType.MEMORY, history=1, replicas=replicas
        )
        try:
            await js.create_key_value(config)
        except BadRequestError as error:
            if error.err_code != STREAM_IN_USE:
                raise

"""What history keeps of an event. Pure: nothing here reads a clock or a database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from sluice_common.contracts.events import Event

RECONCILED = "reconciled"


class Unusable(ValueError):
    """The event breaks its contract so badly that it cannot be kept, now or later."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it is stored; `source` is the publisher's name, or `reconciled` for what history found missing."""

    id: str
    type: str
    client: str
    time: datetime
    source: str
    data: dict[str, Any]
    download_id: str | None = None
    epoch: str | None = None


def entry_of(event: Event) -> Entry:
    """The entry of an event from the bus. Types and fields that this version does not know are kept as they came.

    Raises Unusable for an event without a client, without a time zone, or whose data is no JSON object.
    """
    client, _, download_id = event.subject.partition("/")
    data = _object(event.data)
    if not client or not event.id or not event.type:
        raise Unusable("the event does not say what it is about")
    if event.time.tzinfo is None:
        raise Unusable("the event's time has no zone")
    epoch = data.get("epoch")
    return Entry(
        id=storable(event.id),
        type=storable(event.type),
        client=storable(client),
        download_id=storable(download_id) or None,
        epoch=epoch if isinstance(epoch, str) else None,
        time=event.time,
        source=storable(event.source.rpartition("/")[2]),
        data=data,
    )


def _object(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        data: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(f"the event's data is no JSON object: {error}") from None
    return storable(data) if b"\\u0000" in bytes(raw) else data


def storable(value: Any) -> Any:
    """`value` without NUL, which PostgreSQL cannot store and a hostile torrent's name may hold: U+FFFD instead."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return value

"""Who had what done to a client: every command that came, also one that failed, becomes an event.

What it asked for is told by `deeds`, which leaves out whatever may hold a pass key.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from sluice_client_poller import deeds
from sluice_common.bus.connect import Bus
from sluice_common.bus.publish import publish_event
from sluice_common.contracts import commands, rpc
from sluice_common.contracts.events import CommandData, Event, event_id, make
from sluice_common.kit import log as logging
from sluice_common.kit.errors import BusUnavailable
from sluice_common.model.download import Download

log = logging.get(__name__)

OK = "ok"
UNKNOWN = "unknown_outcome"
# What only looks is no command.
CHANGING = ("add", "pause", "resume", "recheck", "remove", "retry", "alter", "steer")


def name_of(verb: str, body: Any) -> str:
    """What people call it: of an edit and of a control its kind."""
    part = body.edit if isinstance(body, commands.Alter) else body.control if isinstance(body, commands.Steer) else None
    return verb if part is None else str(part.__struct_config__.tag)


def key_of(verb: str, body: Any, request: rpc.Request) -> bytes:
    """What makes it the very same command: the same id on another verb or body is another request."""
    return hashlib.sha256(msgspec.msgpack.encode((verb, request.request_id, body))).digest()


def id_of(body: Any, done: object) -> str | None:
    """The download that the command was about, None for the client as a whole; of an add it is told by the answer."""
    return (done.id if isinstance(done, commands.Done) else None) or getattr(body, "id", None) or None


def event_of(
    client: str,
    verb: str,
    body: Any,
    request: rpc.Request,
    outcome: str,
    done: object,
    now: datetime,
    *,
    accepted: bool = False,
    before: Download | None = None,
    after: Download | None = None,
) -> Event:
    """The event of one command; a repetition that ends the same way has the same id. Pure.

    What the client `accepted` did not fail, though nobody may know what came of it. `before` and `after` are the
    download's row then and now, where there is one.
    """
    row = after or before
    data = CommandData(
        client=client,
        id=id_of(body, done),
        verb=name_of(verb, body),
        outcome=outcome,
        actor=request.actor,
        origin=request.origin,
        request_id=request.request_id,
        with_data=body.with_data if isinstance(body, commands.Remove) else None,
        name=deeds.masked(row.name) if row is not None and row.name else None,
        changes=deeds.changes(body, before),
    )
    kind = "command.executed" if accepted or outcome == OK else "command.failed"
    same = event_id("command", client, key_of(verb, body, request).hex(), outcome, kind)
    return make(same, kind, "client-poller", now, data)


async def tell(bus: Bus, event: Event) -> None:
    """Publish it. What was done is done: without a bus the command's answer is the same, and a log line is left."""
    try:
        await publish_event(bus, event)
    except BusUnavailable as error:
        log.warning("audit_unwritten", type=event.type, subject=event.subject, error=str(error))

"""From a poll to the table: identity by alias, epochs, first sight, intents. Pure.

A polled row joins the row that already carries any of its names; the id stays the one of first sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from sluice_common.contracts.frames import Table, Tombstone
from sluice_common.model.download import Download, Intent

# A hostile torrent's name or a client's stack trace must not fill the bus.
MAX_TEXT = 2048


class Settled(msgspec.Struct, frozen=True):
    """A poll in the table's terms: rows by fixed id, what the client calls each of them now, and its own times."""

    rows: dict[str, Download]
    names: dict[str, str] = {}
    times: dict[str, str] = {}


NOTHING_SETTLED = Settled({})


def settle(
    table: Table | None,
    polled: Iterable[Download],
    now: datetime,
    *,
    last: Settled = NOTHING_SETTLED,
    restarted: bool = False,
) -> Settled:
    """Every polled row with its fixed id, its epoch, its first sight and its intent.

    `last` is the poll before this one. A client that restarted may have lost its rows' times (Deluge 2.2 comes back
    from a SIGKILL with the time of its restart): only a time that changes while it runs makes a new epoch.
    """
    known: Mapping[str, Download] = table.rows if table else {}
    tombstones: Mapping[str, Tombstone] = table.tombstones if table else {}
    by_name = {name: row for row in known.values() for name in (row.id, *row.aliases)}
    rows: dict[str, Download] = {}
    names: dict[str, str] = {}
    times: dict[str, str] = {}
    for row in polled:
        base = next((by_name[name] for name in (row.id, *row.aliases) if name in by_name), None)
        same = base is not None and (
            restarted or row.epoch in ("", stable_part(base.epoch), last.times.get(base.id, ""))
        )
        settled = settle_row(base, tombstones.get(row.id), row, now, same=same)
        # Two of a client's rows under one identity: the one that is further along is the real one.
        rival = rows.get(settled.id)
        if rival is None or (settled.done or 0) >= (rival.done or 0):
            rows[settled.id], names[settled.id], times[settled.id] = settled, row.id, row.epoch
    return Settled(rows, names, times)


def settle_row(
    base: Download | None, tombstone: Tombstone | None, row: Download, now: datetime, *, same: bool
) -> Download:
    """One polled row on top of what the table knows of it; `same` says that it is the same download as `base`."""
    row = _bounded(row)
    if base is None:
        return msgspec.structs.replace(row, epoch=_new_epoch(row.epoch, tombstone, now), first_seen=now, intent=None)
    names = {*base.aliases, *row.aliases, row.id} - {base.id}
    return msgspec.structs.replace(
        row,
        id=base.id,
        aliases=tuple(sorted(names)),
        epoch=base.epoch if same else row.epoch,
        first_seen=base.first_seen if same else now,
        intent=_live(base.intent, now) if same else None,
    )


def stable_part(epoch: str) -> str:
    """The client's own time in an epoch: `c<seconds>`, without what tells a reappearance apart."""
    return epoch.partition(".")[0]


def _new_epoch(stable: str, tombstone: Tombstone | None, now: datetime) -> str:
    milliseconds = int(now.timestamp() * 1000)
    if not stable:
        return f"s{milliseconds}"
    # The very item that we saw go: the same stable time again would make its events duplicates of the old ones.
    if tombstone is not None and stable_part(tombstone.epoch) == stable:
        return f"{stable}.{milliseconds}"
    return stable


def _live(intent: Intent | None, now: datetime) -> Intent | None:
    """An intent past its deadline whose row is still in a complete poll came to nothing."""
    return intent if intent is not None and now <= intent.deadline else None


def _bounded(row: Download) -> Download:
    long = {
        field: value[:MAX_TEXT]
        for field in ("name", "message", "category", "tracker", "save_path", "content_path")
        if isinstance(value := getattr(row, field), str) and len(value) > MAX_TEXT
    }
    return msgspec.structs.replace(row, **long) if long else row

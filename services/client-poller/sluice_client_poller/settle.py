"""One polled row in the table's terms: its fixed id, epoch, first sight and intent. Pure.

A polled row joins the row that already carries any of its names; the id stays the one of first sight.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from sluice_common.contracts.frames import Tombstone
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import State

# A hostile torrent's name or a client's stack trace must not fill the bus.
MAX_TEXT = 2048
# Whatever else a client says it does with a download, such as moving or checking it, leaves open whether it is paused.
_NOT_PAUSED = (State.QUEUED, State.FETCHING_METADATA, State.DOWNLOADING, State.SEEDING, State.COMPLETED)
_TEXTS = ("name", "message", "category", "tracker", "save_path", "content_path")


def is_same(base: Download | None, row: Download, last_time: str, *, restarted: bool) -> bool:
    """Whether a polled row is the same download as the table's row that answers to its name.

    `last_time` is the client's own time of it as of the last committed poll, "" for none. A client that restarted may
    have lost its rows' times (Deluge 2.2 comes back from a SIGKILL with the time of its restart): only a time that
    changes while it runs makes a new epoch.
    """
    return base is not None and (restarted or row.epoch in ("", stable_part(base.epoch), last_time))


def settle_row(
    base: Download | None, tombstone: Tombstone | None, row: Download, now: datetime, *, same: bool
) -> Download:
    """One polled row on top of what the table knows of it; `same` says that it is the same download as `base`."""
    texts = _bounded(row)
    if base is None:
        return msgspec.structs.replace(
            row,
            **texts,
            aliases=_other_names(row.id, row.aliases),
            epoch=_new_epoch(row.epoch, tombstone, now),
            first_seen=now,
        )
    return msgspec.structs.replace(
        row,
        **texts,
        id=base.id,
        aliases=_other_names(base.id, (*base.aliases, *row.aliases, row.id)),
        epoch=base.epoch if same else row.epoch,
        first_seen=base.first_seen if same else now,
        intent=_live(base.intent, now) if same else None,
        was_paused=same and is_paused(base) and row.state not in (State.PAUSED, *_NOT_PAUSED),
    )


def is_paused(row: Download) -> bool:
    """Whether it is paused, also while its client says instead that it moves or checks it."""
    return row.state == State.PAUSED or row.was_paused


def _other_names(download_id: str, names: Iterable[str]) -> tuple[str, ...]:
    """Sorted and once each, so that the next poll finds nothing to change."""
    return tuple(sorted({*names} - {download_id}))


def is_further(row: Download, rival: Download) -> bool:
    """Of two of a client's rows under one identity the one that is further along is the real one.

    Of two that are as far the client's later one, so that polls agree; unknown is as far as nothing.
    """
    return (row.done or 0) >= (rival.done or 0)


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


def _bounded(row: Download) -> dict[str, str]:
    """The texts that the row has, none longer than MAX_TEXT."""
    return {field: value[:MAX_TEXT] for field in _TEXTS if (value := getattr(row, field)) is not None}

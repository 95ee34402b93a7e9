"""The row of the queue: one item inside one client."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sluice_common.model.enums import Health, IntentKind, Reason, State


class Intent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A remove that was committed to the table before the client was called.

    `accepted` turns true once the client took the call; only then does the row's going need no hold.
    """

    kind: IntentKind
    actor: str
    request_id: str
    deadline: datetime
    with_data: bool
    accepted: bool = False


class Download(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """One item inside one client. Sizes are bytes, speeds bytes/s, times UTC; unknown is None, never a magic number.

    Identity is `(client, id)`; the id is fixed at first sight, and `aliases` names everything the client may call it
    later. `epoch` tells a re-added download from the old one; an adapter leaves in it the client's own stable time
    as `c<unix seconds>`, or nothing, and the poller settles it. `save_path` and `content_path` are the client's own
    view of its disk. `seeding_time` (seconds) ticks alone: in a table it may be behind the client's by a minute or a
    twentieth of itself, whichever is more. A `forced` one transfers past the limits of its client's queue. One that
    `was_paused` is so still, as far as is known: its client checks or moves it now. Fields are append-only: the wire is
    positional.
    """

    client: str
    id: str
    epoch: str = ""
    name: str = ""
    state: State = State.UNKNOWN
    health: Health = Health.OK
    reason: Reason | None = None
    message: str | None = None
    is_complete: bool = False
    size: int | None = None
    total_size: int | None = None
    done: int | None = None
    down_speed: int | None = None
    up_speed: int | None = None
    eta: int | None = None
    ratio: float | None = None
    seeding_time: int | None = None
    seeds: int | None = None
    peers: int | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    tracker: str | None = None
    private: bool | None = None
    save_path: str | None = None
    content_path: str | None = None
    added_at: datetime | None = None
    completed_at: datetime | None = None
    first_seen: datetime | None = None
    aliases: tuple[str, ...] = ()
    intent: Intent | None = None
    kind: str = "torrent"
    forced: bool = False
    was_paused: bool = False


class RemoteFile(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One file of a download as its client tells it; `path` is relative to the download's save path, `/`-separated."""

    index: int
    path: str
    size: int
    done: int | None = None
    wanted: bool = True


class ClientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one client: its health with the reason, and when it last told its whole list.

    `next_poll` is in how many seconds it will be asked again, as that was planned at `updated_at`.
    """

    client: str
    type: str
    health: Health
    reason: str | None = None
    message: str | None = None
    last_good_poll: datetime | None = None
    latency_ms: float | None = None
    version: str | None = None
    free_space: int | None = None
    down_speed: int | None = None
    up_speed: int | None = None
    downloads: int | None = None
    holder: str | None = None
    updated_at: datetime | None = None
    next_poll: float | None = None

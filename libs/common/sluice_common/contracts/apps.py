"""The Sonarrs and Radarrs beside us, on the bus: what was taken over from each, and what each does with downloads."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sluice_common.contracts.catalogue import EntryProblem


class AppName(msgspec.Struct, frozen=True, kw_only=True):
    """`apps.sync`: take over from this app now; answers with its AppStatus of this moment."""

    name: str


class AppStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One configured app. `kind` is `sonarr` or `radarr`; `items` are its series or movies in the catalogue.

    `reason` and `message` say why the last attempt, at `tried_at`, came to nothing; `left_out` counts the items that
    could not be taken over, the first of them in `problems`, whose `position` is the item's id in the app.
    """

    name: str
    kind: str
    url: str
    enabled: bool = True
    sync: bool = True
    version: str | None = None
    items: int = 0
    tried_at: datetime | None = None
    synced_at: datetime | None = None
    reason: str | None = None
    message: str | None = None
    left_out: int = 0
    problems: tuple[EntryProblem, ...] = ()


class Apps(msgspec.Struct, frozen=True):
    """All configured apps."""

    items: tuple[AppStatus, ...]


class AppDownload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an app does with one download: `state` and `status` (`ok`, `warning`, `error`) in its own words.

    `id` is lower-case, and for torrents the info-hash.
    """

    id: str
    state: str
    status: str = "ok"
    messages: tuple[str, ...] = ()


class AppQueue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An app's whole queue at `asked_at`; with a `reason` it could not be asked, and `message` says why."""

    app: str
    kind: str
    asked_at: datetime
    reason: str | None = None
    message: str | None = None
    items: tuple[AppDownload, ...] = ()

"""The calls that change a torrent, or qBittorrent as a whole, and see that it is changed. What is sent is in edits."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import msgspec

from sluice_client_poller.adapters.port import Terms, unsupported
from sluice_client_poller.adapters.qbittorrent import categories, edits, wire
from sluice_client_poller.adapters.qbittorrent.access import Access
from sluice_client_poller.adapters.words import scrub
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import (
    AddPeers,
    AlternativeLimits,
    AnyControl,
    AnyEdit,
    ChooseFiles,
    EditTrackers,
    GlobalLimits,
    Limits,
    PauseAll,
    QueueMove,
    ResumeAll,
    SetCategory,
)

_LOOKS = 40
_PAUSE = 0.25
_KIB = 1024


class Preferences(msgspec.Struct, frozen=True):
    """Of everything that it tells of its settings, the ordinary speed limits in bytes/s; not above 0 is none."""

    dl_limit: int
    up_limit: int


class Dialled(msgspec.Struct, frozen=True):
    """What it says of the peers that it was given: how many it takes, and how many not."""

    added: int
    failed: int


class Changes:
    """The calls of one client. `stops` tells whether it stops and starts what older ones pause and resume."""

    def __init__(self, access: Access, clock: Clock, stops: Callable[[], Awaitable[bool]]) -> None:
        self._access = access
        self._clock = clock
        self._stops = stops

    async def alter(self, torrent_id: str, edit: AnyEdit) -> None:
        """Send what the torrent still lacks of the edit, and look until it is there."""
        kind = edits.KINDS[type(edit)]
        kind.check(edit)
        if isinstance(edit, SetCategory) and edit.category:
            await categories.ensure(self._access, edit.category)
        for request in kind.requests(edit, await self._seen(torrent_id, edit)):
            await self._send(torrent_id, edit, request)
        await self._until_done(torrent_id, edit)

    async def terms(self, torrent_id: str) -> Terms:
        """What was set on the torrent."""
        seen = await self._seen(torrent_id)
        return edits.terms(
            msgspec.structs.replace(
                seen, files=await self._files(torrent_id), trackers=await self._trackers(torrent_id)
            )
        )

    async def control(self, control: AnyControl) -> None:
        """Change the client as a whole; limits are seen to be as asked for."""
        match control:
            case PauseAll():
                await self._all("stop" if await self._stops() else "pause")
            case ResumeAll():
                await self._all("start" if await self._stops() else "resume")
            case AlternativeLimits():
                await self._alternative(control.on)
            case GlobalLimits():
                await self._global(control)

    async def limits(self) -> Limits:
        """The ordinary limits, whichever are in force, and whether those are the alternative ones."""
        settings = wire.parse(await self._access.get("app/preferences"), Preferences)
        return Limits(
            download=settings.dl_limit if settings.dl_limit > 0 else None,
            upload=settings.up_limit if settings.up_limit > 0 else None,
            alternative=await self._is_alternative(),
        )

    # One torrent.

    async def _seen(self, torrent_id: str, edit: AnyEdit | None = None) -> edits.Seen:
        rows = wire.parse(await self._access.get("torrents/info", hashes=torrent_id), list[edits.Row])
        row = next((row for row in rows if row.hash == torrent_id), None)
        if row is None:
            raise wire.not_found(torrent_id)
        files: tuple[wire.FileEntry, ...] = ()
        trackers: frozenset[str] = frozenset()
        if isinstance(edit, ChooseFiles):
            files = await self._files(torrent_id)
        elif isinstance(edit, EditTrackers):
            trackers = await self._trackers(torrent_id)
        return edits.Seen(row=row, files=files, trackers=trackers)

    async def _files(self, torrent_id: str) -> tuple[wire.FileEntry, ...]:
        return wire.parse(await self._access.get("torrents/files", hash=torrent_id), tuple[wire.FileEntry, ...])

    async def _trackers(self, torrent_id: str) -> frozenset[str]:
        listed = wire.parse(await self._access.get("torrents/trackers", hash=torrent_id), list[edits.Tracker])
        return frozenset(tracker.url for tracker in listed if not tracker.url.startswith("** ["))

    async def _send(self, torrent_id: str, edit: AnyEdit, request: edits.Request) -> None:
        fields = {request.name: torrent_id, **request.fields}
        reply = await self._access.post(f"torrents/{request.verb}", fields)
        if reply.status == 404:
            await self._seen(torrent_id, edit)
            raise unsupported("this version of qBittorrent", edits.KINDS[type(edit)].words)
        if reply.status == 409 and isinstance(edit, QueueMove):
            detail = "nothing has a place in qBittorrent's queue while it is off; switch on torrent queueing there"
            raise Problem("queueing_off", 409, detail)
        if reply.status == 403:
            wire.checked_refusal(reply)
        if reply.status in (400, 403, 409):
            raise _refused(edit, wire.in_words(reply.body))
        if isinstance(edit, AddPeers):
            _check_dialled(wire.parse(reply, dict[str, Dialled]))
        wire.checked(reply)

    async def _until_done(self, torrent_id: str, edit: AnyEdit) -> None:
        """It answers 200 for whatever it is sent, and some of it takes a moment."""
        for _ in range(_LOOKS):
            if edits.KINDS[type(edit)].is_done(edit, await self._seen(torrent_id, edit)):
                return
            await self._clock.sleep(_PAUSE)
        raise _refused(edit, "")

    # The client as a whole.

    async def _all(self, verb: str) -> None:
        wire.checked(await self._access.post(f"torrents/{verb}", {"hashes": "all"}))

    async def _alternative(self, on: bool) -> None:
        """Before 4.5 there is only a toggle, which is no use to who cannot know whether the last one came through."""
        if await self._is_alternative() is on:
            return
        reply = await self._access.post("transfer/setSpeedLimitsMode", {"mode": str(int(on))})
        if reply.status == 404:
            reply = await self._access.post("transfer/toggleSpeedLimitsMode", {})
        wire.checked(reply)
        if await self._is_alternative() is not on:
            raise Problem("client_refused", 409, "qBittorrent did not switch its alternative limits; ask again")

    async def _is_alternative(self) -> bool:
        return wire.parse_text(await self._access.get("transfer/speedLimitsMode"), "[01]") == "1"

    async def _global(self, control: GlobalLimits) -> None:
        """By its settings: the calls for limits change the alternative ones while those are in force."""
        asked = {"dl_limit": control.download, "up_limit": control.upload}
        wanted = {name: _whole_kib(value) for name, value in asked.items() if value is not None}
        wire.checked(await self._access.post("app/setPreferences", {"json": json.dumps(wanted)}))
        told = msgspec.structs.asdict(wire.parse(await self._access.get("app/preferences"), Preferences))
        if any(max(told[name], 0) != value for name, value in wanted.items()):
            raise Problem("client_refused", 409, "qBittorrent did not take these limits; its settings show its own")


def _check_dialled(told: dict[str, Dialled]) -> None:
    failed = sum(one.failed for one in told.values())
    if failed:
        raise Problem("client_refused", 409, f"qBittorrent does not dial {failed} of these peers")


def _whole_kib(limit: int) -> int:
    """The next one up: it keeps whole KiB/s and drops the rest, and below one is no limit at all."""
    if limit < 0:
        raise Problem("limit_invalid", 400, "a limit is 0, which lifts it, or more")
    return -(-limit // _KIB) * _KIB


def _refused(edit: AnyEdit, words: str) -> Problem:
    """In the client's words, where it has any that can be shown: of trackers it would repeat the announce URL."""
    told = "" if isinstance(edit, EditTrackers) else scrub(words)
    detail = f"qBittorrent did not {edits.KINDS[type(edit)].words}: {told or 'it does not say why; its log may'}"
    return Problem("client_refused", 409, detail)

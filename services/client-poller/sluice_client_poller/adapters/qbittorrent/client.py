"""The calls to qBittorrent: ask what changed, confirm what completed, command. Decisions are in wire and mapping."""

from __future__ import annotations

import re
from asyncio import Lock
from collections.abc import Sequence
from typing import Any, NoReturn

from sluice_client_poller.adapters import patience
from sluice_client_poller.adapters.port import About, NewDownload, Poll, Terms, unsupported
from sluice_client_poller.adapters.qbittorrent import categories, edits, wire
from sluice_client_poller.adapters.qbittorrent.access import Access
from sluice_client_poller.adapters.qbittorrent.changes import Changes
from sluice_client_poller.adapters.qbittorrent.mapping import aliases, is_throttled, to_download, to_files
from sluice_client_poller.adapters.qbittorrent.mirror import Mirror
from sluice_client_poller.adapters.qbittorrent.wire import Row
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import ClientProtocolError, Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.kit.turns import slices, turn_to_parse
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.edits import AnyControl, AnyEdit, Limits
from sluice_common.model.metainfo import parse_magnet, parse_torrent

TIMEOUT = 20.0
RECONCILE_SECONDS = 300.0  # how long a field that a lost reply took along may be missing
RECONCILE_SHARE = 0.005  # of the time may go into full lists
_AT_ONCE = 100  # hashes in the line of one request
_SETTLE_LOOKS = 40
_SETTLE_PAUSE = 0.25
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")  # v1, truncated v2, v2


class QbittorrentAdapter:
    """One qBittorrent. Calls may overlap; polls wait for one another.

    What the deltas add up to is kept here. After any call that got no answer the next poll asks for everything.
    """

    def __init__(self, name: str, settings: ClientSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._name = name
        self._clock = clock
        self._access = Access(settings, clock, timeout=TIMEOUT)
        self._changes = Changes(self._access, clock, self._stops)
        self._lock = Lock()
        self._version: str | None = None
        self._api: tuple[int, ...] = ()
        self._rid = 0
        self._session = -1
        self._troubles = 0
        self._due_at = 0.0
        self._mirror = Mirror()
        self._glanced: set[str] = set()
        self._totals = wire.Totals()

    async def poll(self) -> Poll:
        """What changed since the last poll; the whole list first, after trouble, and every few minutes."""
        async with self._lock:
            sound = self._troubles == self._access.troubles and self._clock.monotonic() < self._due_at
            rid, self._rid = self._rid if sound else 0, 0
            self._troubles = self._access.troubles
            return await self._poll(rid)

    async def read(self, download_id: str) -> Download | None:
        """One row asked of the client now, or None when it has none."""
        found = await self._find(download_id)
        return to_download(self._name, *found) if found is not None else None

    async def files(self, download_id: str) -> tuple[RemoteFile, ...]:
        """The client's own file list; empty while a magnet has no metadata."""
        torrent_id = await self._there(download_id)
        return to_files(wire.parse(await self._access.get("torrents/files", hash=torrent_id), list[wire.FileEntry]))

    async def add(self, new: NewDownload) -> str:
        """Add and verify; the id. A duplicate raises `Problem("duplicate", 409, …, id=<id>)`."""
        ids, fields, files = _to_send(new)
        if new.tags and not await self._speaks(wire.ADDS_TAGS_SINCE):
            raise unsupported("this version of qBittorrent", "add with tags")
        known = await self._find(*ids)
        if known is not None:
            raise _duplicate(known[0])
        if new.category:
            await categories.ensure(self._access, new.category)
        reply = await self._access.post("torrents/add", fields, files)
        if reply.status == 415:
            raise _invalid(wire.in_words(reply.body))
        if reply.status == 409 or reply.body.strip() == b"Fails.":
            await self._explain_refusal(ids)
        wire.checked(reply)
        return await self._listed(ids)

    async def pause(self, download_id: str) -> None:
        """Stop transferring."""
        await self._command(download_id, "stop" if await self._stops() else "pause")

    async def resume(self, download_id: str) -> None:
        """Go on transferring."""
        await self._command(download_id, "start" if await self._stops() else "resume")

    async def recheck(self, download_id: str) -> None:
        """Verify what is on disk."""
        await self._command(download_id, "recheck")

    async def remove(self, download_id: str, *, with_data: bool) -> None:
        """Take it out of the client, with or without its data. Returns once the client accepted."""
        await self._command(download_id, "delete", deleteFiles=wire.flag(with_data))

    async def alter(self, download_id: str, edit: AnyEdit) -> None:
        """Change one download, and see that it is changed; a move may still be under way."""
        await self._changes.alter(await self._there(download_id), edit)

    async def terms(self, download_id: str) -> Terms:
        """What was set on one download, asked now."""
        return await self._changes.terms(await self._there(download_id))

    async def control(self, control: AnyControl) -> None:
        """Change the client as a whole."""
        await self._changes.control(control)

    async def limits(self) -> Limits:
        """What limits the client as a whole, asked now: the ordinary limits, and whether the alternative ones rule."""
        return await self._changes.limits()

    async def about(self) -> About:
        """Version, default save path, and categories with the folders that count under automatic management."""
        await self._learn()
        folder = wire.parse_text(await self._access.get("app/defaultSavePath"), r"[^<>\n]*")
        known = await categories.listed(self._access) or {}
        folders = {name: category.save_path or None for name, category in known.items()}
        return About(version=self._version, save_path=folder or None, categories=folders)

    async def close(self) -> None:
        """Let go of connections."""
        await self._access.close()

    async def glance(self, download_ids: Sequence[str]) -> tuple[Download, ...]:
        """A few rows by their hashes. They are kept out of the mirror, to which the next delta is relative."""
        async with self._lock:
            found = await self._info(download_ids, within=patience.DELTA)
            self._glanced |= found.keys()
            return tuple(to_download(self._name, torrent_id, row) for torrent_id, row in found.items())

    # What a poll does.

    async def _poll(self, rid: int) -> Poll:
        started = self._clock.monotonic()
        data = await self._main_data(rid)
        whole, session = data.full_update, self._access.logins
        restarted = whole and (rid != 0 or self._session != session)
        if restarted:
            await self._learn()
        try:
            rows, removed = await self._taken(data)
        except wire.OutOfStep:
            if whole:
                raise
            return await self._poll(0)
        self._totals = wire.merge_totals(self._totals, data.server_state)
        if whole:
            cost = self._clock.monotonic() - started
            self._due_at = started + max(RECONCILE_SECONDS, cost / RECONCILE_SHARE)
        self._rid, self._session = data.rid, session
        return Poll(
            rows=rows,
            whole=whole,
            removed=removed,
            restarted=restarted,
            version=self._version,
            free_space=self._totals.free_space_on_disk,
            down_speed=self._totals.dl_info_speed,
            up_speed=self._totals.up_info_speed,
            throttled=is_throttled(self._totals),
        )

    async def _main_data(self, rid: int) -> wire.MainData:
        within = patience.DELTA if rid else patience.LIST
        reply = await self._access.get("sync/maindata", within=within, rid=str(rid))
        await turn_to_parse(len(reply.body))
        data = wire.parse(reply, wire.MainData)
        if rid == 0 and not data.full_update:
            raise ClientProtocolError("sync/maindata: a part of the list where the whole of it was asked for")
        return data

    async def _taken(self, data: wire.MainData) -> tuple[tuple[Download, ...], tuple[str, ...]]:
        """The rows that a reply changes, and who left. A row that turns complete by a delta is asked for first."""
        mirror = Mirror() if data.full_update else self._mirror
        left, changed = mirror.drop(data.torrents_removed), []
        async for part in slices(list(data.torrents.items())):
            changed += mirror.take(part, whole=data.full_update, shared=self._mirror.rows)
        if data.full_update:
            mirror.drop(await self._ghosts(mirror))
        else:
            left += mirror.drop(mirror.outgrown(changed))
        # What was glanced at may have gone back since to what it was in the mirror: no delta tells that.
        again = self._glanced & mirror.rows.keys()
        shown = mirror.shown({*changed, *again}, await self._info(sorted(mirror.doubtful)))
        rows: list[Download] = []
        async for some in slices(list(shown.items())):
            rows += [to_download(self._name, torrent_id, row) for torrent_id, row in some]
        self._mirror, self._glanced = mirror, set()
        return tuple(rows), tuple(torrent_id for torrent_id in left if torrent_id not in mirror.rows)

    async def _ghosts(self, mirror: Mirror) -> set[str]:
        """Magnets of a full list that are not there: 5.1 keeps telling the name that a hybrid had without metadata.

        It does so even after the hybrid was removed, to every session that ever saw the magnet (seen with 5.1.0).
        """
        bare = mirror.bare()
        return set(bare) - set(await self._info(bare))

    # What the calls have in common.

    async def _learn(self) -> None:
        version = wire.parse_text(await self._access.get("app/version"), wire.VERSION)
        api = wire.parse_text(await self._access.get("app/webapiVersion"), wire.VERSION)
        self._version, self._api = version.removeprefix("v"), wire.numbers(api)

    async def _stops(self) -> bool:
        return await self._speaks(wire.STOPS_SINCE)

    async def _speaks(self, api: tuple[int, ...]) -> bool:
        """Whether its WebAPI is at least this one."""
        if not self._api:
            await self._learn()
        return self._api >= api

    async def _info(self, ids: Sequence[str], *, within: float | None = None) -> dict[str, Row]:
        """Rows asked for now, by id; what the client does not have is left out."""
        found: dict[str, Row] = {}
        for begin in range(0, len(ids), _AT_ONCE):
            hashes = "|".join(ids[begin : begin + _AT_ONCE])
            listed = wire.parse_list(await self._access.get("torrents/info", within=within, hashes=hashes))
            found.update((torrent_id, wire.merge(None, raw)) for torrent_id, raw in listed)
        return found

    async def _find(self, *names: str) -> tuple[str, Row] | None:
        """The row with one of these hashes, whatever the client calls it now."""
        # Anything else is not a name: `all` would mean every torrent.
        wanted = {name[:40] for name in map(str.lower, names) if _HASH.fullmatch(name)}
        # The very name first: a v1 torrent and the hybrid with the same v1 hash are two downloads.
        ids = [*sorted(wanted), *sorted(self._mirror.named(wanted) - wanted)]
        found = await self._info(ids)
        if not found and self._mirror.may_be_renamed(wanted):
            return await self._anywhere(wanted)
        return next(((name, found[name]) for name in ids if name in found), None)

    async def _anywhere(self, names: set[str]) -> tuple[str, Row] | None:
        """The row with one of these names, out of the whole list."""
        listed = wire.parse_list(await self._access.get("torrents/info"))
        async for part in slices(listed):
            for torrent_id, raw in part:
                row = wire.merge(None, raw)
                if names & {torrent_id, *aliases(torrent_id, row)}:
                    return torrent_id, row
        return None

    async def _there(self, download_id: str) -> str:
        """The client's own name of what must be there."""
        found = await self._find(download_id)
        if found is None:
            raise wire.not_found(download_id)
        return found[0]

    async def _command(self, download_id: str, verb: str, **fields: str) -> None:
        """qBittorrent answers 200 whether it has the torrent or not."""
        torrent_id = await self._there(download_id)
        wire.checked(await self._access.post(f"torrents/{verb}", {"hashes": torrent_id, **fields}))

    async def _listed(self, ids: Sequence[str]) -> str:
        for _ in range(_SETTLE_LOOKS):
            found = await self._find(*ids)
            if found is not None:
                return found[0]
            await self._clock.sleep(_SETTLE_PAUSE)
        raise ClientProtocolError("qBittorrent took the torrent and does not list it; its log says why")

    async def _explain_refusal(self, ids: Sequence[str]) -> NoReturn:
        """The same word for a duplicate and for what it cannot read; a hybrid's duplicate may have another name."""
        known = await self._anywhere(set(ids))
        if known is not None:
            raise _duplicate(known[0])
        raise _invalid("it does not say why; its log does")


def _to_send(new: NewDownload) -> tuple[tuple[str, ...], dict[str, str], dict[str, Any] | None]:
    """The hashes under which the client may list it, and the form that adds it."""
    edits.check_tags(new.tags)
    fields = wire.add_fields(new)
    if new.torrent is not None:
        torrent = parse_torrent(new.torrent)
        return (
            _names(torrent.info_hash, torrent.info_hash_v2),
            fields,
            wire.torrent_file(torrent.info_hash, new.torrent),
        )
    magnet = parse_magnet(new.magnet or "")
    plain = wire.plain_magnet(new.magnet or "", magnet.info_hash, magnet.info_hash_v2)
    return _names(magnet.info_hash, magnet.info_hash_v2), {"urls": plain, **fields}, None


def _names(info_hash: str, info_hash_v2: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((info_hash, (info_hash_v2 or info_hash)[:40])))


def _duplicate(torrent_id: str) -> Problem:
    return Problem("duplicate", 409, "this client already has this torrent", id=torrent_id)


def _invalid(words: str) -> Problem:
    return Problem("torrent_invalid", 400, f"qBittorrent does not take this torrent: {words}")

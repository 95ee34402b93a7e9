"""The calls to Transmission: greet it, ask for what changed, command. Decisions are in wire, mapping and mirror."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from sluice_client_poller.adapters import guard, patience
from sluice_client_poller.adapters.port import About, NewDownload, Poll, Terms, unsupported
from sluice_client_poller.adapters.throttle import is_throttled
from sluice_client_poller.adapters.transmission import edits, wire
from sluice_client_poller.adapters.transmission.mapping import STOPPED, to_download, to_files
from sluice_client_poller.adapters.transmission.mirror import Mirror, Moment
from sluice_client_poller.adapters.words import plain_magnet
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable, Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.kit.turns import slices, turn_for, turn_to_parse
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.edits import AnyControl, AnyEdit, Limits, PauseAll
from sluice_common.model.enums import State
from sluice_common.model.metainfo import parse_magnet, parse_torrent
from sluice_common.net import http
from sluice_common.net.tls import trust

TIMEOUT = 30.0  # a move across file systems at completion blocks the RPC; a longer one shows as unreachable
AUTH_PAUSE = 30.0  # after a refused password nobody asks again for so long: with brute-force protection it counts
LOOK_AROUND_POLLS = 10  # the daemon stands still while it asks a slow disk
# The session id is exchanged every hour; that is no restart when the daemon is that old and started when it did.
_ROTATES_AFTER = 3000
_SAME_START = 10.0
# A daemon of this age in seconds has loaded its torrents; before, an empty list may be one that is not loaded yet.
_LOADED_AFTER = 5
_SETTLE_LOOKS = 40
_SETTLE_PAUSE = 0.25
_STOP_LOOKS = 20
_STOP_PAUSE = 0.25
_STOPPED_LOOKS = 5  # after which a torrent without any data has stopped
_SEEN_LOOKS = 20
_SEEN_PAUSE = 0.1
_TRIES = 3
_NOT_REMOVED = "Couldn't remove all torrent files"


class TransmissionAdapter:
    """One daemon. Calls may overlap; polls follow one another."""

    def __init__(self, name: str, settings: ClientSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._name = name
        self._owned = frozenset(settings.owners)
        self._clock = clock
        self._url = wire.rpc_url(settings.url)
        self._has_password = settings.password is not None
        self._http = http.client(timeout=TIMEOUT, auth=_auth(settings), verify=trust(settings.tls))
        self._polling = asyncio.Lock()
        self._mirror = Mirror()
        self._refused_at: float | None = None
        self._session_id: str | None = None
        self._greeted: str | None = ""  # the session id under which the daemon was last greeted
        self._started: float | None = None  # when it started, on our monotonic clock
        self._restarted = True
        self._session = wire.Session(rpc_version=wire.OLDEST)
        self._free_space: int | None = None
        self._limits = Limits()
        self._polls = 0

    async def poll(self) -> Poll:
        """What changed since the last good poll, or the whole list where that cannot be known."""
        async with self._polling:
            try:
                return await self._look()
            except BaseException:
                self._mirror.forget()
                raise

    async def read(self, download_id: str) -> Download | None:
        """One row asked of the client now, or None when it has none."""
        rows = await self._mapped(*(await self._lines([download_id.lower()], table=False))[:2])
        return rows[0][1] if rows else None

    async def files(self, download_id: str) -> tuple[RemoteFile, ...]:
        """The client's own file list; empty while a magnet has no metadata."""
        raw = await self._ask("torrent-get", {"ids": [download_id.lower()], "fields": wire.FILE_FIELDS})
        listed = wire.parse("torrent-get", raw, wire.Torrents).torrents
        if not listed:
            raise _not_found(download_id)
        return to_files(wire.parse("torrent-get", listed[0], wire.Files))

    async def add(self, new: NewDownload) -> str:
        """Add and verify; the id. A duplicate raises `Problem("duplicate", 409, …, id=<id>)`.

        Limits and order follow the add, before 4.0 labels too, so that for a moment the download is without them.
        """
        session = await self._hello()
        info_hash = _info_hash(new, session.rpc_version)
        labels = self._labels(new, session.rpc_version)
        _refuse_order(new, session.rpc_version)
        if await self.read(info_hash) is not None:
            raise _duplicate(info_hash)
        torrent_id = await self._send(new, info_hash, labels if session.rpc_version >= wire.LABELS_ON_ADD else [])
        later = edits.after_add(new, labels if session.rpc_version < wire.LABELS_ON_ADD else [])
        if later is not None:
            await self._change(torrent_id, later)
        if await self.read(torrent_id) is None:
            raise ClientProtocolError("Transmission took the torrent and does not list it")
        return torrent_id

    async def pause(self, download_id: str) -> None:
        """Stop transferring, and see to it that it stays so.

        3.00 starts a magnet that has just got its metadata once it has checked its files, whatever it was told before.
        """
        await self._command("torrent-stop", download_id)
        quiet = 0
        for _ in range(_STOP_LOOKS):
            await self._clock.sleep(_STOP_PAUSE)
            row = await self.read(download_id)
            if row is None:
                return
            if row.state is not State.PAUSED:
                quiet = 0
                await self._ask("torrent-stop", {"ids": [download_id.lower()]})
                continue
            quiet += 1
            if row.done or quiet == _STOPPED_LOOKS:
                return

    async def resume(self, download_id: str) -> None:
        """Go on transferring."""
        await self._command("torrent-start", download_id)

    async def recheck(self, download_id: str) -> None:
        """Verify what is on disk."""
        await self._command("torrent-verify", download_id)

    async def remove(self, download_id: str, *, with_data: bool) -> None:
        """Take it out of the client, with or without its data. Returns once the client accepted.

        4.1 keeps a torrent whose data it cannot delete (seen with 4.1.0-beta.2): `Problem("data_not_removed", 409)`.
        """
        await self._command("torrent-remove", download_id, {"delete-local-data": with_data})
        kept = await self.read(download_id) if with_data else None
        if kept is None or not (kept.message or "").startswith(_NOT_REMOVED):
            return
        if kept.done:
            detail = (
                f"Transmission says: {kept.message}. It keeps the download; mend that, or remove it without its data"
            )
            raise Problem("data_not_removed", 409, detail, id=download_id)
        # Nothing of it was ever on the disk: such a name cannot be there.
        await self._ask("torrent-remove", {"ids": [download_id.lower()], "delete-local-data": False})

    async def alter(self, download_id: str, edit: AnyEdit) -> None:
        """Change one download. Returns once the client shows the change, where it can be seen."""
        edits.refuse_what_it_cannot(edit)
        change = edits.change(edit, await self._standing(download_id), self._owned)
        if change is not None:
            await self._change(download_id, change)

    async def terms(self, download_id: str) -> Terms:
        """What was set on one download, asked now."""
        return edits.terms(await self._standing(download_id))

    async def control(self, control: AnyControl) -> None:
        """Change the client as a whole."""
        method, asked = edits.control(control)
        await self._make(method, asked)
        if isinstance(control, PauseAll):
            await self._see_all_stopped()

    async def limits(self) -> Limits:
        """What limits the client as a whole, asked now."""
        return edits.client_limits(wire.parse("session-get", await self._ask("session-get"), wire.SpeedLimits))

    async def about(self) -> About:
        """Version, download folder, and every label in use; a label has no folder."""
        session = await self._hello()
        raw = await self._ask("torrent-get", {"fields": ["labels"]})
        rows = wire.parse("torrent-get", raw, wire.LabelledTorrents).torrents
        labels = sorted({label for row in rows if isinstance(row.labels, tuple) for label in row.labels})
        return About(
            version=_version(session), save_path=session.download_dir or None, categories=dict.fromkeys(labels)
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def _ask(
        self, method: str, arguments: dict[str, object] | None = None, *, within: float | None = None
    ) -> msgspec.Raw:
        """One call. A 409 gives the session id to send it with again: nothing was done yet."""
        self._refuse_while_refused()
        body = wire.request(method, arguments or {})
        reply = await self._post(method, body, within)
        for _ in range(_TRIES):
            renewed = wire.session_id(reply.status_code, reply.headers)
            if renewed is None or renewed == self._session_id:
                break
            self._session_id = renewed
            reply = await self._post(method, body, within)
        try:
            return wire.parse_reply(method, reply.status_code, reply.headers, reply.content)
        except wire.WrongPassword as refused:
            self._refused_at = self._clock.monotonic()
            raise self._explain(refused) from None

    async def _post(self, method: str, body: bytes, within: float | None) -> http.Response:
        changes = not wire.only_looks(method)
        if changes:
            guard.may_send()
        headers = {"Content-Type": "application/json"}
        if self._session_id is not None:
            headers[wire.SESSION_HEADER] = self._session_id
        try:
            return await self._http.post(self._url, content=body, headers=headers, timeout=within or TIMEOUT)
        except http.DecodingError:
            raise ClientProtocolError(f"{method}: the reply's compression is damaged") from None
        except (http.HTTPError, http.InvalidURL) as error:
            raise http.unavailable(error, changes=changes) from error

    def _refuse_while_refused(self) -> None:
        if self._refused_at is not None:
            if self._clock.monotonic() - self._refused_at < AUTH_PAUSE:
                raise self._explain(ClientAuthFailed("Transmission refused the user name or the password"))
            self._refused_at = None

    def _explain(self, refused: ClientAuthFailed) -> ClientAuthFailed:
        if self._has_password:
            return refused
        return ClientAuthFailed("Transmission asks for a user name and a password; none is configured")

    async def _look(self) -> Poll:
        for _ in range(_TRIES):
            stats = await self._stats()
            if self._greeted != self._session_id:
                stats = await self._arrive(stats)
            poll = await self._list(stats)
            if self._greeted == self._session_id:
                await self._look_around()
                self._restarted = False
                throttled = is_throttled(self._limits, poll.down_speed)
                return msgspec.structs.replace(poll, free_space=self._free_space, throttled=throttled)
            self._mirror.forget()  # it restarted between two answers
        raise ClientUnavailable("Transmission restarts while it is being asked")

    async def _arrive(self, stats: wire.Stats) -> wire.Stats:
        """Under a new session id: see what runs there, and wait for its list unless it is the same run as before."""
        session_id = self._session_id
        self._session = await self._hello()
        if not self._is_same_run(stats):
            self._restarted = True
            self._mirror.forget()
            stats = await self._settle(stats)
        self._started = self._clock.monotonic() - stats.current.seconds_active
        self._greeted = session_id
        return stats

    def _is_same_run(self, stats: wire.Stats) -> bool:
        age = stats.current.seconds_active
        if self._started is None or age < _ROTATES_AFTER:
            return False
        return abs(self._clock.monotonic() - age - self._started) < _SAME_START

    async def _settle(self, stats: wire.Stats) -> wire.Stats:
        """Wait for the list of a daemon that has just been started: 3.00 answers before it has loaded its torrents."""
        for _ in range(_SETTLE_LOOKS):
            before = stats.torrent_count
            if stats.current.seconds_active >= _LOADED_AFTER:
                break
            await self._clock.sleep(_SETTLE_PAUSE)
            stats = await self._stats()
            if before and stats.torrent_count == before:
                break
        return stats

    async def _list(self, stats: wire.Stats) -> Poll:
        """The changes, or the whole list where they do not add up to as many torrents as the daemon counts."""
        at = self._moment()
        poll = await self._changes(at) if not self._mirror.needs_whole(at) else None
        if poll is None or len(self._mirror) != stats.torrent_count:
            poll = await self._whole()
        return msgspec.structs.replace(
            poll,
            restarted=self._restarted,
            version=_version(self._session),
            down_speed=max(0, stats.download_speed),
            up_speed=max(0, stats.upload_speed),
        )

    async def _changes(self, at: Moment) -> Poll:
        header, lines, removed = await self._lines(wire.RECENT, table=self._has_tables)
        await turn_for(len(lines))
        rows = await self._mapped(header, self._mirror.unheard(lines))
        delta = self._mirror.take_delta(rows, removed, at)
        return Poll(rows=delta.rows, removed=delta.removed, whole=False)

    async def _whole(self) -> Poll:
        at = self._moment()
        header, lines, _ = await self._lines(None, table=self._has_tables)
        rows = await self._mapped(header, lines)
        cost = self._clock.monotonic() - at.monotonic
        return Poll(rows=self._mirror.take_whole(rows, at, cost=cost))

    async def _lines(
        self, ids: str | Sequence[str] | None, *, table: bool
    ) -> tuple[tuple[str, ...] | None, list[msgspec.Raw], tuple[int, ...]]:
        """The header of the table if it is one, the raw rows, and the numbers of what went."""
        raw = await self._ask("torrent-get", wire.rows_request(ids, table=table), within=_within(ids))
        await turn_to_parse(len(raw))
        listed = wire.parse("torrent-get", raw, wire.Torrents)
        header, lines = wire.split_rows(listed, table=table)
        return header, lines, listed.removed

    async def _mapped(self, header: tuple[str, ...] | None, lines: Sequence[msgspec.Raw]) -> list[tuple[int, Download]]:
        """The rows with the daemon's numbers for them."""
        rows = []
        async for part in slices(lines):
            for line in part:
                row = wire.parse_row(header, line)
                rows.append((row.id, to_download(self._name, row, self._owned)))
        return rows

    async def _stats(self) -> wire.Stats:
        return wire.parse("session-stats", await self._ask("session-stats", within=patience.DELTA), wire.Stats)

    async def _hello(self) -> wire.Session:
        session = wire.parse("session-get", await self._ask("session-get"), wire.Session)
        if session.rpc_version < wire.OLDEST:
            raise ClientProtocolError(f"Transmission {_version(session)} is too old; 2.90 or newer is needed")
        return session

    async def _look_around(self) -> None:
        """What changes seldom: the free space and the limits."""
        if self._polls % LOOK_AROUND_POLLS == 0:
            try:
                raw = await self._ask("free-space", {"path": self._session.download_dir})
                free = wire.parse("free-space", raw, wire.FreeSpace).size_bytes
            except wire.Refused:  # the folder is not there
                free = -1
            self._free_space = free if free >= 0 else None
            self._limits = await self.limits()
        self._polls += 1

    @property
    def _has_tables(self) -> bool:
        return self._session.rpc_version >= wire.TABLES_AND_LABELS

    def _moment(self) -> Moment:
        return Moment(self._clock.monotonic(), self._clock.now().timestamp())

    def _labels(self, new: NewDownload, rpc_version: int) -> list[str]:
        if rpc_version < wire.TABLES_AND_LABELS and (new.category is not None or new.tags):
            raise edits.without_labels()
        return edits.labels(new.category, new.tags, self._owned)

    async def _send(self, new: NewDownload, info_hash: str, labels: list[str]) -> str:
        magnet = plain_magnet(new.magnet or "", info_hash) if new.torrent is None else None
        asked = wire.add_request(torrent=new.torrent, magnet=magnet, save_path=new.save_path, paused=new.paused)
        asked |= {"labels": labels} if labels else {}
        try:
            reply = wire.parse("torrent-add", await self._ask("torrent-add", asked), wire.AddReply)
        except wire.Refused as refused:
            raise Problem("torrent_invalid", 400, f"Transmission does not take this torrent: {refused.words}") from None
        if reply.torrent_duplicate is not None:
            raise _duplicate(reply.torrent_duplicate.hash_string.lower())
        if reply.torrent_added is None:
            raise ClientProtocolError("torrent-add: Transmission does not say what it added")
        return reply.torrent_added.hash_string.lower()

    async def _command(self, method: str, download_id: str, more: dict[str, object] | None = None) -> None:
        """Transmission says "success" to a command on what it does not have: look first."""
        if await self.read(download_id) is None:
            raise _not_found(download_id)
        await self._ask(method, {"ids": [download_id.lower()], **(more or {})})

    async def _change(self, download_id: str, change: edits.Change) -> None:
        """Ask for it, and look whether it was done: Transmission says "success" to what it leaves undone."""
        asked = {"ids": [download_id.lower()], **change.arguments}
        for look in range(_SEEN_LOOKS):
            if look == 0 or change.insistent:
                await self._make(change.method, asked)
            if change.is_seen(await self._standing(download_id)):
                return
            await self._clock.sleep(_SEEN_PAUSE)
        raise Problem("client_refused", 409, "Transmission took the change and did not make it; its log may say why")

    async def _see_all_stopped(self) -> None:
        """As with `pause`: what 3.00 checked when it was told to stop starts when that is over."""
        quiet = 0
        for _ in range(_STOP_LOOKS):
            await self._clock.sleep(_STOP_PAUSE)
            raw = await self._ask("torrent-get", {"fields": ["status"]})
            running = any(
                torrent.status != STOPPED for torrent in wire.parse("torrent-get", raw, wire.Statuses).torrents
            )
            quiet = 0 if running else quiet + 1
            if quiet == _STOPPED_LOOKS:
                return
            if running:
                await self._ask("torrent-stop")

    async def _make(self, method: str, asked: dict[str, object]) -> None:
        try:
            await self._ask(method, asked)
        except wire.Refused as refused:
            raise Problem("client_refused", 409, f"Transmission refused the change: {refused.words}") from None

    async def _standing(self, download_id: str) -> wire.Standing:
        raw = await self._ask("torrent-get", {"ids": [download_id.lower()], "fields": wire.STANDING_FIELDS})
        listed = wire.parse("torrent-get", raw, wire.Torrents).torrents
        if not listed:
            raise _not_found(download_id)
        return wire.parse("torrent-get", listed[0], wire.Standing)


def _within(ids: str | Sequence[str] | None) -> float:
    """How long the answer to a torrent-get of these may take, in seconds."""
    if ids is None:
        return patience.LIST
    return patience.DELTA if ids == wire.RECENT else TIMEOUT


def _auth(settings: ClientSettings) -> tuple[str, str] | None:
    password = settings.password.get_secret_value() if settings.password is not None else ""
    return (settings.username or "", password) if settings.username or password else None


def _version(session: wire.Session) -> str | None:
    """Without the revision in brackets."""
    return session.version.partition(" ")[0] or None


def _info_hash(new: NewDownload, rpc_version: int) -> str:
    """The id of the add. Transmission goes by v1 hashes; 3.00 takes a hybrid's magnet and never gets its files."""
    known = parse_torrent(new.torrent) if new.torrent is not None else parse_magnet(new.magnet or "")
    v2 = known.info_hash_v2
    if v2 is not None and (v2.startswith(known.info_hash) or rpc_version < wire.HYBRIDS):
        detail = "this Transmission reads no torrents with v2 hashes; use another client, or 4.0 for one that has both"
        raise Problem("unsupported", 501, detail)
    return known.info_hash


def _refuse_order(new: NewDownload, rpc_version: int) -> None:
    if new.first_last:
        raise unsupported(edits.NAME, "begin with the first and the last pieces of a file")
    if new.sequential and rpc_version < wire.SEQUENTIAL:
        raise unsupported(edits.NAME, "download in order before 4.1")


def _not_found(download_id: str) -> Problem:
    return Problem("not_found", 404, "this client has no such download; it may just have been removed", id=download_id)


def _duplicate(torrent_id: str) -> Problem:
    return Problem("duplicate", 409, "this client already has this torrent", id=torrent_id)

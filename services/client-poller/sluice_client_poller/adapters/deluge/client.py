"""The calls to deluge-web: log in once, connect it to its daemon, ask, command. Decisions are in wire and mapping."""

from __future__ import annotations

import asyncio
import re

import msgspec

from sluice_client_poller.adapters import guard, patience
from sluice_client_poller.adapters.deluge import edits, wire
from sluice_client_poller.adapters.deluge.epochs import Epochs
from sluice_client_poller.adapters.deluge.mapping import to_download, to_files
from sluice_client_poller.adapters.port import About, NewDownload, Poll, Terms, unsupported
from sluice_client_poller.adapters.throttle import is_throttled
from sluice_client_poller.adapters.words import plain_magnet
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable, Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.kit.turns import slices, turn_to_parse
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.edits import AnyControl, AnyEdit, Limits, SetCategory
from sluice_common.model.metainfo import parse_magnet, parse_torrent
from sluice_common.net import http
from sluice_common.net.tls import trust

TIMEOUT = 20.0
AUTH_PAUSE = 30.0  # after a refused password, nobody is asked again for so long
LOOK_AROUND_POLLS = 10  # the daemon stands still while it asks a slow disk
_SETTLE_LOOKS = 40
_SETTLE_PAUSE = 0.25
_SEEN_LOOKS = 20
_SEEN_PAUSE = 0.1
_PLUGIN_LOOKS = 100
_PLUGIN_PAUSE = 0.05
_LABEL = re.compile(r"[a-z0-9_-]+")


class DelugeAdapter:
    """One deluge-web and the daemon behind it. Calls may overlap; the log-in is renewed by one of them.

    With several daemons in its host list, the one it is connected to (else the first) is ours for good.
    """

    def __init__(self, name: str, settings: ClientSettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._name = name
        self._password = settings.password
        self._clock = clock
        self._http = http.client(base_url=settings.url, timeout=TIMEOUT, verify=trust(settings.tls))
        self._login_lock = asyncio.Lock()
        self._cookie: str | None = None
        self._refused_at: float | None = None
        self._host: str | None = None
        self._established = False
        self._restarted = True
        self._version: str | None = None
        self._epochs = Epochs()
        self._traffic = (0, 0)
        self._free_space: int | None = None
        self._limits = Limits()
        self._polls = 0

    async def poll(self) -> Poll:
        """The whole list; raises rather than return a part of it."""
        await self._ready()
        rows = await self._rows()
        totals = wire.parse("totals", await self._ask("core.get_session_status", wire.TOTALS_KEYS), wire.Totals)
        if self._started_anew(totals):
            await self._settle()
            rows = await self._rows()
        await self._look_around()
        restarted, self._restarted = self._restarted, False
        down_speed = _speed(totals.payload_download_rate)
        return Poll(
            rows=self._epochs.settle(rows, restarted=restarted),
            restarted=restarted,
            version=self._version,
            free_space=self._free_space,
            down_speed=down_speed,
            up_speed=_speed(totals.payload_upload_rate),
            throttled=is_throttled(self._limits, down_speed),
        )

    async def read(self, download_id: str) -> Download | None:
        """One row asked of the client now, or None when it has none."""
        await self._ready()
        return await self._row(download_id.lower())

    async def files(self, download_id: str) -> tuple[RemoteFile, ...]:
        """The client's own file list; empty while a magnet has no metadata."""
        await self._ready()
        listed = wire.parse_files(await self._ask("core.get_torrent_status", download_id.lower(), wire.FILE_KEYS))
        if listed is None:
            raise _not_found(download_id)
        return to_files(listed)

    async def add(self, new: NewDownload) -> str:
        """Add and verify; the id. A duplicate raises `Problem("duplicate", 409, …, id=<id>)`."""
        ids = _ids(new)
        if new.tags:
            raise unsupported(edits.NAME, "tag downloads")
        await self._ready()
        label = await self._label(new.category) if new.category else None
        for torrent_id in ids:
            if await self._row(torrent_id) is not None:
                raise _duplicate(torrent_id)
        torrent_id = await self._send(new, ids[0])
        if label is not None:
            await self._ask("label.set_torrent", torrent_id, label)
        if await self._row(torrent_id) is None:
            raise ClientProtocolError("Deluge took the torrent and does not list it")
        return torrent_id

    async def pause(self, download_id: str) -> None:
        """Stop transferring."""
        await self._command(download_id, "core.pause_torrent", download_id.lower())

    async def resume(self, download_id: str) -> None:
        """Go on transferring."""
        await self._command(download_id, "core.resume_torrent", download_id.lower())

    async def recheck(self, download_id: str) -> None:
        """Verify what is on disk."""
        await self._command(download_id, "core.force_recheck", [download_id.lower()])

    async def remove(self, download_id: str, *, with_data: bool) -> None:
        """Take it out of the client, with or without its data. Returns once the client accepted."""
        raw = await self._command(download_id, "core.remove_torrent", download_id.lower(), with_data)
        if not wire.parse("core.remove_torrent", raw, bool):
            raise ClientProtocolError("Deluge could not remove the torrent; its log says why")

    async def alter(self, download_id: str, edit: AnyEdit) -> None:
        """Change one download. Returns once the client shows the change, where it can be seen."""
        edits.refuse_what_it_cannot(edit)
        await self._ready()
        torrent_id = download_id.lower()
        before = await self._standing(torrent_id)
        if isinstance(edit, SetCategory) and edit.category is not None:
            await self._label(edit.category)
        change = edits.change(torrent_id, edit, before)
        if change is None:
            return
        try:
            for method, params in change.calls:
                await self._command(torrent_id, method, *params)
        except wire.Refused as refused:
            raise Problem("client_refused", 409, f"Deluge refused the change: {refused.words}") from None
        for _ in range(_SEEN_LOOKS):
            if change.is_seen(await self._standing(torrent_id)):
                return
            await self._clock.sleep(_SEEN_PAUSE)
        raise Problem("client_refused", 409, "Deluge took the change and did not make it; its log may say why")

    async def terms(self, download_id: str) -> Terms:
        """What was set on one download, asked now."""
        await self._ready()
        raw = await self._ask("core.get_torrent_status", download_id.lower(), wire.TERMS_KEYS)
        found = wire.parse_agreed(raw)
        if found is None:
            raise _not_found(download_id)
        return edits.terms(found)

    async def control(self, control: AnyControl) -> None:
        """Change the client as a whole."""
        calls = edits.control(control)
        await self._ready()
        for method, params in calls:
            await self._ask(method, *params)

    async def limits(self) -> Limits:
        """What limits the client as a whole, asked now."""
        await self._ready()
        raw = await self._ask("core.get_config_values", wire.LIMIT_KEYS)
        return edits.client_limits(wire.parse("core.get_config_values", raw, wire.SpeedLimits))

    async def about(self) -> About:
        """Version, download folder, and labels with the folder to which each moves what it finished."""
        await self._ready()
        folder = wire.parse("folder", await self._ask("core.get_config_value", "download_location"), str)
        plugins = await self._names("core.get_enabled_plugins")
        labels = await self._names("label.get_labels") if "Label" in plugins else []
        categories = {label: wire.parse_label_folder(await self._ask("label.get_options", label)) for label in labels}
        return About(version=self._version, save_path=folder or None, categories=categories)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def _ask(self, method: str, *params: object, within: float | None = None) -> msgspec.Raw:
        """One call, as it is: no log-in, no second try."""
        changes = not wire.only_looks(method)
        if changes:
            guard.may_send()
        headers = {"Content-Type": "application/json"} | ({"Cookie": self._cookie} if self._cookie else {})
        try:
            body = wire.request(method, params)
            reply = await self._http.post("json", content=body, headers=headers, timeout=within or TIMEOUT)
        except http.DecodingError:
            raise ClientProtocolError(f"{method}: the reply's compression is damaged") from None
        except (http.HTTPError, http.InvalidURL) as error:
            raise http.unavailable(error, changes=changes) from error
        if method == "auth.login":
            self._cookie = wire.session_cookie(reply.headers.get_list("set-cookie"))
        return wire.parse_reply(method, reply.status_code, reply.headers.get("content-type", ""), reply.content)

    async def _ready(self) -> None:
        """Logged in, and deluge-web connected to its daemon: a call to a lost daemon would hang, not fail."""
        async with self._login_lock:
            connected = await self._is_connected()
            if connected is None:
                self._established = False
                await self._log_in()
                connected = await self._is_connected()
            if not connected or not self._established:
                self._established, self._restarted = False, True
                await self._connect(connected=connected is True)
                self._established = True

    async def _is_connected(self) -> bool | None:
        """Whether deluge-web has its daemon; None when it does not know us."""
        if self._cookie is None:
            return None
        try:
            return wire.parse("web.connected", await self._ask("web.connected", within=patience.DELTA), bool)
        except wire.Refused as refused:
            if refused.code in (wire.NOT_AUTHENTICATED, wire.UNKNOWN_METHOD):
                return None
            raise

    async def _log_in(self) -> None:
        refusal = "Deluge refused the password; set the one of its web interface"
        if self._password is None:
            raise ClientAuthFailed("no password is configured; set the one of Deluge's web interface")
        if self._refused_at is not None and self._clock.monotonic() - self._refused_at < AUTH_PAUSE:
            raise ClientAuthFailed(refusal)
        accepted = wire.parse("auth.login", await self._ask("auth.login", self._password.get_secret_value()), bool)
        self._refused_at = None if accepted else self._clock.monotonic()
        if not accepted:
            self._cookie = None
            raise ClientAuthFailed(refusal)
        if self._cookie is None:
            raise ClientProtocolError("Deluge took the password and gave no session cookie")

    async def _connect(self, *, connected: bool) -> None:
        if not connected:
            await self._ask("web.connect", await self._choose_host())
            if not await self._is_connected():
                raise ClientUnavailable("deluge-web cannot reach its daemon; is deluged running?")
        elif self._host is None:
            self._host = await self._connected_host()
        self._version = wire.parse("daemon.get_version", await self._ask("daemon.get_version"), str)
        self._traffic = (0, 0)
        await self._settle()

    async def _choose_host(self) -> str:
        if self._host is None:
            hosts = await self._hosts()
            if not hosts:
                raise ClientUnavailable("deluge-web has no daemon in its connection manager; add one there")
            self._host = hosts[0]
        return self._host

    async def _connected_host(self) -> str | None:
        for host in await self._hosts():
            status = wire.parse("host", await self._ask("web.get_host_status", host), tuple[str, str, str])
            if status[1] == "Connected":
                return host
        return None

    async def _hosts(self) -> list[str]:
        listed = wire.parse("web.get_hosts", await self._ask("web.get_hosts"), list[list[str | int]])
        return [str(host[0]) for host in listed if host]

    async def _settle(self) -> None:
        """Wait until the daemon's list stops growing: it loads its torrents while it already answers."""
        before: int | None = None
        for _ in range(_SETTLE_LOOKS):
            count = len(wire.parse("core.get_session_state", await self._ask("core.get_session_state"), list[str]))
            if count == before:
                return
            before = count
            await self._clock.sleep(_SETTLE_PAUSE)
        raise ClientUnavailable("Deluge is still loading its torrents")

    async def _rows(self) -> tuple[Download, ...]:
        raw = await self._ask("core.get_torrents_status", {}, wire.ROW_KEYS, within=patience.LIST)
        await turn_to_parse(len(raw))
        listed = list(wire.parse_rows(raw).items())
        rows: list[Download] = []
        async for part in slices(listed):
            for torrent_id, told in part:
                row = wire.parse_row(told)
                if row is not None:
                    rows.append(to_download(self._name, torrent_id, row))
        return tuple(rows)

    async def _row(self, torrent_id: str) -> Download | None:
        row = wire.parse_row(await self._ask("core.get_torrent_status", torrent_id, wire.ROW_KEYS))
        return self._epochs.known(to_download(self._name, torrent_id, row)) if row is not None else None

    async def _standing(self, torrent_id: str) -> wire.Standing:
        found = wire.parse_standing(await self._ask("core.get_torrent_status", torrent_id, wire.STANDING_KEYS))
        if found is None:
            raise _not_found(torrent_id)
        return found

    def _started_anew(self, totals: wire.Totals) -> bool:
        """The daemon's traffic only grows: less means that it restarted and somebody else connected deluge-web."""
        before, self._traffic = self._traffic, (totals.received or 0, totals.sent or 0)
        anew = self._traffic[0] < before[0] or self._traffic[1] < before[1]
        self._restarted = self._restarted or anew
        return anew

    async def _look_around(self) -> None:
        """What changes seldom: the free space and the limits."""
        if self._polls % LOOK_AROUND_POLLS == 0:
            free = wire.parse("core.get_free_space", await self._ask("core.get_free_space"), int)
            self._free_space = free if free >= 0 else None
            self._limits = await self.limits()
        self._polls += 1

    async def _send(self, new: NewDownload, info_hash: str) -> str:
        options = wire.add_options(new)
        try:
            if new.torrent is not None:
                raw = await self._ask("core.add_torrent_file", *wire.torrent_file(info_hash, new.torrent), options)
            else:
                raw = await self._ask("core.add_torrent_magnet", plain_magnet(new.magnet or "", info_hash), options)
        except wire.Refused as refused:
            if refused.kind != "AddTorrentError":
                raise
            if "already in session" in refused.words or "already being added" in refused.words:
                raise _duplicate(info_hash) from None
            raise Problem("torrent_invalid", 400, f"Deluge does not take this torrent: {refused.words}") from None
        return wire.parse("core.add_torrent", raw, str).lower()

    async def _label(self, category: str) -> str:
        """The category as a label that exists. Asked before the add, so that a refusal changes nothing."""
        if not _LABEL.fullmatch(category):
            detail = "Deluge's labels are made of a-z, 0-9, _ and -; choose such a category"
            raise Problem("category_invalid", 400, detail)
        if "Label" not in await self._names("core.get_enabled_plugins"):
            await self._enable_labels()
        if category not in await self._names("label.get_labels"):
            await self._ask("label.add", category)
        return category

    async def _enable_labels(self) -> None:
        available = "Label" in await self._names("core.get_available_plugins")
        if not available or not wire.parse("enable", await self._ask("core.enable_plugin", "Label"), bool):
            detail = "this Deluge has no Label plugin, so it has no categories; add without one, or install it"
            raise Problem("unsupported", 501, detail)
        for _ in range(_PLUGIN_LOOKS):
            if "label.add" in await self._names("system.listMethods"):
                return
            await self._clock.sleep(_PLUGIN_PAUSE)
        raise ClientUnavailable("Deluge enabled its Label plugin and does not offer its methods yet")

    async def _names(self, method: str) -> list[str]:
        return wire.parse(method, await self._ask(method), list[str])

    async def _command(self, download_id: str, method: str, *params: object) -> msgspec.Raw:
        await self._ready()
        try:
            return await self._ask(method, *params)
        except wire.Refused:
            if await self._row(download_id.lower()) is None:
                raise _not_found(download_id) from None
            raise


def _ids(new: NewDownload) -> tuple[str, ...]:
    """The hashes under which the client may hold it, the one of the add first."""
    if new.torrent is not None:
        torrent = parse_torrent(new.torrent)
        return _distinct(torrent.info_hash, torrent.info_hash_v2)
    magnet = parse_magnet(new.magnet or "")
    if magnet.info_hash_v2 is not None and magnet.info_hash_v2.startswith(magnet.info_hash):
        raise Problem("unsupported", 501, "Deluge does not take magnets with only a v2 hash; add the .torrent instead")
    return _distinct(magnet.info_hash, magnet.info_hash_v2)


def _distinct(info_hash: str, info_hash_v2: str | None) -> tuple[str, ...]:
    truncated = (info_hash_v2 or info_hash)[:40]
    return (info_hash,) if truncated == info_hash else (info_hash, truncated)


def _speed(rate: float | None) -> int | None:
    return int(rate) if rate is not None and rate >= 0 else None


def _not_found(download_id: str) -> Problem:
    return Problem("not_found", 404, "this client has no such download; it may just have been removed", id=download_id)


def _duplicate(torrent_id: str) -> Problem:
    return Problem("duplicate", 409, "this client already has this torrent", id=torrent_id)

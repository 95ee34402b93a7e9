"""Reads. The queue comes from memory, everything else by one RPC from the service that owns it; never a client's own
API, never a database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import subjects
from sluice_common.contracts.commands import Files, FilesOf, Look
from sluice_common.contracts.library import Association, AssociationOf, Import, ImportId
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.edits import OwnSettings
from sluice_common.model.enums import Health, State
from sluice_gateway.features import Features
from sluice_gateway.live.freshness import Freshness, KnowsStatus
from sluice_gateway.live.rows import Entry
from sluice_gateway.live.tables import LiveQueue
from sluice_gateway.live.views import Filter, Order, decode_cursor, encode_cursor
from sluice_gateway.schemas import (
    ClientRow,
    ClientTrouble,
    DownloadDetail,
    QueuePage,
    QueueRow,
    TablePosition,
    client_trouble,
    queue_row,
    row_fields,
    table_position,
)

R = TypeVar("R")

MAX_LIMIT = 500
RPC_WITHIN = 10.0
OPTIONAL_WITHIN = 2.0


class Queries:
    """Everything that only looks."""

    def __init__(
        self,
        bus: Bus,
        live: LiveQueue,
        clients: Mapping[str, ClientSettings],
        statuses: KnowsStatus,
        freshness: Freshness,
        features: Features,
    ) -> None:
        self._bus = bus
        self.live = live
        self.features = features
        self._clients = clients
        self._statuses = statuses
        self._freshness = freshness

    async def queue(self, only: Filter, order: Order, limit: int, cursor: str | None) -> QueuePage:
        """A page of the queue; raises Problem for a filter or cursor that makes no sense."""
        self.check(only)
        after = decode_cursor(order, cursor) if cursor else None
        view = await self.live.view(only, order)
        keys = view.page(after, limit + 1)
        more = len(keys) > limit
        entries = [self.live.get(key[2], key[3]) for key in keys[:limit]]
        return QueuePage(
            items=self.rows([entry for entry in entries if entry is not None]),
            total=len(view),
            clients=self.troubles(),
            next=encode_cursor(order, keys[limit - 1]) if more else None,
        )

    def check(self, only: Filter) -> None:
        """Raises Problem for a filter that no row can ever match, and where there is no queue."""
        self.features.need("queue")
        for client in only.clients:
            self.known(client)
        check_words("state", only.states, [state.value for state in State])
        check_words("health", only.healths, [health.value for health in Health])

    def known(self, client: str) -> str:
        """The client's name, if it is configured; raises Problem listing those that are."""
        if client not in self._clients:
            names = ", ".join(sorted(self._clients)) or "none; add one under clients: in sluice.yaml"
            raise Problem("unknown_client", 404, f"no client {client[:40]!r} is configured; there are: {names}")
        return client

    def entry(self, client: str, download_id: str) -> Entry:
        """One row by its id or an alias; raises Problem where there is none."""
        found = self.live.get(self.known(client), download_id)
        if found is None:
            raise self.unknown(client, download_id)
        return found

    def unknown(self, client: str, download_id: str) -> Problem:
        """The refusal of a download that is not there."""
        return Problem("unknown_download", 404, f"{client} has no download {download_id[:64]!r}; see GET /api/v1/queue")

    def row(self, entry: Entry) -> QueueRow:
        """One row as the API shows it."""
        return self.rows([entry])[0]

    async def detail(self, entry: Entry, request_id: str) -> DownloadDetail:
        """One row with its import; an importer that does not answer is no reason not to show the row."""
        client, row = entry.key[0], entry.download
        found, association = await asyncio.gather(
            self._import_of(entry, request_id), self._association_of(entry, request_id)
        )
        return DownloadDetail(
            **row_fields(entry, self._freshness.of(client), self.position(client)),
            last_import=found,
            association=association,
            aliases=list(row.aliases),
            first_seen=row.first_seen,
        )

    async def _association_of(self, entry: Entry, request_id: str) -> Association | None:
        if "import" not in self.features:
            return None
        client, download_id = entry.key
        body, subject = AssociationOf(client=client, download_id=download_id), subjects.rpc("importer", "association")
        try:
            return await self._ask(subject, body, Association, request_id, OPTIONAL_WITHIN)
        except Problem:
            return None

    async def _import_of(self, entry: Entry, request_id: str) -> Import | None:
        if entry.overlay.import_id is None:
            return None
        body = ImportId(id=entry.overlay.import_id)
        try:
            return await self._ask(subjects.rpc("importer", "imports.get"), body, Import, request_id, OPTIONAL_WITHIN)
        except Problem:
            return None

    def rows(self, entries: Sequence[Entry]) -> list[QueueRow]:
        """Rows as the API shows them, all judged at one moment."""
        states = {client: self._freshness.of(client) for client in {entry.key[0] for entry in entries}}
        places = {client: self.position(client) for client in states}
        return [queue_row(entry, states[entry.key[0]], places[entry.key[0]]) for entry in entries]

    def position(self, client: str) -> TablePosition | None:
        """Up to where the client's table is shown here."""
        return table_position(self.live.position(client))

    def stale(self, client: str) -> bool:
        """Whether the client's rows are stale now."""
        return self._freshness.of(client).stale

    def troubles(self) -> list[ClientTrouble]:
        """Every configured client that an answer has to name."""
        return [client_trouble(state) for state in self._freshness.all() if state.troubled]

    def clients(self) -> list[ClientRow]:
        """Every configured client."""
        return [self._client(name) for name in self._clients]

    def _client(self, name: str) -> ClientRow:
        state, status, settings = self._freshness.of(name), self._statuses.get(name), self._clients[name]
        told: dict[str, Any] = {field: getattr(status, field, None) for field in _TOLD}
        judged: dict[str, Any] = {field: getattr(state, field) for field in _JUDGED}
        return ClientRow(
            type=settings.type, enabled=settings.enabled, downloads=self.live.count(name), **judged, **told
        )

    async def files(self, client: str, download_id: str, start: int, request_id: str) -> Files:
        """A page of the client's own file list, through its poller."""
        entry = self.entry(client, download_id)
        subject = subjects.command(client, "files")
        return await self._ask(subject, FilesOf(id=entry.download.id, start=start), Files, request_id)

    async def settings(self, client: str, download_id: str, request_id: str) -> OwnSettings:
        """What is set in a download, through its client's poller."""
        entry = self.entry(client, download_id)
        return await self._ask(
            subjects.command(client, "settings"), Look(id=entry.download.id), OwnSettings, request_id
        )

    async def importer(self, method: str, body: object, kind: type[R], request_id: str) -> R:
        """Ask the importer, where there is one: raises Problem `imports_off` where there is none to wait for."""
        self.features.need("import")
        return await self._ask(subjects.rpc("importer", method), body, kind, request_id)

    async def history(self, body: object, kind: type[R], request_id: str) -> R:
        """Ask the history."""
        return await self._ask(subjects.rpc("history", "list"), body, kind, request_id)

    async def _ask(self, subject: str, body: object, kind: type[R], request_id: str, within: float = RPC_WITHIN) -> R:
        try:
            return await call(self._bus, subject, body, kind, request_id=request_id, within=within, actor="api")
        except msgspec.MsgspecError as error:
            raise Problem("bad_answer", 502, "a service answered what this gateway does not understand") from error


_TOLD = ("latency_ms", "version", "free_space", "down_speed", "up_speed")
_JUDGED = ("name", "health", "stale", "reason", "message", "last_good_poll", "age_seconds")


def check_words(name: str, words: Sequence[str], known: Sequence[str]) -> None:
    """Raise Problem invalid_request, listing what there is, for a word that is not among the `known` ones."""
    for word in words:
        if word not in known:
            raise Problem("invalid_request", 400, f"{name}={word[:40]!r} does not exist; use one of {', '.join(known)}")

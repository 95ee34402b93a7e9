"""Writes. An add is validated, associated with the importer, then sent to its client; everything else goes straight to
the holder of the client's lease. Every answer is given once our own replica shows the effect."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import Replica
from sluice_common.bus.rpc import call
from sluice_common.contracts import subjects
from sluice_common.contracts.commands import Act, Add, Done, Remove, Retry
from sluice_common.contracts.library import Associate, Association, Source, SourceOf, Withdraw
from sluice_common.contracts.rpc import Empty
from sluice_common.kit import log as logging
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import OURS, Settings
from sluice_common.model.metainfo import MAX_TORRENT_BYTES
from sluice_gateway import imported
from sluice_gateway.live.freshness import Freshness
from sluice_gateway.live.rows import Entry
from sluice_gateway.queries import Queries
from sluice_gateway.remembered import Remembered
from sluice_gateway.schemas import AddedRow, NewDownload, Outcome, QueueRow, TablePosition
from sluice_gateway.sources import Wanted, check_save_path, resolve

log = logging.get(__name__)

R = TypeVar("R")

COMMAND_WITHIN = 30.0
SHOWN_WITHIN = 3.0
# Refusals after which it is certain that the client never got the add.
_NEVER_SENT = ("no_responder", "deadline_passed", "not_holder")
# A duplicate that our table did not show is most likely this very add, repeated after a lost answer.
_SENT_BEFORE = ("duplicate", "already_running")


class Duplicate(Problem):
    """The download is already there; `download` is its row."""

    def __init__(self, row: QueueRow) -> None:
        name = row.name[:80] or row.id
        super().__init__(
            "duplicate", 409, f"{row.client} already has {name!r}; the existing download is under `download`"
        )
        self.download = row


class Commands:
    """Everything that changes something."""

    def __init__(
        self,
        bus: Bus,
        replica: Replica,
        queries: Queries,
        settings: Settings,
        freshness: Freshness,
    ) -> None:
        self._bus = bus
        self._replica = replica
        self._queries = queries
        self._clients = settings.clients
        self._freshness = freshness
        self._features = queries.features
        self._allow = settings.fetch.allow
        self._remembered = Remembered()

    async def add(self, new: NewDownload, request_id: str) -> AddedRow | Outcome:
        """Add a download; its row with a note where it will not be imported, or where it will show if the replica takes
        longer than 3 s.

        Raises Problem: unknown_client, category_invalid, category_not_ours, save_path_invalid, bad_source, too_large,
        torrent_invalid, magnet_invalid, url_…, duplicate (409, with the row), key_reused, what the importer says of the
        media item and the client of the download.
        """
        self._features.need("queue")
        client = self._choose(new.client)
        imported.check_category(new.category)
        command = ("add", client, new)
        done = await self._remembered.once(request_id, command, lambda: self._add_new(client, new, request_id))
        return self._noted(await self._shown(client, done), client, new.category)

    def _noted(self, shown: QueueRow | Outcome, client: str, category: str | None) -> AddedRow | Outcome:
        wanted = "import" in self._features
        note = imported.note(client, self._clients[client].owners, category) if wanted else None
        if isinstance(shown, Outcome):
            return msgspec.structs.replace(shown, note=note)
        fields = {name: getattr(shown, name) for name in shown.__struct_fields__}
        return AddedRow(**fields, note=note)

    async def _add_new(self, client: str, new: NewDownload, request_id: str) -> Done:
        self._refuse_if_down(client)
        self._refuse_if_not_ours(client, new)
        check_save_path(new.save_path)
        wanted = await resolve(new, self._allow)
        existing = self._existing(client, wanted)
        if existing is not None:
            raise Duplicate(self._queries.row(existing))
        add = Add(
            magnet=wanted.magnet,
            torrent=wanted.torrent,
            save_path=new.save_path,
            category=new.category,
            paused=new.paused,
        )
        await self._associate(client, wanted, add, new.media_item, request_id)
        return await self._add(client, wanted, add, request_id)

    def _choose(self, client: str | None) -> str:
        if client is not None:
            return self._queries.known(client)
        if len(self._clients) == 1:
            return next(iter(self._clients))
        names = ", ".join(sorted(self._clients)) or "none; add one under clients: in sluice.yaml"
        raise Problem("client_required", 400, f"say which client; there are: {names}")

    def _refuse_if_not_ours(self, client: str, new: NewDownload) -> None:
        """A media item says that we shall import it; in a category that is not ours nobody would."""
        owners = self._clients[client].owners
        if new.media_item is None or owners.get(new.category or "") == OURS:
            return
        ours = imported.ours(owners)
        hint = (
            f"give one of these categories: {ours}"
            if ours
            else f"give a category to sluice under clients.{client}.owners"
        )
        raise Problem("category_not_ours", 400, f"only what sluice owns is imported; {hint}")

    def _refuse_if_down(self, client: str) -> None:
        """A client that is known to be down is not asked again by everybody who waits for it."""
        state = self._freshness.of(client)
        if state.reason == "disabled":
            raise Problem("client_disabled", 409, f"clients.{client}.enabled is false; enable it first")
        if state.health != "error":
            return
        why = f"{client}: {state.message or state.reason or 'not reachable'}"
        if state.reason == "auth_failed":
            raise Problem("client_auth_failed", 502, f"{why}; check the username and password in the configuration")
        code = "client_unavailable" if state.reason in (None, "unreachable") else f"client_{state.reason}"
        raise Problem(code, 503, f"{why}; nothing was changed, try again when the client is back")

    def _existing(self, client: str, wanted: Wanted) -> Entry | None:
        for name in wanted.names:
            found = self._queries.live.get(client, name)
            if found is not None:
                return found
        return None

    async def _associate(self, client: str, wanted: Wanted, add: Add, media_item: str | None, request_id: str) -> None:
        if "import" not in self._features and media_item is None:
            return
        body = Associate(
            request_id=request_id,
            client=client,
            download_id=wanted.names[0],
            source=add,
            # A hostile .torrent's name may hold what no database takes; whether to take it is the client's call.
            name=wanted.name.replace("\0", "\ufffd") if wanted.name else None,
            media_item=media_item,
        )
        await self._queries.importer("associate", body, Association, request_id)

    async def _add(self, client: str, wanted: Wanted, add: Add, request_id: str) -> Done:
        try:
            return await self._command(client, "add", add, request_id)
        except Problem as problem:
            never_sent = problem.status < 500 or problem.code in _NEVER_SENT
            if never_sent and problem.code not in _SENT_BEFORE:
                await self._withdraw(request_id)
            existing = self._existing(client, wanted)
            if problem.code == "duplicate" and existing is not None:
                raise Duplicate(self._queries.row(existing)) from problem
            raise

    async def _withdraw(self, request_id: str) -> None:
        """The refusal is what the caller must hear; a pending association that stays expires by itself."""
        if "import" not in self._features:
            return
        try:
            await self._queries.importer("withdraw", Withdraw(request_id=request_id), Empty, request_id)
        except Problem as problem:
            log.warning("withdraw_failed", code=problem.code, request_id=request_id)

    async def act(self, client: str, download_id: str, verb: str, request_id: str) -> QueueRow | Outcome:
        """Pause, resume or recheck; the row afterwards. Raises Problem."""
        self._features.need("queue")

        async def carry_out() -> Done:
            row = self._queries.entry(client, download_id).download
            self._refuse_if_down(client)
            return await self._command(client, verb, Act(id=row.id, epoch=row.epoch), request_id)

        done = await self._remembered.once(request_id, (verb, client, download_id), carry_out)
        return await self._shown(client, done)

    async def remove(self, client: str, download_id: str, request_id: str, *, with_data: bool) -> Outcome:
        """Take the download out of its client; the answer comes when it is gone from the queue. Raises Problem."""
        self._features.need("queue")

        async def carry_out() -> Done:
            row = self._queries.entry(client, download_id).download
            self._refuse_if_down(client)
            body = Remove(id=row.id, epoch=row.epoch, with_data=with_data)
            return await self._command(client, "remove", body, request_id)

        done = await self._remembered.once(request_id, ("remove", client, download_id, with_data), carry_out)
        await self._reached(client, done)
        return self._outcome(client, done)

    async def retry(self, client: str, download_id: str, request_id: str) -> QueueRow | Outcome:
        """Take it out, keeping its data, and add it again from the source that the importer stored. Raises Problem."""
        self._features.need("queue")

        async def carry_out() -> Done:
            return await self._command(
                client, "retry", await self._retried(client, download_id, request_id), request_id
            )

        done = await self._remembered.once(request_id, ("retry", client, download_id), carry_out)
        return await self._shown(client, done)

    async def _retried(self, client: str, download_id: str, request_id: str) -> Retry:
        """A retry that failed half-way left no row: where the source is still known, it is added from there."""
        entry = self._queries.live.get(self._queries.known(client), download_id)
        if entry is None and "import" in self._features:
            source = await self._source_of_absent(client, download_id, request_id)
            self._refuse_if_down(client)
            return Retry(id=download_id, source=source)
        row = self._queries.entry(client, download_id).download
        self._features.need("import")
        self._refuse_if_down(client)
        return Retry(id=row.id, epoch=row.epoch, source=await self._source(client, row.id, request_id))

    async def _source_of_absent(self, client: str, download_id: str, request_id: str) -> Add:
        try:
            return await self._source(client, download_id, request_id)
        except Problem as problem:
            if problem.status < 500:
                raise self._queries.unknown(client, download_id) from problem
            raise

    async def _source(self, client: str, download_id: str, request_id: str) -> Add:
        """What the importer stored, put together from its parts."""
        torrent, start = bytearray(), 0
        while True:
            body = SourceOf(client=client, download_id=download_id, start=start)
            part = await self._queries.importer("source", body, Source, request_id)
            torrent += part.torrent or b""
            if part.next is None or part.next <= start or len(torrent) > MAX_TORRENT_BYTES:
                return Add(
                    magnet=part.magnet,
                    torrent=bytes(torrent) or None,
                    save_path=part.save_path,
                    category=part.category,
                )
            start = part.next

    async def _command(self, client: str, verb: str, body: object, request_id: str) -> Done:
        subject = subjects.command(client, verb)
        try:
            done = await call(self._bus, subject, body, Done, request_id=request_id, within=COMMAND_WITHIN, actor="api")
        except msgspec.MsgspecError as error:
            raise Problem("bad_answer", 502, "the poller answered what this gateway does not understand") from error
        log.info("command_done", verb=verb, client=client, request_id=request_id)
        return done

    async def _shown(self, client: str, done: Done) -> QueueRow | Outcome:
        await self._reached(client, done)
        entry = self._queries.live.get(client, done.id)
        return self._queries.row(entry) if entry is not None else self._outcome(client, done)

    async def _reached(self, client: str, done: Done) -> None:
        if done.position is not None:
            await self._replica.reached(client, done.position, SHOWN_WITHIN)

    def _outcome(self, client: str, done: Done) -> Outcome:
        entry, at = self._queries.live.get(client, done.id), done.position
        return Outcome(
            client=client,
            id=done.id,
            epoch=done.epoch,
            position=TablePosition(incarnation=at.incarnation, sequence=at.sequence) if at is not None else None,
            download=self._queries.row(entry) if entry is not None else None,
        )

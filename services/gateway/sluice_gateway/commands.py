"""Writes. An add is validated, associated with the importer, then sent to its client; everything else goes straight to
the holder of the client's lease. Every answer is given once our own replica shows the effect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from sluice_common.bus.replica import Replica
from sluice_common.contracts.commands import Act, Add, Alter, Done, Remove, Retry
from sluice_common.contracts.library import Associate, Association, Source, SourceOf, Withdraw
from sluice_common.contracts.rpc import Empty
from sluice_common.kit import log as logging
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import OURS, Settings
from sluice_common.model.download import Download
from sluice_common.model.metainfo import MAX_TORRENT_BYTES
from sluice_gateway import changes, checks, imported
from sluice_gateway.caller import Caller
from sluice_gateway.checks import check_tags
from sluice_gateway.folders import refuse_library
from sluice_gateway.holders import Holders
from sluice_gateway.live.rows import Entry
from sluice_gateway.queries import Queries
from sluice_gateway.remembered import Remembered
from sluice_gateway.schemas import AddedRow, NewDownload, Outcome, QueueRow, table_position
from sluice_gateway.sources import Wanted, check_save_path, resolve

log = logging.get(__name__)

SHOWN_WITHIN = 3.0
# Refusals after which the client never got the add; not so `not_holder`, as who holds it by now heard the request too.
_NEVER_SENT = ("no_responder", "deadline_passed")
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
        holders: Holders,
        replica: Replica,
        queries: Queries,
        settings: Settings,
    ) -> None:
        self._holders = holders
        self._replica = replica
        self._queries = queries
        self._clients = settings.clients
        self._features = queries.features
        # Without the import nobody fills them, and what lies there is no business of ours.
        self._libraries = settings.libraries if "import" in queries.features else {}
        self._allow = settings.fetch.allow
        self._remembered = Remembered()

    def need(self) -> None:
        """Raise Problem queue_off where there is no queue to change."""
        self._features.need("queue")

    async def add(self, new: NewDownload, caller: Caller) -> AddedRow | Outcome:
        """Add a download; its row with a note where it will not be imported, or where it will show if the replica takes
        longer than 3 s.

        Raises Problem: unknown_client, category_invalid, category_not_ours, tag_invalid, save_path_invalid,
        save_path_in_library, bad_source, too_large, torrent_invalid, magnet_invalid, url_…, duplicate (409, with the
        row), key_reused, what the importer says of the media item and the client of the download.
        """
        self.need()
        client = self._choose(new.client)
        imported.check_category(new.category)
        check_tags(new.tags)
        command = ("add", client, new)
        done = await self.once(caller, command, lambda: self._add_new(client, new, caller))
        return _with_note(await self._shown(client, done), self._note(client, new.category))

    def _note(self, client: str, category: str | None) -> str | None:
        """Why what is in this category will not be imported."""
        wanted = "import" in self._features
        return imported.note(client, self._clients[client].owners, category) if wanted else None

    async def _add_new(self, client: str, new: NewDownload, caller: Caller) -> Done:
        self._holders.refuse_if_down(client)
        self._refuse_if_not_ours(client, new)
        check_save_path(new.save_path)
        refuse_library(new.save_path, self._clients[client], self._libraries)
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
            tags=new.tags,
            sequential=new.sequential,
            first_last=new.first_last,
            download_limit=new.download_limit or None,
            upload_limit=new.upload_limit or None,
        )
        await self._associate(client, wanted, add, new.media_item, caller)
        return await self._add(client, wanted, add, caller)

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

    def _existing(self, client: str, wanted: Wanted) -> Entry | None:
        for name in wanted.names:
            found = self._queries.live.get(client, name)
            if found is not None:
                return found
        return None

    async def _associate(self, client: str, wanted: Wanted, add: Add, media_item: str | None, caller: Caller) -> None:
        if "import" not in self._features and media_item is None:
            return
        body = Associate(
            request_id=caller.request_id,
            client=client,
            download_id=wanted.names[0],
            source=add,
            # A hostile .torrent's name may hold what no database takes; whether to take it is the client's call.
            name=wanted.name.replace("\0", "\ufffd") if wanted.name else None,
            media_item=media_item,
        )
        await self._queries.importer("associate", body, Association, caller.request_id)

    async def _add(self, client: str, wanted: Wanted, add: Add, caller: Caller) -> Done:
        try:
            return await self._holders.send(client, "add", add, Done, caller)
        except Problem as problem:
            never_sent = problem.status < 500 or problem.code in _NEVER_SENT
            if never_sent and problem.code not in _SENT_BEFORE:
                await self._withdraw(caller)
            existing = self._existing(client, wanted)
            if problem.code == "duplicate" and existing is not None:
                raise Duplicate(self._queries.row(existing)) from problem
            raise

    async def _withdraw(self, caller: Caller) -> None:
        """The refusal is what the caller must hear; a pending association that stays expires by itself."""
        if "import" not in self._features:
            return
        try:
            await self._queries.importer("withdraw", Withdraw(request_id=caller.request_id), Empty, caller.request_id)
        except Problem as problem:
            log.warning("withdraw_failed", code=problem.code, request_id=caller.request_id)

    async def act(self, client: str, download_id: str, verb: str, caller: Caller) -> QueueRow | Outcome:
        """Pause, resume or recheck; the row afterwards. Raises Problem."""
        self.need()

        async def carry_out() -> Done:
            row = self._queries.entry(client, download_id).download
            self._holders.refuse_if_down(client)
            return await self._holders.send(client, verb, Act(id=row.id, epoch=row.epoch), Done, caller)

        done = await self.once(caller, (verb, client, download_id), carry_out)
        return await self._shown(client, done)

    async def edit(self, client: str, download_id: str, edit: changes.Edit, caller: Caller) -> AddedRow | Outcome:
        """Change it; the row afterwards, with a note where a new category means that it will not be imported.

        Raises Problem: what `checks.check` refuses, save_path_in_library, `unsupported` (501) where the client cannot.
        """
        self.need()
        checks.check(edit)
        if isinstance(edit, changes.Move):
            refuse_library(edit.save_path, self._clients[self._queries.known(client)], self._libraries)

        async def carry_out() -> Done:
            row = self._queries.entry(client, download_id).download
            self._holders.refuse_if_down(client)
            return await self._holders.send(client, "alter", Alter(id=row.id, edit=edit, epoch=row.epoch), Done, caller)

        done = await self.once(caller, ("edit", client, download_id, edit), carry_out)
        note = self._note(client, edit.category) if isinstance(edit, changes.SetCategory) else None
        return _with_note(await self._shown(client, done), note)

    async def remove(self, client: str, download_id: str, caller: Caller, *, with_data: bool) -> Outcome:
        """Take the download out of its client; the answer comes when it is gone from the queue. Raises Problem."""
        self.need()

        async def carry_out() -> Done:
            row = self._queries.entry(client, download_id).download
            self._holders.refuse_if_down(client)
            body = Remove(id=row.id, epoch=row.epoch, with_data=with_data)
            return await self._holders.send(client, "remove", body, Done, caller)

        done = await self.once(caller, ("remove", client, download_id, with_data), carry_out)
        await self.reached(client, done)
        return self._outcome(client, done)

    async def retry(self, client: str, download_id: str, caller: Caller) -> AddedRow | Outcome:
        """Take it out, keeping its data, and add it again from the source that the importer stored; its row with a note
        of what was set on it and could not be set again. Raises Problem, `not_added_again` where the client does not
        take it back: its source is kept.
        """
        self.need()

        async def carry_out() -> Done:
            body = await self._retried(client, download_id, caller)
            return await self._holders.send(client, "retry", body, Done, caller)

        done = await self.once(caller, ("retry", client, download_id), carry_out)
        note = f"not as it was before, set it again: {', '.join(done.lost)}" if done.lost else None
        return _with_note(await self._shown(client, done), note)

    async def _retried(self, client: str, download_id: str, caller: Caller) -> Retry:
        """A retry that failed half-way left no row: where the source is still known, it is added from there."""
        entry = self._queries.live.get(self._queries.known(client), download_id)
        if entry is None and "import" in self._features:
            source = await self._source_of_absent(client, download_id, caller)
            self._holders.refuse_if_down(client)
            return Retry(id=download_id, source=source)
        row = self._queries.entry(client, download_id).download
        self._features.need("import")
        self._holders.refuse_if_down(client)
        return Retry(id=row.id, epoch=row.epoch, source=_as_it_is(await self._source(client, row.id, caller), row))

    async def _source_of_absent(self, client: str, download_id: str, caller: Caller) -> Add:
        try:
            return await self._source(client, download_id, caller)
        except Problem as problem:
            if problem.status < 500:
                raise self._queries.unknown(client, download_id) from problem
            raise

    async def _source(self, client: str, download_id: str, caller: Caller) -> Add:
        """What the importer stored, put together from its parts."""
        torrent, start = bytearray(), 0
        while True:
            body = SourceOf(client=client, download_id=download_id, start=start)
            part = await self._queries.importer("source", body, Source, caller.request_id)
            torrent += part.torrent or b""
            if part.next is None or part.next <= start or len(torrent) > MAX_TORRENT_BYTES:
                return Add(
                    magnet=part.magnet,
                    torrent=bytes(torrent) or None,
                    save_path=part.save_path,
                    category=part.category,
                )
            start = part.next

    async def _shown(self, client: str, done: Done) -> QueueRow | Outcome:
        await self.reached(client, done)
        entry = self._queries.live.get(client, done.id)
        return self._queries.row(entry) if entry is not None else self._outcome(client, done)

    async def once(self, caller: Caller, command: object, carry_out: Callable[[], Awaitable[Done]]) -> Done:
        """What `Remembered.once` says of the caller's request id."""
        return await self._remembered.once(caller.request_id, command, carry_out)

    async def reached(self, client: str, done: Done) -> None:
        """Wait, for at most 3 s, until our own replica shows what the command did."""
        if done.position is not None:
            await self._replica.reached(client, done.position, SHOWN_WITHIN)

    def _outcome(self, client: str, done: Done) -> Outcome:
        entry = self._queries.live.get(client, done.id)
        return Outcome(
            client=client,
            id=done.id,
            epoch=done.epoch,
            position=table_position(done.position),
            download=self._queries.row(entry) if entry is not None else None,
        )


def _with_note(shown: QueueRow | Outcome, note: str | None) -> AddedRow | Outcome:
    if isinstance(shown, Outcome):
        return msgspec.structs.replace(shown, note=note)
    return AddedRow(**{name: getattr(shown, name) for name in shown.__struct_fields__}, note=note)


def _as_it_is(source: Add, row: Download) -> Add:
    """The source with what was edited since: added again into the old folder, it would be downloaded again."""
    return msgspec.structs.replace(
        source, save_path=row.save_path or source.save_path, category=row.category or source.category, tags=row.tags
    )

"""The second half of a retry: what was taken out is added again, with what was set on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from sluice_client_poller import again, effects
from sluice_client_poller.adapters.port import NewDownload, Terms
from sluice_client_poller.progress import DEED
from sluice_client_poller.session import Session
from sluice_common.kit import log as logging
from sluice_common.kit.errors import ClientError, Problem
from sluice_common.model.download import Download
from sluice_common.model.edits import AnyEdit, ForceStart

log = logging.get(__name__)

NOTED = 1000
TAKEN_OUT = "it was taken out, its data and its source kept"
_ADDED_OR_NOT = f"{TAKEN_OUT}; whether it was added again is not known: retry it again"
_HALF_SET = "it was added again, perhaps paused and without all that was set on it: retry it again"


# The epoch that was first taken out, and what was set on it.
Noted: TypeAlias = tuple[str, Terms]


class Retries:
    """What was set on downloads until they are added again with it, for as long as this process holds their client."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._noted: OrderedDict[str, Noted] = OrderedDict()

    async def read(self, row: Download) -> Noted:
        """What is to be set again. Another epoch than noted is what an earlier try added, perhaps without all of it."""
        noted = self._noted.get(row.id)
        if noted is not None and noted[0] != row.epoch:
            return noted
        terms = await self._session.adapter.terms(self._session.client_name_of(row))
        return row.epoch, msgspec.structs.replace(terms, forced=row.forced)

    def note(self, row: Download, noted: Noted) -> None:
        """Keep it, once the client may have taken out the row."""
        self._noted[row.id] = noted
        while len(self._noted) > NOTED:
            self._noted.popitem(last=False)

    def forget(self, download_id: str) -> None:
        """Nothing of it is to be set again: what comes under this id is another download."""
        self._noted.pop(download_id, None)

    async def add_again(
        self, download_id: str, source: NewDownload, *, was_out: bool
    ) -> tuple[str, tuple[str, ...], effects.Effect]:
        """Add it with what was noted of it: its id, the kinds of what the client did not take, what its row will show.

        One that `was_out` when the retry began may be there all the same, added by an earlier try: what was noted is
        set on that one. Raises Problem("not_added_again"), or "unknown_outcome" with where it stands.
        """
        deed, (_, terms) = DEED.get(), self._noted.get(download_id, ("", Terms()))
        deed.stands = _ADDED_OR_NOT
        new = again.added(source, terms)
        try:
            added_id, was_there = await deed.change(self._added(new, was_out=was_out))
        except Problem as problem:
            detail = f"{TAKEN_OUT}, and not added again: {problem}"
            raise Problem("not_added_again", problem.status, detail) from problem
        except ClientError as error:
            raise deed.cut_off(str(error)) from error
        deed.stands = _HALF_SET
        held = not source.paused and (new.paused or was_there)
        try:
            lost = await self._set(added_id, await self._left(added_id, terms))
            if held:
                await self._session.adapter.resume(added_id)
            if terms.forced and not source.paused:
                lost += await self._set(added_id, [ForceStart()])
        except (ClientError, Problem) as error:
            raise deed.cut_off(str(error)) from error
        deed.stands = None
        self.forget(download_id)
        return added_id, lost, effects.runs if held else effects.is_there

    async def _added(self, new: NewDownload, *, was_out: bool) -> tuple[str, bool]:
        """Its id, and whether it was there already; what was only just taken out may be on its way out."""
        try:
            return await self._session.adapter.add(new), False
        except Problem as problem:
            known = problem.extra.get("id")
            if problem.code != "duplicate" or not was_out or not isinstance(known, str):
                raise
            return known, True

    async def _left(self, download_id: str, terms: Terms) -> tuple[AnyEdit, ...]:
        return again.edits(terms, await self._session.adapter.terms(download_id)) if terms != Terms() else ()

    async def _set(self, download_id: str, edits: Iterable[AnyEdit]) -> tuple[str, ...]:
        """What the client does not take is no reason to be without the download: the kinds of those edits."""
        lost = []
        for edit in edits:
            try:
                await self._session.adapter.alter(download_id, edit)
            except Problem as problem:
                kind = str(edit.__struct_config__.tag)
                log.warning("not_set_again", client=self._session.name, id=download_id, kind=kind, code=problem.code)
                lost.append(kind)
        return tuple(lost)

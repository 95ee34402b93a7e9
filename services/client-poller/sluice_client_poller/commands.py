"""Commands of one client, carried out at most once, under the lease, before their deadline and on the right epoch."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import msgspec

from sluice_client_poller import again, audit, effects
from sluice_client_poller.adapters import guard, versions
from sluice_client_poller.adapters.port import NewDownload, Terms
from sluice_client_poller.lease import Lease
from sluice_client_poller.metrics import COMMANDS
from sluice_client_poller.own import own_settings
from sluice_client_poller.session import Session, with_intent
from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import Stoppable, serve_each
from sluice_common.contracts import commands, doctor, rpc, subjects
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import (
    BusUnavailable,
    ClientError,
    ClientUnavailable,
    Fenced,
    Problem,
    SluiceError,
)
from sluice_common.model.download import Download, Intent
from sluice_common.model.edits import AnyEdit, ForceStart, Limits, OwnSettings
from sluice_common.model.enums import IntentKind

log = logging.get(__name__)

REMEMBERED = 1000
FILES_BUDGET = rpc.PAGE_BYTES
# In the place of a download's id, where a command is about no single one.
_WHOLE_CLIENT = ""
_TAKEN_OUT = "it was taken out, its data and its source kept"

Handler = Callable[[Any, rpc.Request], Awaitable[object]]
T = TypeVar("T")


class Deed:
    """How far a command came: `sends` counts the requests that change something and that the client may have,
    `accepted` is true once it said so; `row` is what it met."""

    def __init__(self) -> None:
        self.sends = 0
        self.accepted = False
        self.row: Download | None = None

    @property
    def sent(self) -> bool:
        """Whether the client may have been changed."""
        return self.sends > 0

    async def change(self, call: Awaitable[T]) -> T:
        """Await an adapter's changing call. What it refuses with a Problem was not done."""
        self.accepted = False
        try:
            result = await call
        except Problem:
            self.sends = 0
            raise
        except ClientUnavailable as error:
            self.sends -= error.unsent
            raise
        self.sends, self.accepted = max(self.sends, 1), True
        return result

    @property
    def leaves_open(self) -> tuple[type[ClientError], ...]:
        """The errors of the client after which nobody knows what it made of the command."""
        return (ClientError,) if self.accepted else (ClientUnavailable,) if self.sent else ()

    def unknown(self, error: ClientError) -> Problem:
        """What is said of one that the client may have."""
        why = "the client took it, but could not be looked at since" if self.accepted else "the client does not answer"
        return _unknown(f"{why} ({error})")


_DEED: ContextVar[Deed] = ContextVar("deed")


def _accepted(row: Download, epoch: str, request_id: str) -> Download:
    """The row with its intent accepted, unless it is another row or another request's by now."""
    if row.epoch != epoch or row.intent is None or row.intent.request_id != request_id:
        return row
    return with_intent(row, accepted=True)


def _new(body: commands.Add) -> NewDownload:
    return NewDownload(**{name: getattr(body, name) for name in body.__struct_fields__})


def _unknown(why: str) -> Problem:
    return Problem(audit.UNKNOWN, 503, f"{why}; look at the queue before trying again")


class Commands:
    """The verbs of one client for as long as its lease is ours."""

    def __init__(self, bus: Bus, session: Session, lease: Lease, clock: Clock) -> None:
        self._bus = bus
        self._session = session
        self._lease = lease
        self._clock = clock
        self._done: OrderedDict[bytes, object] = OrderedDict()
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._running: list[Stoppable] = []
        self._open = 0
        self._terms: OrderedDict[str, Terms] = OrderedDict()
        self._verbs: dict[str, tuple[type[Any], Handler]] = {
            "add": (commands.Add, self._once("add", self.add)),
            "pause": (commands.Act, self._once("pause", self._act(session.adapter.pause, effects.is_paused))),
            "resume": (commands.Act, self._once("resume", self._act(session.adapter.resume, effects.runs))),
            "recheck": (commands.Act, self._once("recheck", self._act(session.adapter.recheck, effects.is_there))),
            "remove": (commands.Remove, self._once("remove", self.remove)),
            "retry": (commands.Retry, self._once("retry", self.retry)),
            "alter": (commands.Alter, self._once("alter", self.alter)),
            "steer": (commands.Steer, self._once("steer", self.steer)),
            "files": (commands.FilesOf, self.files),
            "look": (commands.Look, self.seen),
            "settings": (commands.Look, self.settings),
            "limits": (rpc.Empty, self.limits),
            "about": (rpc.Empty, self.about),
        }

    @property
    def are_idle(self) -> bool:
        """Whether none is being carried out."""
        return not self._open

    async def start(self) -> None:
        """Take commands."""
        handlers = {verb: (kind, self._told(verb, handler)) for verb, (kind, handler) in self._verbs.items()}
        subject = subjects.command(self._session.name, "*")
        self._running.append(await serve_each(self._bus, subject, handlers, slow=audit.CHANGING))

    async def stop(self) -> None:
        """Take no more commands."""
        for subscription in self._running:
            await subscription.stop()
        self._running.clear()

    async def do(self, verb: str, body: object, request: rpc.Request) -> object:
        """Carry out a command of our own by the same rules as everybody's.

        As for them, a bug in our code is that command's Problem and stops nothing else.
        """
        try:
            return await self._told(verb, self._verbs[verb][1])(body, request)
        except SluiceError:
            raise
        except Exception as error:
            log.exception("command_failed", client=self._session.name, verb=verb)
            raise Problem("internal_error", 500, f"a bug ({type(error).__name__}); the log says more") from error

    def _told(self, verb: str, handler: Handler) -> Handler:
        """Counted and logged, whatever becomes of it; what changes something is an event as well."""

        async def handle(body: Any, request: rpc.Request) -> object:
            deed, outcome, value = Deed(), "failed", None
            token = _DEED.set(deed)
            try:
                with guard.guarded(partial(self._refuse_to_go_on, request)):
                    value = await self._in_time(handler, body, request)
                outcome = audit.OK
            except Problem as problem:
                outcome = problem.code
                raise
            except ClientError as error:
                outcome = error.reason
                raise
            finally:
                _DEED.reset(token)
                if (deed.accepted and outcome != audit.OK) or (deed.sent and outcome == "failed"):
                    outcome = audit.UNKNOWN
                await self._tell(verb, body, request, outcome, value, deed)
            return value

        async def counted(body: Any, request: rpc.Request) -> object:
            self._open += 1
            try:
                return await handle(body, request)
            finally:
                self._open -= 1

        return counted

    async def _tell(self, verb: str, body: Any, request: rpc.Request, outcome: str, value: object, deed: Deed) -> None:
        COMMANDS.labels(verb, outcome).inc()
        log.info(
            "command",
            client=self._session.name,
            verb=verb,
            actor=request.actor,
            outcome=outcome,
            request_id=request.request_id,
        )
        if verb in audit.CHANGING:
            now = self._clock.now()
            download_id = audit.id_of(body, value)
            event = audit.event_of(
                self._session.name,
                verb,
                body,
                request,
                outcome,
                value,
                now,
                accepted=deed.accepted,
                before=deed.row,
                after=self._session.row(download_id) if download_id is not None else None,
            )
            await audit.tell(self._bus, event)

    async def _in_time(self, handler: Handler, body: Any, request: rpc.Request) -> object:
        try:
            async with asyncio.timeout((request.deadline - self._clock.now()).total_seconds()):
                return await handler(body, request)
        except TimeoutError as error:
            if not _DEED.get().sent:
                raise Problem("deadline_passed", 504, "the deadline passed before the client was asked") from error
            raise Problem(audit.UNKNOWN, 504, "the effect was not seen before the deadline") from error
        except (BusUnavailable, Fenced) as error:
            raise _unknown(str(error)) from error

    def _once(self, verb: str, handler: Handler) -> Handler:
        """A request that was seen is not carried out again; its first answer is repeated.

        So is an outcome that is not known: only what failed before the client was asked, or what the client refused,
        may be sent again. The same id on another command is another request: it must not be answered with what was
        done before.
        """

        async def handle(body: Any, request: rpc.Request) -> object:
            key, deed = audit.key_of(verb, body, request), _DEED.get()
            if key in self._done:
                known = self._done[key]
                if known is None:
                    raise Problem("already_running", 409, "this very request is being carried out; wait for its effect")
                if isinstance(known, Deed):
                    deed.accepted = known.accepted
                    raise _unknown("it was sent before")
                return known
            self._check(request)
            self._remember(key, None)
            try:
                value = await handler(body, request)
            except BaseException as error:
                if deed.sent:
                    self._remember(key, deed)
                else:
                    self._done.pop(key, None)
                if isinstance(error, deed.leaves_open):
                    raise deed.unknown(error) from error
                raise
            self._remember(key, value)
            return value

        return handle

    def _remember(self, key: bytes, value: object) -> None:
        self._done[key] = value
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)

    def _check(self, request: rpc.Request) -> None:
        """Right before anything is sent to the client."""
        if self._clock.now() >= request.deadline:
            raise Problem("deadline_passed", 504, "the deadline passed before anything was done")
        if not self._lease.is_fresh():
            why = "this poller cannot prove its lease now and did nothing, but another may have"
            raise Problem("not_holder", 503, f"{why}; look at the queue before trying again")
        self._session.refuse_if_down()

    def _refuse_to_go_on(self, request: rpc.Request) -> None:
        """Right before each request of a command that runs: an earlier one may have changed something already."""
        if self._clock.now() >= request.deadline:
            raise TimeoutError
        if not self._lease.is_fresh():
            raise Fenced("this poller cannot prove its lease any more")
        _DEED.get().sends += 1

    def _find(self, download_id: str, epoch: str | None) -> Download:
        if not self._session.is_known:
            raise Problem(
                "client_not_read_yet", 503, f"{self._session.name} is being read for the first time; try again"
            )
        row = self._session.row(download_id)
        if row is None:
            raise Problem("not_found", 404, f"{self._session.name} has no download {download_id}")
        if epoch is not None and row.epoch != epoch:
            raise Problem("epoch_changed", 409, "the download was added anew in the meantime; look at it again")
        _DEED.get().row = row
        return row

    def _finished(self, download_id: str) -> commands.Done:
        row = self._session.row(download_id)
        return commands.Done(
            id=row.id if row else download_id, epoch=row.epoch if row else None, position=self._session.position
        )

    def _act(self, call: Callable[[str], Awaitable[None]], effect: effects.Effect) -> Handler:
        async def act(body: commands.Act, request: rpc.Request) -> commands.Done:
            async with self._alone(body.id):
                row = self._find(body.id, body.epoch)
                self._check(request)  # another command may have kept it waiting
                await _DEED.get().change(call(self._session.client_name_of(row)))
                await self._session.see(row.id, effect)
                return self._finished(row.id)

        return act

    async def alter(self, body: commands.Alter, request: rpc.Request) -> commands.Done:
        """Change one download, and answer once its row shows the change."""
        async with self._alone(body.id):
            row = self._find(body.id, body.epoch)
            self._check(request)
            await _DEED.get().change(self._session.adapter.alter(self._session.client_name_of(row), body.edit))
            await self._session.see(row.id, effects.of(body.edit))
            return self._finished(row.id)

    async def steer(self, body: commands.Steer, request: rpc.Request) -> commands.Done:
        """Change the client as a whole, and answer once its rows show what they can show of it."""
        async with self._alone(_WHOLE_CLIENT):
            self._check(request)
            await _DEED.get().change(self._session.adapter.control(body.control))
            await self._session.see_all(effects.of_all(body.control))
            return commands.Done(id=_WHOLE_CLIENT, position=self._session.position)

    async def limits(self, body: rpc.Empty, request: rpc.Request) -> Limits:
        """What limits the client as a whole, asked now."""
        self._session.refuse_if_down()
        return await self._session.adapter.limits()

    async def settings(self, body: commands.Look, request: rpc.Request) -> OwnSettings:
        """What is set in one download, asked now."""
        self._session.refuse_if_down()
        name = self._session.client_name_of(self._find(body.id, None))
        return own_settings(await self._session.adapter.terms(name))

    def _alone(self, download_id: str) -> asyncio.Lock:
        """One command at a time on one row: a remove must never meet what a retry has just added."""
        row = self._session.row(download_id)
        return self._busy.setdefault(row.id if row else download_id, asyncio.Lock())

    async def add(self, body: commands.Add, request: rpc.Request) -> commands.Done:
        """Add, verify, and answer once the row is in the table."""
        download_id = await _DEED.get().change(self._session.adapter.add(_new(body)))
        await self._session.see(download_id, effects.is_there)
        return self._finished(download_id)

    async def remove(self, body: commands.Remove, request: rpc.Request) -> commands.Done:
        """Cancel: the intent is committed first, and accepted once the client took the call."""
        async with self._alone(body.id):
            row = self._find(body.id, body.epoch)
            await self._take_out(row, IntentKind.CANCEL, request, with_data=body.with_data)
            return self._finished(row.id)

    async def retry(self, body: commands.Retry, request: rpc.Request) -> commands.Done:
        """Take it out, keeping its data, see it gone, and add it again with what was set on it.

        One that is gone already is only added, with what an earlier try of this process knows of it.
        """
        async with self._alone(body.id):
            download_id = body.id
            if self._session.row(body.id) is not None:
                row = self._find(body.id, body.epoch)
                download_id = row.id
                terms = await self._session.adapter.terms(self._session.client_name_of(row))
                self._note(row.id, msgspec.structs.replace(terms, forced=row.forced))
                await self._take_out(row, IntentKind.RETRY, request, with_data=False)
                self._check_to_go_on(request)
            done = await self._add_again(_new(body.source), self._terms.get(download_id, Terms()))
            self._terms.pop(download_id, None)
            return done

    def _note(self, download_id: str, terms: Terms) -> None:
        self._terms[download_id] = terms
        while len(self._terms) > REMEMBERED:
            self._terms.popitem(last=False)

    async def _add_again(self, source: NewDownload, terms: Terms) -> commands.Done:
        adapter, new = self._session.adapter, again.added(source, terms)
        try:
            download_id = await _DEED.get().change(adapter.add(new))
        except Problem as problem:
            raise Problem(
                "not_added_again", problem.status, f"{_TAKEN_OUT}, and not added again: {problem}"
            ) from problem
        except ClientError as error:
            raise _unknown(f"{_TAKEN_OUT}; whether it was added again is not known ({error})") from error
        held = new.paused and not source.paused
        try:
            lost = await self._set_again(download_id, await self._left(download_id, terms))
            if held:
                await adapter.resume(download_id)
            if terms.forced and not source.paused:
                lost += await self._set_again(download_id, [ForceStart()])
        except ClientError as error:
            raise _unknown(
                f"it was added again, perhaps paused and without all that was set on it ({error})"
            ) from error
        await self._session.see(download_id, effects.runs if held else effects.is_there)
        return msgspec.structs.replace(self._finished(download_id), lost=lost)

    async def _left(self, download_id: str, terms: Terms) -> tuple[AnyEdit, ...]:
        return again.edits(terms, await self._session.adapter.terms(download_id)) if terms != Terms() else ()

    async def _set_again(self, download_id: str, edits: Iterable[AnyEdit]) -> tuple[str, ...]:
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

    def _check_to_go_on(self, request: rpc.Request) -> None:
        try:
            self._check(request)
        except SluiceError as error:
            detail = f"this poller could not go on; {_TAKEN_OUT}, and not added again: retry adds it"
            raise Problem(audit.UNKNOWN, 503, detail) from error

    async def _take_out(self, row: Download, kind: IntentKind, request: rpc.Request, *, with_data: bool) -> None:
        intent = Intent(kind, request.actor, request.request_id, request.deadline, with_data)
        await self._session.rewrite(row.id, lambda known: msgspec.structs.replace(known, intent=intent))
        name = self._session.client_name_of(row)
        current = await self._session.ask(row)
        if current is None or current.epoch != row.epoch:
            raise Problem("epoch_changed", 409, "the download is gone or was added anew; look at it again")
        self._check(request)
        await _DEED.get().change(self._session.adapter.remove(name, with_data=with_data))
        await self._session.rewrite(row.id, lambda known: _accepted(known, row.epoch, request.request_id))
        await self._session.see(row.id, effects.is_gone)

    async def files(self, body: commands.FilesOf, request: rpc.Request) -> commands.Files:
        """A page of the client's own file list."""
        self._session.refuse_if_down()
        row = self._find(body.id, None)
        files = await self._session.adapter.files(self._session.client_name_of(row))
        page = rpc.cut(files[body.start :], lambda file: str(file.index), limit=5000, budget=FILES_BUDGET)
        end = body.start + len(page.items)
        return commands.Files(items=page.items, total=len(files), next=end if end < len(files) else None)

    async def seen(self, body: commands.Look, request: rpc.Request) -> commands.Seen:
        """The client's own row now."""
        self._session.refuse_if_down()
        row = self._session.row(body.id)
        name = self._session.client_name_of(row) if row else body.id
        return commands.Seen(row=await self._session.settled(await self._session.adapter.read(name)))

    async def about(self, body: rpc.Empty, request: rpc.Request) -> doctor.AboutClient:
        """What the client says of itself, asked now, whatever the last poll came to; why not is an answer too."""
        try:
            return versions.about(self._session.kind, await self._session.adapter.about())
        except ClientError as error:
            return doctor.AboutClient(reason=error.reason, message=str(error))

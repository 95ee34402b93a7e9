"""Request and reply on FastStream: every handler answers, with its value or with a problem, and nothing else leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
from faststream.nats import NatsMessage
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import rpc
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import ClientAuthFailed, ClientError, Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.msg import Msg

log = logging.get(__name__)

Q = TypeVar("Q")
R = TypeVar("R")
Handler = Callable[[Q, rpc.Request], Awaitable[object]]

CONCURRENCY = 16
# Where some methods are slow: so many times that many requests are taken in, most of which only wait their turn.
WAITING = 8
MAX_REPLY_BYTES = 1_000_000


class Stoppable(Protocol):
    """A running subscription: keep it, and stop it at the end; until then the connection keeps it as well."""

    async def stop(self) -> None:
        """Take no more requests."""


async def serve(bus: Bus, subject: str, kind: type[Q], handler: Handler[Q], *, queue: str = "") -> Stoppable:
    """Answer requests on `subject`; with a queue group, one replica answers each.

    `handler(body, request)` returns the reply's struct; a Problem it raises travels as one, a client's error becomes
    a 502 or 503, anything else is logged and becomes a 500 without a word of its text.
    """

    async def on_message(message: NatsMessage) -> bytes:
        return msgspec.msgpack.encode(await _answer(bus, bytes(message.body), kind, handler))

    return await _start(bus, subject, queue, on_message)


async def serve_each(
    bus: Bus, subject: str, handlers: Mapping[str, tuple[type[Any], Handler[Any]]], *, slow: Collection[str] = ()
) -> Stoppable:
    """As `serve`, for a subject that ends in `*`: what stands there picks the handler.

    One subscription for all: each costs FastStream milliseconds to make, and a poller makes them for every client. Of
    the methods in `slow` only CONCURRENCY run at once, and so many that wait their turn leave room for the others.
    """
    turns = asyncio.Semaphore(CONCURRENCY)

    async def on_message(message: NatsMessage) -> bytes:
        method = message.raw_message.subject.rpartition(".")[2]
        if method not in handlers:
            return msgspec.msgpack.encode(_refused("unknown_method", 404, f"there is no {method!r} here"))
        async with turns if method in slow else nullcontext():
            return msgspec.msgpack.encode(await _answer(bus, bytes(message.body), *handlers[method]))

    return await _start(bus, subject, "", on_message, workers=CONCURRENCY * (WAITING if slow else 1))


async def _start(
    bus: Bus,
    subject: str,
    queue: str,
    on_message: Callable[[NatsMessage], Awaitable[bytes]],
    *,
    workers: int = CONCURRENCY,
) -> Stoppable:
    # FastStream would keep it, and whatever its handlers hold (a client's whole table), also after it was stopped.
    subscriber = bus.broker.subscriber(subject, queue, max_workers=workers, decoder=_undecoded, persistent=False)
    subscriber(on_message)
    await subscriber.start()
    await bus.barrier()
    return subscriber


async def _undecoded(message: NatsMessage) -> bytes:
    return bytes(message.body)


async def _answer(bus: Bus, data: bytes, kind: type[Q], handler: Handler[Q]) -> rpc.Reply:
    try:
        request = msgspec.msgpack.decode(data, type=rpc.Request)
        body = msgspec.msgpack.decode(await _whole_body(bus, request), type=kind)
        left = (request.deadline - SYSTEM_CLOCK.now()).total_seconds()
        if left <= 0:
            raise Problem("deadline_passed", 504, "the request arrived after its deadline; nothing was done")
        return _fitting(msgspec.msgpack.encode(await handler(body, request)))
    except Problem as problem:
        return rpc.Reply(problem=rpc.problem_body(problem))
    except ClientError as error:
        return rpc.Reply(problem=rpc.problem_body(client_problem(error)))
    except msgspec.MsgspecError as error:
        return _refused("bad_request", 400, f"the request does not fit the contract: {error}")
    except Exception:
        log.exception("rpc_failed", kind=kind.__name__)
        return _refused("internal_error", 500, "something went wrong inside; the service's log says what")


def _fitting(body: bytes) -> rpc.Reply:
    """NATS drops a message over 1 MB and the caller would wait in vain: a page that was not cut says so."""
    if len(body) > MAX_REPLY_BYTES:
        log.error("reply_too_large", bytes=len(body))
        return _refused("reply_too_large", 500, f"the answer has {len(body)} bytes and does not fit; ask for less")
    return rpc.Reply(body=body)


def client_problem(error: ClientError) -> Problem:
    """What a client's failure looks like to whoever sent the command."""
    if isinstance(error, ClientAuthFailed):
        return Problem("client_auth_failed", 502, f"{error}; check the username and password in the configuration")
    # The command may be done by half: taken out but not added again, added but not seen.
    if error.reason == "unreachable":
        detail = f"the client did not answer ({error}); look at the queue before trying again"
        return Problem("client_unavailable", 503, detail)
    return Problem(f"client_{error.reason}", 503, f"{error}; look at the queue before trying again")


def _refused(code: str, status: int, detail: str) -> rpc.Reply:
    return rpc.Reply(problem=rpc.ProblemBody(code=code, status=status, detail=detail))


async def call(
    bus: Bus,
    subject: str,
    body: object,
    kind: type[R],
    *,
    request_id: str,
    within: float = 10.0,
    actor: str = "system",
    origin: str | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> R:
    """Ask, and return the reply's struct. Raises Problem: the answerer's own, or 503 when nobody answers in time."""
    encoded = msgspec.msgpack.encode(body)
    async with _handed_over(bus, encoded) as (parts, inbox):
        request = rpc.Request(
            request_id=request_id,
            deadline=clock.now() + timedelta(seconds=within),
            actor=actor,
            origin=origin,
            body=b"" if parts else encoded,
            parts=parts,
            inbox=inbox,
        )
        reply = await _ask(bus, subject, msgspec.msgpack.encode(request), within)
    if reply.problem is not None:
        raise rpc.raise_problem(reply.problem)
    try:
        return msgspec.msgpack.decode(reply.body, type=kind)
    except msgspec.MsgspecError:
        raise Problem("bad_reply", 502, f"{_who(subject)} answered something else; do the versions fit?") from None


async def _ask(bus: Bus, subject: str, data: bytes, within: float) -> rpc.Reply:
    try:
        # The answerer gets its deadline from us; a little patience lets its own refusal arrive.
        message = await bus.nc.request(subject, data, timeout=within + 0.5)
    except NoRespondersError:
        raise Problem("no_responder", 503, f"nobody answers {_who(subject)} now; is that service running?") from None
    except (TimeoutError, NatsError):
        raise Problem("no_answer", 503, f"{_who(subject)} did not answer in time; the outcome is unknown") from None
    return msgspec.msgpack.decode(message.data, type=rpc.Reply)


def _who(subject: str) -> str:
    _, kind, name, method = subject.split(".", 3)
    return f"{method!r} for the client {name!r}" if kind == "cmd" else f"the service {name!r}"


@asynccontextmanager
async def _handed_over(bus: Bus, body: bytes) -> AsyncIterator[tuple[int, str]]:
    """Keep a large body for the receiver to pull in parts; (0, "") for a small one that travels in the request."""
    if len(body) <= rpc.PART_BYTES:
        yield 0, ""
        return
    parts, inbox = rpc.slices(body), bus.nc.new_inbox()

    async def give(message: Msg) -> None:
        index = int(message.data)
        await message.respond(parts[index] if index < len(parts) else b"")

    subscription: Any = await bus.nc.subscribe(inbox, cb=give)
    try:
        yield len(parts), inbox
    finally:
        await subscription.unsubscribe()


async def _whole_body(bus: Bus, request: rpc.Request) -> bytes:
    if not request.parts:
        return request.body
    if request.parts * rpc.PART_BYTES > rpc.MAX_BODY_BYTES:
        raise Problem("too_large", 413, f"the request is over {rpc.MAX_BODY_BYTES} bytes")
    try:
        return b"".join([await _part(bus, request.inbox, index) for index in range(request.parts)])
    except (TimeoutError, NatsError):
        raise Problem("no_answer", 503, "the caller left before its request was read; nothing was done") from None


async def _part(bus: Bus, inbox: str, index: int) -> bytes:
    message = await bus.nc.request(inbox, str(index).encode(), timeout=5)
    return bytes(message.data)

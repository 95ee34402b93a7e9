"""Request and reply on a real NATS: whatever happens on either side, the caller gets a value or a problem."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import CONCURRENCY, call, serve, serve_each
from sluice_common.contracts import rpc, subjects
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable, Problem
from support.nats import NatsForTest
from support.waiting import until

SUBJECT = subjects.rpc("tested", "echo")


class Word(msgspec.Struct, frozen=True):
    """What the tests say to each other."""

    text: str
    blob: bytes = b""


async def _ask(bus: Bus, body: object, *, within: float = 5.0) -> Word:
    return await call(bus, SUBJECT, body, Word, request_id="r1", within=within, actor="test")


async def test_a_value_and_its_envelope_arrive(bus: Bus, other: Bus) -> None:
    """The handler sees the body, the request id, the actor and the deadline; the caller the reply."""
    seen: list[rpc.Request] = []

    async def handler(body: Word, request: rpc.Request) -> Word:
        seen.append(request)
        return Word(body.text.upper())

    await serve(bus, SUBJECT, Word, handler)
    assert await _ask(other, Word("hello")) == Word("HELLO")
    assert (seen[0].request_id, seen[0].actor) == ("r1", "test")
    assert abs(seen[0].deadline - SYSTEM_CLOCK.now() - timedelta(seconds=5)) < timedelta(seconds=3)


async def test_a_problem_travels_whole(bus: Bus, other: Bus) -> None:
    """Code, status, detail and facts are the same on both sides."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        raise Problem("unknown_client", 404, "there is no client 'x'", client="x", known=3)

    await serve(bus, SUBJECT, Word, handler)
    with pytest.raises(Problem) as caught:
        await _ask(other, Word("hello"))
    problem = caught.value
    assert (problem.code, problem.status, problem.detail) == ("unknown_client", 404, "there is no client 'x'")
    assert problem.extra == {"client": "x", "known": 3}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (ClientUnavailable("deluge: connection refused"), "client_unavailable", 503),
        (ClientProtocolError("deluge: odd reply"), "client_protocol_error", 503),
        (ClientAuthFailed("deluge: refused the password"), "client_auth_failed", 502),
    ],
)
async def test_a_clients_failure_has_a_code(bus: Bus, error: Exception, code: str, status: int) -> None:
    """The person who sent the command learns that it is the client, and what to do."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        raise error

    await serve(bus, SUBJECT, Word, handler)
    with pytest.raises(Problem, match=code) as caught:
        await _ask(bus, Word("hello"))
    assert caught.value.status == status


async def test_nothing_of_an_unexpected_error_leaks(bus: Bus) -> None:
    """An exception's text may hold a secret: the caller gets a code, the log the rest, and the service lives on."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        if body.text == "boom":
            raise RuntimeError("password=hunter2 /etc/secret")
        return body

    await serve(bus, SUBJECT, Word, handler)
    with pytest.raises(Problem) as caught:
        await _ask(bus, Word("boom"))
    assert (caught.value.code, caught.value.status) == ("internal_error", 500)
    assert "hunter2" not in str(caught.value)
    assert await _ask(bus, Word("again")) == Word("again")


async def test_what_does_not_fit_the_contract_is_a_bad_request(bus: Bus) -> None:
    """A body of another shape, or bytes that are no envelope at all, are refused and never reach the handler."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        raise AssertionError("must not be called")

    await serve(bus, SUBJECT, Word, handler)
    with pytest.raises(Problem, match="bad_request") as caught:
        await _ask(bus, {"text": 7})
    assert caught.value.status == 400
    raw = await bus.nc.request(SUBJECT, b"\xff\x00 not an envelope", timeout=5)
    reply = msgspec.msgpack.decode(raw.data, type=rpc.Reply)
    assert reply.problem is not None
    assert reply.problem.code == "bad_request"


async def test_an_answer_of_another_shape_is_a_problem(bus: Bus) -> None:
    """Two versions that do not fit are told apart from a broken network."""

    async def handler(body: Word, request: rpc.Request) -> list[int]:
        return [1, 2]

    await serve(bus, SUBJECT, Word, handler)
    with pytest.raises(Problem, match="bad_reply"):
        await _ask(bus, Word("hello"))


async def test_nobody_there_is_a_503_at_once(bus: Bus) -> None:
    """No responder is known at once and says which service is missing."""
    async with asyncio.timeout(15):
        with pytest.raises(Problem, match="no_responder") as caught:
            await _ask(bus, Word("hello"), within=60)
    assert caught.value.status == 503
    assert "'tested'" in caught.value.detail
    with pytest.raises(Problem, match="client 'deluge'"):
        await call(bus, subjects.command("deluge", "pause"), Word("x"), Word, request_id="r")


async def test_silence_is_an_unknown_outcome(bus: Bus, other: Bus) -> None:
    """A handler that takes too long: the caller is told that the outcome is unknown, not that it failed."""
    release = asyncio.Event()

    async def handler(body: Word, request: rpc.Request) -> Word:
        await release.wait()
        return body

    await serve(bus, SUBJECT, Word, handler)
    with pytest.raises(Problem, match="no_answer") as caught:
        await _ask(other, Word("hello"), within=0.2)
    release.set()
    assert (caught.value.status, "unknown" in caught.value.detail) == (503, True)


async def test_a_request_past_its_deadline_does_nothing(bus: Bus) -> None:
    """Who asked has given up: acting now would surprise."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        raise AssertionError("must not be called")

    await serve(bus, SUBJECT, Word, handler)
    with pytest.raises(Problem, match="deadline_passed") as caught:
        await _ask(bus, Word("late"), within=-0.1)
    assert caught.value.status == 504


@pytest.mark.parametrize("size", [0, rpc.PART_BYTES, rpc.PART_BYTES + 1, 5 * 1024 * 1024])
async def test_a_large_body_comes_in_parts(bus: Bus, other: Bus, size: int) -> None:
    """A .torrent of 5 MB goes through a bus whose messages are at most 1 MB."""
    blob = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    async def handler(body: Word, request: rpc.Request) -> Word:
        return Word(str(len(body.blob)), body.blob[-5:])

    await serve(bus, SUBJECT, Word, handler)
    assert await _ask(other, Word("big", blob)) == Word(str(size), blob[-5:])


async def test_a_body_over_its_limit_is_refused(bus: Bus, other: Bus) -> None:
    """Nobody can make a service hold an endless request."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        raise AssertionError("must not be called")

    await serve(bus, SUBJECT, Word, handler)
    with pytest.raises(Problem, match="too_large") as caught:
        await _ask(other, Word("big", b"x" * (rpc.MAX_BODY_BYTES + rpc.PART_BYTES)))
    assert caught.value.status == 413


async def test_an_answer_that_does_not_fit_says_so(bus: Bus) -> None:
    """NATS drops messages over 1 MB: the caller learns why instead of waiting in vain."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        return Word("big", b"x" * 1_100_000)

    await serve(bus, SUBJECT, Word, handler)
    async with asyncio.timeout(15):
        with pytest.raises(Problem, match="reply_too_large"):
            await _ask(bus, Word("hello"), within=60)


async def test_slow_requests_do_not_queue_behind_each_other(bus: Bus, other: Bus) -> None:
    """As many as CONCURRENCY run at once."""
    inside, all_in = 0, asyncio.Event()

    async def handler(body: Word, request: rpc.Request) -> Word:
        nonlocal inside
        inside += 1
        if inside == CONCURRENCY:
            all_in.set()
        await all_in.wait()
        return body

    await serve(bus, SUBJECT, Word, handler)
    answers = await asyncio.gather(*(_ask(other, Word(str(n)), within=8) for n in range(CONCURRENCY)))
    assert [answer.text for answer in answers] == [str(n) for n in range(CONCURRENCY)]


async def test_one_replica_of_a_group_answers(bus: Bus, other: Bus) -> None:
    """With a queue group a command is executed once, whichever replica gets it."""
    calls: list[str] = []

    async def handler(body: Word, request: rpc.Request) -> Word:
        calls.append(body.text)
        return body

    for replica in (bus, other):
        await serve(replica, SUBJECT, Word, handler, queue="group")
    for n in range(20):
        await _ask(bus, Word(str(n)))
    assert calls == [str(n) for n in range(20)]


async def test_a_stopped_service_answers_no_more(bus: Bus, other: Bus) -> None:
    """After `stop` the subject has no responder: callers know at once."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        return body

    running = await serve(bus, SUBJECT, Word, handler)
    assert await _ask(other, Word("a")) == Word("a")
    await running.stop()
    await bus.barrier()
    with pytest.raises(Problem, match="no_responder"):
        await _ask(other, Word("b"))


async def test_service_goes_on_after_the_server_was_killed(bus: Bus, other: Bus, nats_server: NatsForTest) -> None:
    """kill -9 of NATS: while it is away a problem, afterwards answers again without a restart of anybody."""

    async def handler(body: Word, request: rpc.Request) -> Word:
        return body

    await serve(bus, SUBJECT, Word, handler)
    nats_server.kill()
    with pytest.raises(Problem) as caught:
        await _ask(other, Word("away"), within=0.3)
    assert caught.value.status == 503
    nats_server.start()
    async with asyncio.timeout(15):
        while True:
            try:
                assert await _ask(other, Word("back"), within=1) == Word("back")
                break
            except Problem:
                await asyncio.sleep(0.05)


async def test_what_only_looks_does_not_wait_behind_what_is_slow(bus: Bus, other: Bus) -> None:
    """Of slow ones only CONCURRENCY run at once, whoever sent them; a look is answered while others wait their turn."""
    release, inside = asyncio.Event(), [0]

    async def change(body: Word, request: rpc.Request) -> Word:
        inside[0] += 1
        await release.wait()
        return body

    async def look(body: Word, request: rpc.Request) -> Word:
        return body

    await serve_each(bus, subjects.command("it", "*"), {"alter": (Word, change), "look": (Word, look)}, slow=("alter",))

    async def asked(verb: str, text: str) -> Word:
        return await call(other, subjects.command("it", verb), Word(text), Word, request_id="r", within=30)

    slow = [asyncio.create_task(asked("alter", str(number))) for number in range(3 * CONCURRENCY)]
    try:
        await until(lambda: inside[0] == CONCURRENCY, what="as many as may run")
        assert (await asked("look", "now")).text == "now"
        assert inside[0] == CONCURRENCY
    finally:
        release.set()
    assert [answer.text for answer in await asyncio.gather(*slow)] == [str(number) for number in range(3 * CONCURRENCY)]

"""Adds over HTTP: what is associated first, what is fetched by us, what is said at once, and what is taken back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from integration.gateway.conftest import (
    HASH,
    MAGNET,
    TORRENT,
    TORRENT_HASH,
    GatewayForTest,
    PollerForTest,
    ServiceForTest,
    accepts_adds,
    row,
    running,
)
from sluice_common.contracts.commands import Add, Done
from sluice_common.contracts.library import Associate, Withdraw
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import Settings


async def test_an_added_magnet_is_in_the_answer_and_in_the_queue(
    household: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """An add is associated first, sent then, and answered with the row that the queue shows from then on."""
    await accepts_adds(poller)
    new = {"client": "deluge", "magnet": MAGNET, "category": "movies", "media_item": "m1", "paused": True}
    response = await household.http.post("/api/v1/downloads", json=new, headers={"Idempotency-Key": "once-1"})
    assert response.status_code == 201, response.text
    assert response.json()["id"] == HASH
    assert (response.json()["owner"], response.json()["note"]) == ("sluice", None)
    assert response.headers["x-request-id"] == "once-1"
    assert (await household.get("/queue"))["items"][0]["id"] == HASH
    (associate,) = services.of("associate")
    assert (associate.request_id, associate.download_id, associate.media_item) == ("once-1", HASH, "m1")
    assert (associate.source.magnet, associate.name) == (MAGNET, "Sintel")
    ((verb, add, request),) = poller.asked
    assert (verb, add.magnet, add.category, add.paused, request.request_id) == ("add", MAGNET, "movies", True, "once-1")
    again = await household.http.post("/api/v1/downloads", json=new, headers={"Idempotency-Key": "once-1"})
    assert (again.status_code, again.json()["id"]) == (201, HASH)
    assert len(poller.asked) == 1
    other = new | {"media_item": "m2"}
    await household.problem(422, "key_reused", "POST", "/downloads", json=other, headers={"Idempotency-Key": "once-1"})
    assert len(services.of("associate")) == 1


async def test_a_torrents_bytes_are_added(household: GatewayForTest, poller: PollerForTest) -> None:
    """The bytes arrive at the client as they were given."""
    await accepts_adds(poller)
    new = {"client": "deluge", "torrent": base64.b64encode(TORRENT).decode()}
    response = await household.http.post("/api/v1/downloads", json=new)
    assert (response.status_code, response.json()["id"]) == (201, TORRENT_HASH)
    assert poller.asked[0][1].torrent == TORRENT


async def test_what_will_not_be_imported_is_said_at_once(household: GatewayForTest, poller: PollerForTest) -> None:
    """A category that is not ours is added with a note; blanks around it are refused before anything is sent."""
    body = {"client": "deluge", "magnet": MAGNET, "category": " movies"}
    await household.problem(400, "category_invalid", "POST", "/downloads", json=body)
    assert poller.asked == []
    await accepts_adds(poller)
    response = await household.http.post("/api/v1/downloads", json={**body, "category": "nosuch"})
    assert (response.status_code, "its categories are: movies" in response.json()["note"]) == (201, True)


async def test_the_answer_waits_for_our_own_replica(household: GatewayForTest, poller: PollerForTest) -> None:
    """A client whose effect is not shown in time is answered with where it will show, not with an older row."""

    async def add(_: Add) -> Done:
        at = await poller.change()
        return Done(id=HASH, position=type(at)(at.incarnation, at.sequence + 1000))

    await poller.answers("add", Add, add)
    response = await household.http.post("/api/v1/downloads", json={"client": "deluge", "magnet": MAGNET})
    assert response.status_code == 202
    assert response.json()["download"] is None
    assert response.json()["position"]["incarnation"] == "inc-deluge"


async def test_a_duplicate_answers_with_what_is_there(household: GatewayForTest, poller: PollerForTest) -> None:
    """A download that the client has already, under whatever name, is shown and nothing is sent."""
    await poller.change(row("its-id", aliases=("its-id", HASH)))
    await household.shows(1)
    document = await household.problem(
        409, "duplicate", "POST", "/downloads", json={"client": "deluge", "magnet": MAGNET.replace(HASH, HASH.upper())}
    )
    assert document["download"]["id"] == "its-id"
    assert poller.asked == []


async def test_a_refused_add_is_withdrawn(
    household: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """What the client refuses leaves no association behind, and the refusal is the client's own."""

    async def refuse(_: Add) -> Done:
        raise Problem("category_invalid", 400, "no such label")

    await poller.answers("add", Add, refuse)
    body = {"client": "deluge", "magnet": MAGNET}
    document = await household.problem(400, "category_invalid", "POST", "/downloads", json=body)
    assert services.of("withdraw") == [Withdraw(request_id=document["request_id"])]


@pytest.mark.parametrize(("status", "code"), [(504, "unknown_outcome"), (503, "not_holder")])
async def test_an_unknown_outcome_is_not_withdrawn(
    household: GatewayForTest, poller: PollerForTest, services: ServiceForTest, status: int, code: str
) -> None:
    """What may have reached the client keeps its association: it would be imported as nobody's otherwise.

    A poller that is not the holder any more says so, while the one that is heard the very same request.
    """

    async def unknown(_: Add) -> Done:
        raise Problem(code, status, "the effect was not seen")

    await poller.answers("add", Add, unknown)
    await household.problem(status, code, "POST", "/downloads", json={"client": "deluge", "magnet": MAGNET})
    assert services.of("withdraw") == []


async def test_without_a_poller_an_add_is_refused_at_once(household: GatewayForTest, services: ServiceForTest) -> None:
    """Nobody holds the client: a clear 503, and the association is taken back."""
    await household.problem(503, "no_responder", "POST", "/downloads", json={"client": "deluge", "magnet": MAGNET})
    assert len(services.of("withdraw")) == 1


async def test_without_an_importer_nothing_is_added(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """An add whose purpose cannot be kept is not sent."""
    await poller.status()
    await poller.table()
    await accepts_adds(poller)
    await gateway.problem(503, "no_responder", "POST", "/downloads", json={"client": "deluge", "magnet": MAGNET})
    assert poller.asked == []


async def test_a_media_item_needs_a_category_that_we_import(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Nobody is left waiting for an import that no rule would make: the answer names the categories that are ours."""
    await poller.status()
    await poller.table()
    await gateway.shows(0)
    body = {"client": "deluge", "magnet": MAGNET, "media_item": "m1", "category": "elsewhere"}
    answer = await gateway.http.post("/api/v1/downloads", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "category_not_ours")
    assert "movies" in answer.json()["detail"]


async def test_a_media_item_that_does_not_exist(
    gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """The importer's refusal is the answer, and nothing is sent."""
    await poller.status()
    await poller.table()
    await accepts_adds(poller)
    refusal = Problem("unknown_media", 404, "there is no media item 'm9'")
    await services.answers("importer", "associate", Associate, lambda _: refusal)
    body = {"client": "deluge", "magnet": MAGNET, "media_item": "m9", "category": "movies"}
    await gateway.problem(404, "unknown_media", "POST", "/downloads", json=body)
    assert poller.asked == []


async def test_only_the_queue_needs_no_importer(settings: Settings, poller: PollerForTest) -> None:
    """With the feature import off an add goes straight to the client."""
    await poller.status()
    await poller.table()
    await accepts_adds(poller)
    async with running(settings.model_copy(update={"features": ("queue",)})) as gateway:
        response = await gateway.http.post("/api/v1/downloads", json={"client": "deluge", "magnet": MAGNET})
        assert response.status_code == 201
        body = {
            "client": "deluge",
            "torrent": base64.b64encode(TORRENT).decode(),
            "media_item": "m1",
            "category": "movies",
        }
        await gateway.problem(409, "imports_off", "POST", "/downloads", json=body)
        await gateway.problem(409, "imports_off", "POST", f"/downloads/deluge/{HASH}/retry")


async def test_only_imports_leave_the_client_to_its_own_interface(settings: Settings, poller: PollerForTest) -> None:
    """With the feature queue off no command reaches a client through us, and no importer is asked for one."""
    await poller.status()
    await poller.table(row("a1"))
    await accepts_adds(poller)
    async with running(settings.model_copy(update={"features": ("import",)})) as gateway:
        add = {"client": "deluge", "magnet": MAGNET}
        await gateway.problem(409, "queue_off", "POST", "/downloads", json=add)
        for verb in ("pause", "resume", "recheck", "retry"):
            await gateway.problem(409, "queue_off", "POST", f"/downloads/deluge/a1/{verb}")
        await gateway.problem(409, "queue_off", "DELETE", "/downloads/deluge/a1")
        assert poller.asked == []


async def test_an_add_that_runs_already_keeps_its_association(
    household: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """Sent twice at once with one key: the refusal of the second takes nothing from the first."""

    async def running_already(_: Add) -> Done:
        raise Problem("already_running", 409, "this very request is being carried out; wait for its effect")

    await poller.answers("add", Add, running_already)
    body = {"client": "deluge", "magnet": MAGNET}
    await household.problem(409, "already_running", "POST", "/downloads", json=body)
    assert services.of("withdraw") == []


@asynccontextmanager
async def web(answer: Callable[[str], bytes]) -> AsyncIterator[str]:
    """A web server on loopback that answers each path with what the test says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(request.split(b" ")[1].decode()))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def http(body: bytes, kind: str = "application/x-bittorrent", status: str = "200 OK", extra: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}Connection: close\r\n\r\n"
    )
    return head.encode() + body


async def test_urls_are_fetched_by_us(household: GatewayForTest, poller: PollerForTest) -> None:
    """A URL's torrent, and a magnet it redirects to, reach the client as bytes and as a magnet; HTML is refused."""
    await accepts_adds(poller)
    answers: dict[str, bytes] = {
        "/torrent": http(TORRENT),
        "/magnet": http(b"", status="302 Found", extra=f"Location: {MAGNET}\r\n"),
        "/html": http(b"<html>log in</html>", "text/html; charset=utf-8"),
        "/gone": http(b"", status="404 Not Found"),
        "/large": http(b"d4:info" + b"x" * (5 * 1024 * 1024)),
        "/private": http(b"", status="302 Found", extra="Location: http://10.0.0.7/x\r\n"),
    }
    async with web(lambda path: answers[path.partition("?")[0]]) as url:

        def wanted(path: str) -> dict[str, Any]:
            return {"json": {"client": "deluge", "url": f"{url}{path}"}}

        response = await household.http.post("/api/v1/downloads", **wanted("/torrent?passkey=hidden"))
        assert (response.status_code, response.json()["id"]) == (201, TORRENT_HASH)
        response = await household.http.post("/api/v1/downloads", **wanted("/magnet"))
        assert (response.status_code, response.json()["id"]) == (201, HASH)
        assert [(add.torrent, add.magnet) for _, add, _ in poller.asked] == [(TORRENT, None), (None, MAGNET)]
        document = await household.problem(
            422, "url_not_torrent", "POST", "/downloads", **wanted("/html?passkey=hidden")
        )
        assert "hidden" not in str(document)
        await household.problem(502, "url_failed", "POST", "/downloads", **wanted("/gone"))
        await household.problem(413, "url_too_large", "POST", "/downloads", **wanted("/large"))
        document = await household.problem(403, "url_refused", "POST", "/downloads", **wanted("/private"))
        assert "fetch: {allow:" in document["detail"]
    assert len(poller.asked) == 2

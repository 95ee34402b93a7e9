"""Commands over HTTP: what is validated here, who is asked and in which order, and that one reads one's own writes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from integration.gateway.conftest import GatewayForTest, PollerForTest, ServiceForTest, row, running, until
from sluice_common.contracts.commands import Act, Add, Done, Files, FilesOf, Remove, Retry
from sluice_common.contracts.library import Associate, Association, Source, SourceOf, Withdraw
from sluice_common.contracts.rpc import Empty
from sluice_common.kit.errors import ClientUnavailable, Problem
from sluice_common.kit.settings import Settings
from sluice_common.model.download import RemoteFile
from sluice_common.model.enums import Health, State

HASH = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
MAGNET = f"magnet:?xt=urn:btih:{HASH}&dn=Sintel"
PIECES = hashlib.sha1(b"x", usedforsecurity=False).digest()
INFO = b"d6:lengthi1e4:name6:Sintel12:piece lengthi16384e6:pieces20:" + PIECES + b"e"
TORRENT = b"d4:info" + INFO + b"e"
TORRENT_HASH = hashlib.sha1(INFO, usedforsecurity=False).hexdigest()


async def accepts_adds(poller: PollerForTest) -> None:
    """A client that takes every add and shows it at once."""

    async def add(body: Add) -> Done:
        download_id = HASH if body.magnet else TORRENT_HASH
        position = await poller.change(row(download_id, name="Sintel", category=body.category))
        return Done(id=download_id, epoch="c1", position=position)

    await poller.answers("add", Add, add)


def associated(body: Associate) -> Association:
    return Association(client=body.client, download_id=body.download_id, state="pending")


@pytest.fixture
async def household(gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest) -> GatewayForTest:
    """An empty queue, a client that is up, an importer that associates."""
    await poller.status()
    await poller.table()
    await services.answers("importer", "associate", Associate, associated)
    await services.answers("importer", "withdraw", Withdraw, lambda _: Empty())

    async def known() -> bool:
        return "no_status" not in [
            c["reason"] for c in (await gateway.get("/clients"))["items"] if c["name"] == "deluge"
        ]

    await until(known, "the client's status is known")
    return gateway


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


async def test_an_unknown_outcome_is_not_withdrawn(
    household: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """What may have reached the client keeps its association: it would be imported as nobody's otherwise."""

    async def unknown(_: Add) -> Done:
        raise Problem("unknown_outcome", 504, "the effect was not seen")

    await poller.answers("add", Add, unknown)
    await household.problem(504, "unknown_outcome", "POST", "/downloads", json={"client": "deluge", "magnet": MAGNET})
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


@pytest.mark.parametrize("verb", ["pause", "resume", "recheck"])
async def test_an_action_answers_with_the_row_after_it(
    gateway: GatewayForTest, poller: PollerForTest, verb: str
) -> None:
    """Pause, resume and recheck carry the row's epoch, and the answer shows their effect."""
    await poller.table(row("a1", epoch="c7"))
    await gateway.shows(1)

    async def act(body: Act) -> Done:
        return Done(id=body.id, position=await poller.change(row("a1", epoch="c7", state=State.PAUSED, name=verb)))

    await poller.answers(verb, Act, act)
    response = await gateway.http.post(f"/api/v1/downloads/deluge/a1/{verb}")
    assert response.status_code == 200, response.text
    assert (response.json()["state"], response.json()["name"]) == ("paused", verb)
    assert poller.asked[0][1] == Act(id="a1", epoch="c7")


@pytest.mark.parametrize("with_data", [True, False])
async def test_a_removed_row_is_gone_when_the_answer_comes(
    gateway: GatewayForTest, poller: PollerForTest, with_data: bool
) -> None:
    """A remove says whether data goes too, and the next read no longer shows the row."""
    await poller.table(row("a1"))
    await gateway.shows(1)

    async def remove(body: Remove) -> Done:
        return Done(id=body.id, position=await poller.change(removed=("a1",)))

    await poller.answers("remove", Remove, remove)
    response = await gateway.http.delete("/api/v1/downloads/deluge/a1", params={"data": str(with_data).lower()})
    assert response.status_code == 200, response.text
    assert response.json()["download"] is None
    assert (await gateway.get("/queue"))["items"] == []
    assert poller.asked[0][1] == Remove(id="a1", epoch="c1", with_data=with_data)


async def test_a_retry_adds_the_stored_source_again(
    gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """The source comes from the importer in parts and reaches the client whole."""
    await poller.table(row("a1"))
    await gateway.shows(1)

    def source(body: SourceOf) -> Source:
        end = min(body.start + 40, len(TORRENT))
        after = end if end < len(TORRENT) else None
        return Source(torrent=TORRENT[body.start : end], category="movies", next=after)

    async def retry(body: Retry) -> Done:
        return Done(id=body.id, position=await poller.change(row("a1", epoch="c2")))

    await services.answers("importer", "source", SourceOf, source)
    await poller.answers("retry", Retry, retry)
    response = await gateway.http.post("/api/v1/downloads/deluge/a1/retry")
    assert response.status_code == 200, response.text
    assert response.json()["epoch"] == "c2"
    assert poller.asked[0][1].source == Add(torrent=TORRENT, category="movies")


async def test_a_retry_that_failed_half_way_can_be_tried_again(
    gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """Taken out, not added: with no row left the stored source is added; what has no source is unknown."""
    await poller.table(row("a1"))
    await gateway.shows(1)
    unknown = Problem("unknown_source", 404, "it was not added through Sluice")
    stored = Source(magnet=MAGNET, category="movies")
    await services.answers("importer", "source", SourceOf, lambda body: stored if body.download_id == "a1" else unknown)

    async def retry(body: Retry) -> Done:
        if body.epoch is not None:
            await poller.change(removed=("a1",))
            raise ClientUnavailable("connection reset")
        return Done(id=body.id, position=await poller.change(row("a1", epoch="c2")))

    await poller.answers("retry", Retry, retry)
    key = {"Idempotency-Key": "again"}
    await gateway.problem(503, "client_unavailable", "POST", "/downloads/deluge/a1/retry", headers=key)
    await gateway.shows(0)
    response = await gateway.http.post("/api/v1/downloads/deluge/a1/retry", headers=key)
    assert (response.status_code, response.json()["epoch"]) == (200, "c2")
    assert poller.asked[1][1] == Retry(id="a1", source=Add(magnet=MAGNET, category="movies"))
    await gateway.problem(404, "unknown_download", "POST", "/downloads/deluge/other/retry")
    assert len(poller.asked) == 2


async def test_a_command_with_a_key_is_carried_out_once(
    gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """Repeated, it is answered as before, whatever the queue shows since; as another command it is refused."""
    await poller.table(row("a1"), row("a2"))
    await gateway.shows(2)

    async def retry(body: Retry) -> Done:
        return Done(id=body.id, position=await poller.change(row("a1", epoch="c2")))

    async def remove(body: Remove) -> Done:
        return Done(id=body.id, position=await poller.change(removed=(body.id,)))

    await services.answers("importer", "source", SourceOf, lambda _: Source(magnet=MAGNET))
    await poller.answers("retry", Retry, retry)
    await poller.answers("remove", Remove, remove)
    for _ in range(2):
        response = await gateway.http.post("/api/v1/downloads/deluge/a1/retry", headers={"Idempotency-Key": "k1"})
        assert (response.status_code, response.json()["epoch"]) == (200, "c2")
    for _ in range(2):
        response = await gateway.http.delete("/api/v1/downloads/deluge/a1", headers={"Idempotency-Key": "k2"})
        assert (response.status_code, response.json()["download"]) == (200, None)
    assert len(poller.asked) == 2
    for method, path, key in (
        ("POST", "/downloads/deluge/a2/retry", "k1"),
        ("POST", "/downloads/deluge/a1/pause", "k1"),
        ("DELETE", "/downloads/deluge/a1?data=true", "k2"),
        ("DELETE", "/downloads/deluge/a2", "k2"),
    ):
        await gateway.problem(422, "key_reused", method, path, headers={"Idempotency-Key": key})
    assert len(poller.asked) == 2


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


async def test_files_come_in_pages(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """The client's own list, page by page."""
    await poller.table(row("a1"))
    await gateway.shows(1)

    def files(body: FilesOf) -> Files:
        file = RemoteFile(index=body.start, path=f"Sintel/{body.start}.mkv", size=10, done=5)
        return Files(items=(file,), total=2, next=1 if body.start == 0 else None)

    await poller.answers("files", FilesOf, files)
    first = await gateway.get("/downloads/deluge/a1/files")
    assert first["items"] == [{"index": 0, "path": "Sintel/0.mkv", "size": 10, "done": 5, "wanted": True}]
    assert (first["total"], first["next"]) == (2, 1)
    second = await gateway.get("/downloads/deluge/a1/files", start=1)
    assert (second["items"][0]["path"], second["next"]) == ("Sintel/1.mkv", None)


async def test_a_client_that_is_down_refuses_at_once(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Neither an add nor an action waits for a client that is known to be down."""
    await poller.table(row("a1"))
    await poller.status(Health.ERROR, reason="unreachable", message="connection refused")
    await gateway.shows(1)

    async def down() -> bool:
        return bool((await gateway.get("/clients"))["items"][0]["reason"] == "unreachable")

    await until(down, "the gateway knows")
    body = {"client": "deluge", "magnet": MAGNET}
    document = await gateway.problem(503, "client_unavailable", "POST", "/downloads", json=body)
    assert "connection refused" in document["detail"]
    await gateway.problem(503, "client_unavailable", "POST", "/downloads/deluge/a1/pause")
    await gateway.problem(503, "client_unavailable", "DELETE", "/downloads/deluge/a1")
    await poller.status(Health.ERROR, reason="auth_failed", message="wrong password")

    async def refused() -> bool:
        return bool((await gateway.get("/clients"))["items"][0]["reason"] == "auth_failed")

    await until(refused, "the gateway knows")
    document = await gateway.problem(502, "client_auth_failed", "POST", "/downloads", json=body)
    assert "password" in document["detail"]


async def test_the_pollers_refusal_arrives(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A client that fails during the command answers with its reason."""
    await poller.table(row("a1"))
    await gateway.shows(1)

    async def fail(_: Act) -> Done:
        raise ClientUnavailable("connection reset")

    await poller.answers("pause", Act, fail)
    document = await gateway.problem(503, "client_unavailable", "POST", "/downloads/deluge/a1/pause")
    expected = "the client did not answer (connection reset); look at the queue before trying again"
    assert document["detail"] == expected, "it may be done by half"


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


async def test_bad_input_changes_nothing(
    household: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """Each kind of nonsense is a problem that says what to do; nobody is asked but for a source, nothing is changed."""
    await accepts_adds(poller)
    unknown = Problem("unknown_source", 404, "it was not added through Sluice")
    await services.answers("importer", "source", SourceOf, lambda _: unknown)

    async def refused(status: int, code: str, **new: Any) -> dict[str, Any]:
        return await household.problem(status, code, "POST", "/downloads", json={"client": "deluge", **new})

    await refused(400, "torrent_invalid", torrent=base64.b64encode(b"this is no torrent").decode())
    await refused(400, "torrent_invalid", torrent=base64.b64encode(TORRENT[:-3]).decode())
    await refused(400, "invalid_request", torrent="*** not base64 ***")
    await refused(413, "too_large", torrent=base64.b64encode(b"x" * (5 * 1024 * 1024 + 1)).decode())
    await refused(413, "too_large", torrent="A" * (8 * 1024 * 1024))
    await refused(400, "magnet_invalid", magnet="magnet:?dn=no-hash")
    await refused(400, "bad_source")
    await refused(400, "bad_source", magnet=MAGNET, url="http://example.org/x.torrent")
    await refused(400, "bad_source", url=MAGNET)
    for path in ("films", "./films", "~/films", "", "C:films"):
        await refused(400, "save_path_invalid", magnet=MAGNET, save_path=path)
    await refused(403, "url_refused", url="http://10.0.0.7/x.torrent")
    await refused(400, "url_invalid", url="ftp://example.org/x.torrent")
    await refused(400, "invalid_request", magnet=MAGNET, colour="red")
    await refused(400, "invalid_request", magnet=17)
    document = await refused(404, "unknown_client", client="qbit", magnet=MAGNET)
    assert "deluge, other" in document["detail"]
    await household.problem(400, "client_required", "POST", "/downloads", json={"magnet": MAGNET})
    await household.problem(400, "invalid_request", "POST", "/downloads", content=b"{not json")
    await household.problem(400, "invalid_request", "POST", "/downloads", content=b"")
    await household.problem(413, "too_large", "POST", "/media", content=b'{"kind":"' + b"x" * 70_000 + b'"}')
    for verb in ("pause", "resume", "recheck", "retry"):
        await household.problem(404, "unknown_download", "POST", f"/downloads/deluge/nothing/{verb}")
        await household.problem(404, "unknown_client", "POST", f"/downloads/qbit/nothing/{verb}")
    await household.problem(404, "unknown_download", "DELETE", "/downloads/deluge/nothing")
    await household.problem(400, "bad_cursor", "GET", "/queue", params={"cursor": "nonsense"})
    await household.problem(400, "invalid_request", "GET", "/queue", params={"limit": "0"})
    await household.problem(400, "invalid_request", "GET", "/queue", params={"limit": "many"})
    await household.problem(400, "invalid_request", "GET", "/queue", params={"state": "flying"})
    await household.problem(404, "not_found", "GET", "/nothing/here")
    response = await household.http.put("/api/v1/queue")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in response.headers["allow"]
    assert poller.asked == []
    assert {method for method, _, _ in services.asked} == {"source"}
    assert (await household.get("/queue"))["items"] == []

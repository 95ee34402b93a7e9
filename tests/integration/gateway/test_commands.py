"""Commands over HTTP: what is validated here, who is asked and in which order, and that one reads one's own writes."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from integration.gateway.conftest import (
    MAGNET,
    TORRENT,
    GatewayForTest,
    PollerForTest,
    ServiceForTest,
    accepts_adds,
    row,
    until,
)
from sluice_common.contracts.commands import Act, Add, Done, Files, FilesOf, Remove, Retry
from sluice_common.contracts.library import Source, SourceOf
from sluice_common.kit.errors import ClientUnavailable, Problem
from sluice_common.model.download import RemoteFile
from sluice_common.model.enums import Health, State


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


async def test_a_retry_keeps_what_was_edited_since(
    gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """It goes into the folder and category where it is now: into the old one all of it would be downloaded again.

    What the client did not take again of what was set on it is a note.
    """
    await poller.status()
    await poller.table(row("a1", category="films", tags=("y", "z"), save_path="/moved"))
    await gateway.shows(1)
    stored = Source(magnet=MAGNET, save_path="/old", category="tv")
    await services.answers("importer", "source", SourceOf, lambda _: stored)
    asked: list[Retry] = []

    async def retry(body: Retry) -> Done:
        asked.append(body)
        position = await poller.change(row("a1", epoch="c2"))
        return Done(id="a1", position=position, lost=("files", "limits"))

    await poller.answers("retry", Retry, retry)
    response = await gateway.http.post("/api/v1/downloads/deluge/a1/retry")
    assert response.status_code == 200
    assert response.json()["note"] == "not as it was before, set it again: files, limits"
    assert asked[0].source == Add(magnet=MAGNET, save_path="/moved", category="films", tags=("y", "z"))


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

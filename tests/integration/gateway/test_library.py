"""What the importer and the history answer, over HTTP, and the import overlay in the queue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from integration.gateway.conftest import GatewayForTest, PollerForTest, ServiceForTest, row, running, until
from sluice_common.bus.publish import publish_event
from sluice_common.contracts.events import ImportData, event_id, make
from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.contracts.library import (
    Import,
    ImportFile,
    ImportId,
    ImportState,
    KnownMediaItem,
    Libraries,
    LibraryName,
    LibraryStatus,
    Listing,
    MediaItem,
    MediaItemId,
    NewMediaItem,
    RenamedMediaItem,
    RetryImport,
)
from sluice_common.contracts.rpc import Empty, Page
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import Settings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def imported(download_id: str, **fields: Any) -> Import:
    known: dict[str, Any] = {
        "id": f"i-{download_id}", "client": "deluge", "download_id": download_id, "epoch": "c1",
        "name": "Sintel", "state": ImportState.BLOCKED, "version": 3, "reason": "unknown_media",
    }  # fmt: skip
    return Import(**(known | fields))


async def test_without_imports_nothing_is_asked_of_an_importer(
    settings: Settings, poller: PollerForTest, services: ServiceForTest
) -> None:
    """With the feature import off every row's import is `none`, and its routes say so without asking anybody."""
    listing = Page((imported("a1"),))
    await services.answers("importer", "imports.list", Listing, lambda _: listing)
    await poller.status()
    await poller.table(row("a1"))
    async with running(settings.model_copy(update={"features": ("queue",)})) as gateway:
        await gateway.shows(1)
        (shown,) = (await gateway.get("/queue"))["items"]
        assert shown["import"]["state"] == "none"
        for path in ("/imports", "/imports/i-a1", "/media", "/libraries"):
            await gateway.problem(409, "imports_off", "GET", path)
        await gateway.problem(409, "imports_off", "POST", "/imports/i-a1/retry")
        await gateway.problem(409, "imports_off", "POST", "/libraries/movies/init")
        await gateway.problem(409, "imports_off", "POST", "/media", json={"kind": "movie", "title": "x"})
        await gateway.problem(409, "imports_off", "PATCH", "/media/m1", json={"title": "x"})
        await gateway.problem(409, "imports_off", "DELETE", "/media/m1")
    assert services.asked == []


async def test_without_the_queue_imports_are_still_told(
    settings: Settings, poller: PollerForTest, services: ServiceForTest
) -> None:
    """With the feature queue off there is no list and no stream; clients, imports and one download are still there."""
    listing = Page((imported("a1"),))
    await services.answers("importer", "imports.list", Listing, lambda _: listing)
    await services.answers("importer", "imports.get", ImportId, lambda _: imported("a1"))
    await poller.status()
    await poller.table(row("a1"))
    async with running(settings.model_copy(update={"features": ("import",)})) as gateway:
        await gateway.problem(409, "queue_off", "GET", "/queue")
        await gateway.problem(409, "queue_off", "GET", "/queue/events")
        assert [each["id"] for each in (await gateway.get("/imports"))["items"]] == ["i-a1"]

        async def blocked() -> bool:
            rows = {each["name"]: each["downloads"] for each in (await gateway.get("/clients"))["items"]}
            if rows["deluge"] != 1:
                return False
            return bool((await gateway.get("/downloads/deluge/a1"))["import"]["state"] == "blocked")

        await until(blocked, "the download and its import are told")


async def test_the_queue_shows_imports(
    gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """Pages first, then events: whichever carries the higher version is shown, on the row's own epoch only."""
    listing = Page((imported("a1"), imported("old", epoch="c0")))
    await services.answers("importer", "imports.list", Listing, lambda _: listing)
    await poller.table(row("a1"), row("old"))

    async def overlay(download_id: str) -> dict[str, Any]:
        rows = {item["id"]: item for item in (await gateway.get("/queue"))["items"]}
        shown: dict[str, Any] = rows[download_id]["import"] if download_id in rows else {}
        return shown

    async def blocked() -> bool:
        return await overlay("a1") == {"state": "blocked", "reason": "unknown_media", "message": None, "id": "i-a1"}

    await until(blocked, "the overlay is read")
    assert (await overlay("old"))["state"] == "none"

    async def tell(version: int, state: str) -> None:
        data = ImportData(client="deluge", id="a1", epoch="c1", import_id="i-a1", version=version, state=state)
        await publish_event(poller.bus, make(event_id("t", version), "import.started", "importer", NOW, data))

    await tell(2, "planned")
    await tell(4, "importing")

    async def importing() -> bool:
        return bool((await overlay("a1"))["state"] == "importing")

    await until(importing, "the event is shown")
    await services.answers("importer", "imports.get", ImportId, lambda body: imported(body.id.removeprefix("i-")))
    detail = await gateway.get("/downloads/deluge/a1")
    assert detail["last_import"]["id"] == "i-a1"
    assert detail["import"]["state"] == "importing"


async def test_imports(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """Lists, one with its files, and a retry, which answers with the import after it."""
    file = ImportFile(path="Sintel.mkv", size=10, verdict="import", target="Sintel (2010)/Sintel.mkv", placed=True)
    page = Page((imported("a1"),), "after-a1")
    await services.answers("importer", "imports.list", Listing, lambda _: page)
    await services.answers("importer", "imports.get", ImportId, lambda _: imported("a1", files=(file,)))
    await services.answers("importer", "imports.retry", RetryImport, lambda _: Empty())
    listed = await gateway.get("/imports", state="blocked", client="deluge", limit=5, cursor="here")
    assert (listed["items"][0]["state"], listed["next"]) == ("blocked", "after-a1")
    assert Listing(limit=5, cursor="here", client="deluge", state="blocked") in services.of("imports.list")
    one = await gateway.get("/imports/i-a1")
    assert one["files"][0]["target"] == "Sintel (2010)/Sintel.mkv"
    response = await gateway.http.post("/api/v1/imports/i-a1/retry")
    assert (response.status_code, response.json()["id"]) == (200, "i-a1")
    meant = await gateway.http.post("/api/v1/imports/i-a1/retry", json={"media_item": "m1"})
    assert meant.status_code == 200
    assert services.of("imports.retry") == [RetryImport(id="i-a1"), RetryImport(id="i-a1", media_item="m1")]
    for bad in ({"media": "m1"}, {"media_item": 1}, {"media_item": ["m1"]}):
        await gateway.problem(400, "invalid_request", "POST", "/imports/i-a1/retry", json=bad)


async def test_the_importers_refusals_arrive(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """A problem of the importer is the answer, with its own code."""
    refusal = Problem("unknown_import", 404, "there is no import 'x'")
    await services.answers("importer", "imports.get", ImportId, lambda _: refusal)
    await gateway.problem(404, "unknown_import", "GET", "/imports/x")


async def test_media_items(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """A media item is made with what was given, and listed by kind and words."""
    item = MediaItem(id="m1", kind="movie", title="Sintel", year=2010, library="movies")
    known = KnownMediaItem(id="m1", kind="movie", title="Sintel", year=2010, library="movies", is_new=True)
    await services.answers("importer", "media.create", NewMediaItem, lambda _: known)
    await services.answers("importer", "media.list", Listing, lambda _: Page((item,)))
    new = {"kind": "movie", "title": "Sintel", "year": 2010, "library": "movies"}
    response = await gateway.http.post("/api/v1/media", json=new)
    assert (response.status_code, response.json()["id"], response.json()["is_new"]) == (201, "m1", True)
    assert services.of("media.create") == [NewMediaItem(kind="movie", title="Sintel", year=2010, library="movies")]
    assert (await gateway.get("/media", kind="movie", search="sin"))["items"][0]["title"] == "Sintel"
    assert services.of("media.list") == [Listing(kind="movie", search="sin")]
    for bad in (
        {"kind": "song", "title": "x"},
        {"kind": "movie", "title": ""},
        {"kind": "movie", "title": "x", "year": 1},
    ):
        await gateway.problem(400, "invalid_request", "POST", "/media", json=bad)
    assert len(services.of("media.create")) == 1


async def test_media_items_are_corrected(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """A new title goes to the importer as it is; what is in use is refused with the importer's own words."""
    item = MediaItem(id="m1", kind="movie", title="Sintel", year=2010)
    used = Problem("media_item_in_use", 409, "'Sintel' is in use (1 files)")
    await services.answers("importer", "media.rename", RenamedMediaItem, lambda _: item)
    await services.answers("importer", "media.remove", MediaItemId, lambda asked: item if asked.id == "m1" else used)
    renamed = await gateway.http.patch("/api/v1/media/m1", json={"title": "Sintel"})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "Sintel")
    assert services.of("media.rename") == [RenamedMediaItem(id="m1", title="Sintel")]
    await gateway.problem(400, "invalid_request", "PATCH", "/media/m1", json={"title": ""})
    await gateway.problem(400, "invalid_request", "PATCH", "/media/m1", json={})
    removed = await gateway.http.delete("/api/v1/media/m1")
    assert (removed.status_code, removed.json()["id"]) == (200, "m1")
    await gateway.problem(409, "media_item_in_use", "DELETE", "/media/m2")


async def test_libraries(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """Every library with its trouble; its marker is written by name."""
    movies = LibraryStatus(name="movies", kind="movies", root="/data", available=False, problem="no marker")
    await services.answers("importer", "libraries.list", Empty, lambda _: Libraries((movies,)))
    await services.answers("importer", "libraries.init", LibraryName, lambda _: movies)
    assert (await gateway.get("/libraries"))["items"][0]["problem"] == "no marker"
    assert (await gateway.http.post("/api/v1/libraries/movies/init")).status_code == 200
    assert services.of("libraries.init") == [LibraryName(name="movies")]


async def test_history(gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest) -> None:
    """Newest first for all, oldest first for one download, also when it is gone or asked by an alias."""
    entry = HistoryEntry(
        id="e1", type="download.added", client="deluge", time=NOW, data={"name": "S"}, download_id="a1"
    )
    await services.answers("history", "list", HistoryQuery, lambda _: Page((entry,), "more"))
    page = await gateway.get("/history", type="download", client="deluge", limit=7)
    assert (page["items"][0]["data"], page["next"]) == ({"name": "S"}, "more")
    await poller.table(row("a1", aliases=("a1", "alias")))
    await gateway.shows(1)
    await gateway.get("/downloads/deluge/alias/history")
    await gateway.get("/downloads/deluge/gone/history", cursor="c")
    assert services.of("list") == [
        HistoryQuery(limit=7, client="deluge", type="download"),
        HistoryQuery(client="deluge", id="a1", oldest_first=True),
        HistoryQuery(client="deluge", id="gone", oldest_first=True, cursor="c"),
    ]


async def test_nobody_there_is_a_clear_503(gateway: GatewayForTest) -> None:
    """Without the importer and the history their routes say so at once; the queue goes on."""
    paths = ("/imports", "/imports/x", "/media", "/libraries", "/history", "/downloads/deluge/a1/history")
    for path in paths:
        await gateway.problem(503, "no_responder", "GET", path)
    await gateway.problem(503, "no_responder", "POST", "/media", json={"kind": "movie", "title": "Sintel"})
    await gateway.problem(503, "no_responder", "POST", "/libraries/movies/init")
    await gateway.problem(503, "no_responder", "POST", "/imports/x/retry")
    assert (await gateway.get("/queue"))["items"] == []

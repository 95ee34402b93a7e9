"""The queue over HTTP: from frames on a real bus to pages, rows and what they say of their client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integration.gateway.conftest import GatewayForTest, PollerForTest, row, until
from sluice_common.contracts.frames import Writer
from sluice_common.model.enums import Health, Reason, State
from support.nats import NatsForTest


async def test_a_row_has_its_three_axes(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A row tells progress, health and import apart, whose it is, and how fresh it is."""
    await poller.status()
    at = await poller.table(
        row("a1", category="movies", health=Health.WARNING, reason=Reason.TRACKER_ERROR, message="refused")
    )
    await gateway.shows(1)
    page = await gateway.get("/queue")
    (shown,) = page["items"]
    assert shown["state"] == "downloading"
    assert (shown["health"], shown["reason"], shown["message"]) == ("warning", "tracker_error", "refused")
    assert shown["import"] == {"state": "none", "reason": None, "message": None, "id": None}
    assert shown["progress"] == 0.25
    assert shown["owner"] == "sluice"
    assert shown["stale"] is False
    assert shown["age_seconds"] < 30
    assert shown["position"] == {"incarnation": at.incarnation, "sequence": at.sequence}


async def test_filters_sorts_and_pages(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Pages cut by a cursor are exactly the matching rows in the asked order, and say how many there are."""
    rows = [
        row(f"{i:02d}", name=f"Row {i:02d}", size=None if i == 7 else 1000 - i, category="movies" if i % 2 else None)
        for i in range(12)
    ]
    await poller.table(*rows, row("zz", name="A seed", state=State.SEEDING, health=Health.ERROR))
    await gateway.shows(13)

    async def pages(**params: str | int) -> list[str]:
        found, cursor = list[str](), None
        while True:
            page = await gateway.get("/queue", limit=3, **params, **({"cursor": cursor} if cursor else {}))
            assert page["total"] == 13 or params.keys() & {"category", "state", "health", "search", "owner"}
            found += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return found

    assert await pages(sort="name", search="ROW") == [f"{i:02d}" for i in range(12)]
    assert await pages(sort="-name", search="row") == [f"{i:02d}" for i in reversed(range(12))]
    assert await pages(sort="-size", search="row") == [
        "00",
        "01",
        "02",
        "03",
        "04",
        "05",
        "06",
        "08",
        "09",
        "10",
        "11",
        "07",
    ]
    assert await pages(category="movies") == ["01", "03", "05", "07", "09", "11"]
    assert await pages(owner="sluice") == ["01", "03", "05", "07", "09", "11"]
    assert await pages(state="seeding") == ["zz"]
    assert await pages(health="error") == ["zz"]
    assert await pages(category="") == ["zz", "00", "02", "04", "06", "08", "10"]
    assert (await gateway.get("/queue", client="other"))["items"] == []


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/queue", "category, client, cursor, health, limit, owner, search, sort, state"),
        ("/downloads/deluge/a1/files", "start"),
        ("/clients", "none"),
    ],
)
async def test_a_parameter_that_is_not_known_is_refused(gateway: GatewayForTest, path: str, known: str) -> None:
    """A filter that is passed over would show everything; the refusal names those that there are."""
    response = await gateway.http.get(f"/api/v1{path}", params={"bogus": "1"})
    told = response.json()
    assert (response.status_code, told["code"]) == (400, "invalid_request")
    assert told["detail"] == f"the query parameter 'bogus' is not known here; it takes {known}"


async def test_other_clients_rows_are_not_shown(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A client that is not configured has no rows, whatever is on the bus."""
    stranger = PollerForTest(poller.bus, "stranger")
    await stranger.table(row("s1", client="stranger"))
    await poller.table(row("a1"))
    await gateway.shows(1)
    await gateway.problem(404, "unknown_client", "GET", "/queue", params={"client": "stranger"})


async def test_a_client_that_is_down_keeps_its_rows(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Its rows stay, stale with their age, and the answer names it with the reason."""
    await poller.table(row("a1"))
    ago = datetime.now(UTC) - timedelta(seconds=90)
    await poller.status(Health.ERROR, reason="unreachable", message="connection refused", last_good_poll=ago)

    async def told() -> bool:
        page = await gateway.get("/queue")
        named = {client["name"]: client for client in page["clients"]}
        return bool(page["items"] and named["deluge"]["reason"] == "unreachable")

    await until(told, "the queue names the client")
    page = await gateway.get("/queue")
    (shown,) = page["items"]
    assert shown["stale"] is True
    assert 89 < shown["age_seconds"] < 120
    named = {client["name"]: client for client in page["clients"]}
    assert named["deluge"]["message"] == "connection refused"
    assert named["other"]["reason"] == "no_status"
    clients = {client["name"]: client for client in (await gateway.get("/clients"))["items"]}
    assert clients["deluge"]["downloads"] == 1
    assert clients["deluge"]["version"] == "2.2.0"
    assert clients["deluge"]["health"] == "error"


async def test_a_silent_poller_makes_rows_stale(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Health that nobody has confirmed for long is not trusted, though its last word was ok."""
    await poller.table(row("a1"))
    await poller.status(last_good_poll=datetime.now(UTC) - timedelta(seconds=120))

    async def stale() -> bool:
        page = await gateway.get("/queue")
        reasons = [client["reason"] for client in page["clients"] if client["name"] == "deluge"]
        return reasons == ["not_polled"] and all(item["stale"] for item in page["items"])

    await until(stale, "the rows are stale")


async def test_deltas_and_removals(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """The page follows every committed frame: changed, moved and removed rows."""
    await poller.table(row("a1", name="A"), row("b1", name="B"))
    await gateway.shows(2)
    await poller.change(row("a1", name="Z", done=1000, is_complete=True, state=State.SEEDING), removed=("b1",))
    await gateway.shows(1)
    (shown,) = (await gateway.get("/queue"))["items"]
    assert (shown["name"], shown["progress"], shown["state"]) == ("Z", 1.0, "seeding")
    await gateway.problem(404, "unknown_download", "GET", "/downloads/deluge/b1")


async def test_a_download_is_found_by_its_alias(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Every name that the client may use leads to the row."""
    await poller.table(row("a1", aliases=("a1", "longer-name")))
    await gateway.shows(1)
    assert (await gateway.get("/downloads/deluge/longer-name"))["id"] == "a1"


async def test_a_wiped_stream_empties_nothing_until_it_is_known_again(
    gateway: GatewayForTest, poller: PollerForTest, nats_server: NatsForTest
) -> None:
    """After JetStream lost everything the last rows stay until a new table is published, then that one counts."""
    await poller.table(row("a1"), row("b1"))
    await gateway.shows(2)
    nats_server.stop()
    nats_server.wipe()
    nats_server.start()

    async def position_gone() -> bool:
        page = await gateway.get("/queue")
        return len(page["items"]) == 2 and all(item["position"] is None for item in page["items"])

    await until(position_gone, "the gateway noticed the new stream", 30)
    await until(lambda: poller.bus.nc.is_connected, "the test is connected again")
    poller.writer = Writer("after-the-wipe", None, 0)
    await poller.table(row("c1"))
    await gateway.shows(1)
    (shown,) = (await gateway.get("/queue"))["items"]
    assert shown["id"] == "c1"
    assert shown["position"]["incarnation"] == "after-the-wipe"

"""Edits, bulk and whole clients over HTTP: what is refused here, what goes to the poller, and what the answers say."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from integration.gateway.conftest import GatewayForTest, PollerForTest, row, running, until
from sluice_common.contracts.commands import Act, Add, Alter, Done, Remove, Steer
from sluice_common.contracts.rpc import Empty
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import Settings
from sluice_common.model import edits
from sluice_common.model.enums import Health, State
from sluice_gateway.bulk import AT_ONCE

EDITS: list[tuple[dict[str, Any], edits.AnyEdit]] = [
    ({"kind": "force_start"}, edits.ForceStart()),
    ({"kind": "force_start", "on": False}, edits.ForceStart(on=False)),
    ({"kind": "reannounce"}, edits.Reannounce()),
    ({"kind": "queue", "to": "top"}, edits.QueueMove(to=edits.Place.TOP)),
    ({"kind": "category", "category": None}, edits.SetCategory(category=None)),
    ({"kind": "tags", "tags": ["x", "y"]}, edits.SetTags(tags=("x", "y"))),
    ({"kind": "limits", "download": 0, "ratio": 1.5}, edits.SetLimits(download=0, ratio=1.5)),
    ({"kind": "move", "save_path": "/films"}, edits.Move(save_path="/films")),
    ({"kind": "rename", "name": "Another"}, edits.Rename(name="Another")),
    ({"kind": "files", "unwanted": [2]}, edits.ChooseFiles(unwanted=(2,))),
    ({"kind": "trackers", "add": ["udp://t.example:1"]}, edits.EditTrackers(add=("udp://t.example:1",))),
    ({"kind": "peers", "peers": ["192.0.2.7:6881"]}, edits.AddPeers(peers=("192.0.2.7:6881",))),
]
EDIT = "/downloads/deluge/a1/edit"


@pytest.fixture
async def household(gateway: GatewayForTest, poller: PollerForTest) -> GatewayForTest:
    """A client with two rows, whose poller takes every edit and shows it in the row's name."""
    await poller.status()
    await poller.table(row("a1", epoch="c7"), row("a2"))
    await gateway.shows(2)

    one_frame = asyncio.Lock()

    async def alter(body: Alter) -> Done:
        kind = str(body.edit.__struct_config__.tag)
        async with one_frame:
            position = await poller.change(msgspec.structs.replace(poller.rows[body.id], name=f"after {kind}"))
        return Done(id=body.id, epoch=poller.rows[body.id].epoch, position=position)

    await poller.answers("alter", Alter, alter)
    return gateway


@pytest.mark.parametrize(("body", "edit"), EDITS, ids=[body["kind"] for body, _ in EDITS])
async def test_an_edit_reaches_the_poller_and_is_in_the_answer(
    household: GatewayForTest, poller: PollerForTest, body: dict[str, Any], edit: edits.AnyEdit
) -> None:
    """Every kind goes with the row's epoch, says who asked from where, and is answered with the row after it."""
    response = await household.http.post(f"/api/v1{EDIT}", json=body, headers={"Idempotency-Key": "k1"})
    assert response.status_code == 200, response.text
    assert response.json()["name"] == f"after {body['kind']}"
    ((_, sent, request),) = poller.asked
    assert sent == Alter(id="a1", edit=edit, epoch="c7")
    assert (request.request_id, request.actor, request.origin) == ("k1", "api", "127.0.0.1")
    again = await household.http.post(f"/api/v1{EDIT}", json=body, headers={"Idempotency-Key": "k1"})
    assert (again.status_code, len(poller.asked)) == (200, 1)


async def test_a_new_category_says_whether_it_is_ours(household: GatewayForTest) -> None:
    """Whoever takes a download out of our categories is told that it will not be imported any more."""
    answers = [
        (await household.http.post(f"/api/v1{EDIT}", json={"kind": "category", "category": category})).json()["note"]
        for category in ("movies", "elsewhere", None)
    ]
    assert answers[0] is None
    assert all("is not imported by Sluice; its categories are: movies" in note for note in answers[1:])


async def test_a_bad_edit_is_refused_before_anybody_is_asked(household: GatewayForTest, poller: PollerForTest) -> None:
    """A problem says what is wrong, and a pass key is in none; the client is not asked."""
    for code, body in (
        ("invalid_request", {"kind": "colour"}),
        ("invalid_request", {"name": "x"}),
        ("invalid_request", {"kind": "limits", "downlaod": 5}),
        ("invalid_request", {"kind": "limits", "download": -1}),
        ("invalid_request", {"kind": "rename", "name": ""}),
        ("invalid_request", {"kind": "queue", "to": "sideways"}),
        ("invalid_request", {"kind": "tags", "tags": ["x"] * 101}),
        ("nothing_to_change", {"kind": "limits"}),
        ("category_invalid", {"kind": "category", "category": "tv "}),
        ("save_path_invalid", {"kind": "move", "save_path": "films"}),
        ("name_invalid", {"kind": "rename", "name": "../x"}),
        ("peer_invalid", {"kind": "peers", "peers": ["somewhere"]}),
    ):
        await household.problem(400, code, "POST", EDIT, json=body)
    secret = {"kind": "trackers", "add": ["ftp://t.example/5ecret"]}
    assert "5ecret" not in str(await household.problem(400, "tracker_invalid", "POST", EDIT, json=secret))
    path = "/downloads/deluge/nothing/edit"
    await household.problem(404, "unknown_download", "POST", path, json={"kind": "reannounce"})
    assert poller.asked == []


async def test_what_a_client_cannot_do_is_its_own_answer(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """`unsupported` comes as 501 in the adapter's words; a client that is down is not asked at all."""
    await poller.status()
    await poller.table(row("a1"))
    await gateway.shows(1)

    def refuse(_: Alter) -> Done:
        raise Problem("unsupported", 501, "Deluge cannot rename; nothing was changed")

    await poller.answers("alter", Alter, refuse)
    body = {"kind": "rename", "name": "x"}
    document = await gateway.problem(501, "unsupported", "POST", EDIT, json=body)
    assert document["detail"] == "Deluge cannot rename; nothing was changed"
    await poller.status(Health.ERROR, reason="unreachable", message="connection refused")

    async def refused() -> bool:
        answer = await gateway.http.post(f"/api/v1{EDIT}", json=body)
        return bool(answer.json()["code"] == "client_unavailable")

    await until(refused, "a client that is down fails the command at once")


async def test_a_bulk_has_a_result_for_each(household: GatewayForTest, poller: PollerForTest) -> None:
    """In the order of the request: the position where it worked, the problem where it did not; one named twice is done
    once, and repeating the request does nothing again."""

    def items(*names: str) -> list[dict[str, str]]:
        return [dict(zip(("client", "id"), name.split("/"), strict=True)) for name in names]

    body = {
        "action": "edit",
        "edit": {"kind": "category", "category": "elsewhere"},
        "items": items("deluge/a2", "deluge/nothing", "qbit/a1", "deluge/a1", "deluge/a2"),
    }
    for _ in range(2):
        response = await household.http.post("/api/v1/downloads/bulk", json=body, headers={"Idempotency-Key": "all"})
        assert response.status_code == 200, response.text
        told = response.json()
        assert (told["done"], told["failed"]) == (3, 2)
        codes = [item["problem"] and item["problem"]["code"] for item in told["items"]]
        assert codes == [None, "unknown_download", "unknown_client", None, None]
        assert [item["id"] for item in told["items"]] == ["a2", "nothing", "a1", "a1", "a2"]
        assert told["items"][0]["position"]["incarnation"] == "inc-deluge"
        assert "is not imported" in told["items"][0]["note"]
        assert sorted(body.id for _, body, _ in poller.asked) == ["a1", "a2"]
    assert len({request.request_id for _, _, request in poller.asked}) == 2
    shown = (await household.get("/queue"))["items"]
    assert {row["name"] for row in shown} == {"after category"}


async def test_each_action_goes_in_bulk(household: GatewayForTest, poller: PollerForTest) -> None:
    """Pause and the like ask as the single command does, remove with its data only where that was said."""
    items = [{"client": "deluge", "id": "a1"}]

    async def act(body: Act) -> Done:
        return Done(id=body.id, position=await poller.change(row("a1", epoch="c7", state=State.PAUSED)))

    async def remove(body: Remove) -> Done:
        return Done(id=body.id, position=await poller.change(removed=(body.id,)))

    for verb in ("pause", "resume", "recheck"):
        await poller.answers(verb, Act, act)
        told = (await household.http.post("/api/v1/downloads/bulk", json={"action": verb, "items": items})).json()
        assert (told["done"], poller.asked[-1][:2]) == (1, (verb, Act(id="a1", epoch="c7")))
    await poller.answers("remove", Remove, remove)
    body = {"action": "remove", "items": items, "data": True}
    assert (await household.http.post("/api/v1/downloads/bulk", json=body)).json()["done"] == 1
    assert poller.asked[-1][1] == Remove(id="a1", epoch="c7", with_data=True)


async def test_a_bulk_that_makes_no_sense_is_refused_whole(household: GatewayForTest, poller: PollerForTest) -> None:
    """What is wrong with all of them is one problem, and nothing is sent."""
    items = [{"client": "deluge", "id": "a1"}]
    for code, body in (
        ("invalid_request", {"action": "pause", "items": []}),
        ("invalid_request", {"action": "explode", "items": items}),
        ("invalid_request", {"action": "edit", "items": items}),
        ("invalid_request", {"action": "pause", "items": items, "edit": {"kind": "reannounce"}}),
        ("invalid_request", {"action": "pause", "items": items, "data": True}),
        ("invalid_request", {"action": "pause", "items": [{"client": "deluge", "id": str(n)} for n in range(1001)]}),
        ("nothing_to_change", {"action": "edit", "items": items, "edit": {"kind": "limits"}}),
    ):
        await household.problem(400, code, "POST", "/downloads/bulk", json=body)
    assert poller.asked == []


async def test_a_bulk_gives_a_client_only_so_much_at_once(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A thousand items wait here, where no deadline runs, and not in the poller's line."""
    ids = [f"d{number}" for number in range(1000)]
    await poller.status()
    await poller.table(*(row(download_id) for download_id in ids))
    await gateway.shows(1000)
    running_now, most = set[str](), [0]

    async def act(body: Act) -> Done:
        running_now.add(body.id)
        most.append(len(running_now))
        for _ in range(5):
            await asyncio.sleep(0)
        running_now.discard(body.id)
        return Done(id=body.id)

    await poller.answers("pause", Act, act)
    body = {"action": "pause", "items": [{"client": "deluge", "id": download_id} for download_id in ids]}
    told = (await gateway.http.post("/api/v1/downloads/bulk", json=body)).json()
    assert (told["done"], len(told["items"])) == (1000, 1000)
    assert 1 < max(most) <= AT_ONCE


async def test_a_whole_client_is_asked_and_changed(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Its limits come from the client now; a control answers once what it did is shown."""
    await poller.status()
    await poller.table(row("a1"))
    await gateway.shows(1)
    limits = edits.Limits(download=1000, alternative=False)
    await poller.answers("limits", Empty, lambda _: limits)
    assert await gateway.get("/clients/deluge/limits") == {"download": 1000, "upload": None, "alternative": False}

    async def steer(_: Steer) -> Done:
        return Done(id="", position=await poller.change(row("a1", state=State.PAUSED)))

    await poller.answers("steer", Steer, steer)
    path = "/clients/deluge/control"
    response = await gateway.http.post(f"/api/v1{path}", json={"kind": "pause_all"})
    assert (response.status_code, response.json()["client"]) == (200, "deluge"), response.text
    assert (await gateway.get("/queue"))["items"][0]["state"] == "paused"
    for body, control in (
        ({"kind": "resume_all"}, edits.ResumeAll()),
        ({"kind": "alternative_limits", "on": True}, edits.AlternativeLimits(on=True)),
        ({"kind": "global_limits", "upload": 0}, edits.GlobalLimits(upload=0)),
    ):
        await gateway.http.post(f"/api/v1{path}", json=body)
        assert poller.asked[-1][1] == Steer(control=control)
    await gateway.problem(400, "nothing_to_change", "POST", path, json={"kind": "global_limits"})
    await gateway.problem(404, "unknown_client", "POST", "/clients/qbit/control", json={"kind": "pause_all"})
    await gateway.problem(404, "unknown_client", "GET", "/clients/qbit/limits")


async def test_without_the_queue_nothing_is_changed(settings: Settings, poller: PollerForTest) -> None:
    """With the feature queue off no edit, no bulk and no control reaches a client through us."""
    async with running(settings.model_copy(update={"features": ("import",)})) as gateway:
        item = {"client": "deluge", "id": "a1"}
        await gateway.problem(409, "queue_off", "POST", EDIT, json={"kind": "reannounce"})
        await gateway.problem(409, "queue_off", "POST", "/downloads/bulk", json={"action": "pause", "items": [item]})
        await gateway.problem(409, "queue_off", "POST", "/clients/deluge/control", json={"kind": "pause_all"})
        await gateway.problem(409, "queue_off", "GET", "/clients/deluge/limits")


async def test_an_add_with_everything(settings: Settings, poller: PollerForTest) -> None:
    """Tags, order and limits of an add arrive at the poller; a tag that no client could keep apart is refused."""
    magnet = f"magnet:?xt=urn:btih:{'c' * 40}"

    async def add(_: Add) -> Done:
        return Done(id="c" * 40, position=await poller.change(row("c" * 40)))

    await poller.status()
    await poller.table()
    await poller.answers("add", Add, add)
    body = {"client": "deluge", "magnet": magnet, "tags": ["x"], "sequential": True, "first_last": True}
    body |= {"download_limit": 1000, "upload_limit": 0}
    async with running(settings.model_copy(update={"features": ("queue",)})) as gateway:
        await gateway.problem(400, "tag_invalid", "POST", "/downloads", json={**body, "tags": ["a,b"]})
        response = await gateway.http.post("/api/v1/downloads", json=body)
        assert response.status_code == 201, response.text
    sent = Add(magnet=magnet, tags=("x",), sequential=True, first_last=True, download_limit=1000)
    assert poller.asked[-1][1] == sent

"""The apps over HTTP. What the importer answers is played."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from integration.gateway.conftest import GatewayForTest, PollerForTest, ServiceForTest, row, running, until
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.apps import AppDownload, AppName, AppQueue, Apps, AppStatus
from sluice_common.contracts.rpc import Empty
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import AppSettings, Settings

NOW = datetime(2026, 11, 21, tzinfo=UTC)


async def test_apps_are_told_and_asked(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """Each with why nothing comes of it; a sync is begun, and a wrong name is refused in the importer's words."""
    sonarr = AppStatus(name="sonarr", kind="sonarr", url="http://sonarr:8989", reason="auth_failed", message="no key")
    unknown = Problem("unknown_app", 404, "there is no app 'x'; known: sonarr")
    await services.answers("importer", "apps.list", Empty, lambda _: Apps((sonarr,)))
    await services.answers("importer", "apps.sync", AppName, lambda asked: sonarr if asked.name != "x" else unknown)
    assert (await gateway.get("/apps"))["items"][0]["reason"] == "auth_failed"
    begun = await gateway.http.post("/api/v1/apps/sonarr/sync")
    assert (begun.status_code, begun.json()["name"]) == (202, "sonarr")
    await gateway.problem(404, "unknown_app", "POST", "/apps/x/sync")


async def test_the_queue_shows_what_the_owner_does(
    settings: Settings, poller: PollerForTest, services: ServiceForTest
) -> None:
    """A download in an app's category has the app's state and words as its import, and follows them."""
    client = settings.clients["deluge"].model_copy(update={"owners": {"tv-sonarr": "sonarr"}})
    app = AppSettings(type="sonarr", url="http://127.0.0.1:1", api_key=SecretStr("k"))
    theirs = settings.model_copy(update={"clients": {"deluge": client}, "apps": {"sonarr": app}})
    await poller.status()
    await poller.table(row("a1", category="tv-sonarr"), row("b2"))

    async def say(seconds: int, *items: AppDownload) -> None:
        queue = AppQueue(app="sonarr", kind="sonarr", asked_at=NOW + timedelta(seconds=seconds), items=items)
        await poller.bus.nc.publish(subjects.app("sonarr"), codec.to_json(queue))

    async with running(theirs) as gateway:
        await gateway.shows(2)

        async def imports() -> dict[str, Any]:
            return {each["id"]: each["import"] for each in (await gateway.get("/queue"))["items"]}

        assert {key: each["state"] for key, each in (await imports()).items()} == {"a1": "unknown", "b2": "none"}
        for second, state, shown in ((1, "importBlocked", "blocked"), (2, "imported", "imported")):
            await say(second, AppDownload(id="a1", state=state, status="warning", messages=("No files found",)))

            async def told(shown: str = shown) -> bool:
                return bool((await imports())["a1"]["state"] == shown)

            await until(told, f"{shown} is shown")
        assert (await imports())["a1"] == {
            "state": "imported", "reason": "imported", "message": "sonarr: No files found", "id": None,
        }  # fmt: skip

"""The apps over HTTP. What the importer answers is played."""

from __future__ import annotations

from integration.gateway.conftest import GatewayForTest, ServiceForTest
from sluice_common.contracts.apps import AppName, Apps, AppStatus
from sluice_common.contracts.rpc import Empty
from sluice_common.kit.errors import Problem


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

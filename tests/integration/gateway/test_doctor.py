"""Doctor over the API, while a poller and an importer of the test's own answer, refuse, or are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from integration.gateway.conftest import GatewayForTest, PollerForTest, ServiceForTest, running
from sluice_common.contracts.doctor import AboutClient, Checkup, Finding, Findings, Verdict
from sluice_common.contracts.history import HistoryQuery
from sluice_common.contracts.rpc import Empty, Page
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import LibrarySettings, Settings, load

TOLD = AboutClient(version="2.2.0", is_tried=True, save_path="/downloads", categories={"tv": None})
Keyed = dict[tuple[str, str], dict[str, Any]]


async def looked(gateway: GatewayForTest) -> tuple[str, Keyed]:
    """The worst verdict, and every finding by check and subject."""
    document = await gateway.get("/doctor")
    return document["status"], {(row["check"], row["subject"]): row for row in document["items"]}


def told(found: Keyed, check: str, subject: str) -> tuple[str, str | None]:
    row = found[check, subject]
    return row["status"], row["code"]


async def test_where_nobody_answers_each_absence_is_a_finding(gateway: GatewayForTest) -> None:
    """No poller, no importer, no history: three findings that say what to do, and bus and database are well."""
    status, found = await looked(gateway)
    assert status == "failed"
    assert told(found, "bus", "nats") == ("ok", None)
    assert told(found, "database", "gateway") == ("ok", None)
    assert told(found, "service", "history") == ("failed", "no_responder")
    assert told(found, "service", "importer") == ("failed", "no_responder")
    assert told(found, "client.login", "deluge") == ("failed", "no_poller")
    assert told(found, "configuration", "sluice.yaml") == ("warning", "no_library")
    assert all(row["advice"] for row in found.values() if row["status"] != "ok")


async def test_what_each_part_says_is_put_together(
    gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """Versions from the pollers, the disk from the importer, which is told only of clients that answered."""
    finding = Finding(
        check="library.link", subject="deluge → tv", status=Verdict.WARNING, code="two_mounts", advice="x"
    )
    await poller.answers("about", Empty, lambda _: TOLD)
    other = PollerForTest(poller.bus, "other")
    await other.answers("about", Empty, lambda _: AboutClient(reason="auth_failed", message="it refused the password"))
    await services.answers("history", "list", HistoryQuery, lambda _: Page(()))
    await services.answers("importer", "doctor", Checkup, lambda _: Findings((finding,)))
    status, found = await looked(gateway)
    assert status == "failed"
    assert services.of("doctor") == [Checkup(clients={"deluge": TOLD})]
    assert told(found, "client.login", "deluge") == ("ok", None)
    assert found["client.version", "deluge"]["detail"] == "deluge 2.2.0"
    assert told(found, "client.login", "other") == ("failed", "auth_failed")
    assert found["client.login", "other"]["detail"] == "it refused the password"
    assert "clients.other.password" in found["client.login", "other"]["advice"]
    assert told(found, "library.link", "deluge → tv") == ("warning", "two_mounts")


async def test_a_poller_that_fails_is_no_failure_of_doctor(
    gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest
) -> None:
    """Its own problem is shown; an importer that refuses leaves the libraries unknown."""

    def refuse(_: Empty) -> AboutClient:
        raise Problem("unknown_outcome", 504, "too slow")

    await poller.answers("about", Empty, refuse)
    await services.answers("importer", "doctor", Checkup, lambda _: Problem("internal_error", 500, "it broke"))
    _, found = await looked(gateway)
    assert told(found, "client.login", "deluge") == ("failed", "no_answer")
    assert told(found, "service", "importer") == ("failed", "internal_error")


async def test_doctor_wants_a_key(gateway: GatewayForTest) -> None:
    """What it tells of paths and users is not for everybody."""
    await gateway.problem(401, "key_unknown", "GET", "/doctor", headers={"X-API-Key": "another"})


async def test_a_configuration_that_changed_is_told(settings: Settings, tmp_path: Path) -> None:
    """Doctor judges what the gateway loaded; it says so once the file is another one."""
    path = tmp_path / "sluice.yaml"
    path.write_text("log_level: info\n")
    settings = settings.model_copy(update={"libraries": {"m": LibrarySettings(kind="movies", root=tmp_path)}})
    settings._origin = load(path).origin
    async with running(settings) as gateway:
        before = await gateway.get("/doctor")
        assert all(row["code"] != "changed" for row in before["items"])
        path.write_text("log_level: debug\n")
        document = await gateway.get("/doctor")
    (row,) = (row for row in document["items"] if row["code"] == "changed")
    assert (row["check"], row["status"]) == ("configuration", "warning")
    assert "restart Sluice" in row["advice"]


async def test_without_imports_nobody_misses_the_importer(settings: Settings) -> None:
    """Where only the queue is wanted, no importer, library or owner is asked for."""
    clients = {name: client.model_copy(update={"owners": {}}) for name, client in settings.clients.items()}
    only = {"features": ("queue",), "libraries": {}, "clients": clients}
    async with running(settings.model_copy(update=only)) as gateway:
        _, found = await looked(gateway)
    checks = [("bus", "nats"), ("database", "gateway"), ("service", "history")]
    assert list(found) == [*checks, ("client.login", "deluge"), ("client.login", "other")]

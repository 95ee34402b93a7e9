"""Every query of the dashboard and of the alerts, asked of a real Prometheus that scraped the real services."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from support.compose import Stack
from support.dashboard import alerts, queries
from support.product import wait

JOBS = {"gateway", "client-poller", "importer", "history"}
# What counts trouble has no series until there is some.
TROUBLE = ('status=~"[45].."', "sluice_poller_held_removals", "sluice_history_reconciled_total")


def asked(prometheus: httpx.Client, path: str, **parameters: str) -> Any:
    """The data of an answer of Prometheus; a fault in a query fails."""
    answer = prometheus.get(path, params=parameters)
    assert answer.status_code == 200, (parameters, answer.text)
    return answer.json()["data"]


@pytest.fixture(scope="module")
def watched(stack: Stack, prometheus: httpx.Client, filed: dict[str, Any]) -> httpx.Client:
    """The stack's Prometheus, after a download went through every service and every service was scraped."""
    assert filed["import"]["state"] == "imported"

    def up() -> bool:
        try:
            targets = asked(prometheus, "/targets", state="active")["activeTargets"]
        except httpx.TransportError:  # it is still starting
            return False
        return {target["labels"]["job"] for target in targets if target["health"] == "up"} == JOBS

    wait(up, seconds=120, what=lambda: f"a scrape of each service; {stack.logs()}", every=0.5)
    return prometheus


def test_every_query_of_the_dashboard_has_an_answer(watched: httpx.Client) -> None:
    """No panel has a fault in its query, and all but those that count trouble show something."""
    expected = [(panel, query) for panel, query in queries() if not any(word in query for word in TROUBLE)]
    for _, query in queries():
        asked(watched, "/query", query=query)

    def empty() -> list[tuple[str, str]]:
        return [(panel, query) for panel, query in expected if not asked(watched, "/query", query=query)["result"]]

    # A rate wants two scrapes after the first import.
    wait(lambda: not empty(), seconds=120, what=lambda: f"no empty panel; empty: {empty()}", every=1)


def test_every_alert_is_evaluated(watched: httpx.Client) -> None:
    """Prometheus loaded each rule and evaluates it without a fault; a household that is well alarms nobody."""

    def health() -> dict[str, str]:
        groups = asked(watched, "/rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    fine = {alert["alert"]: "ok" for alert in alerts()}
    wait(lambda: health() == fine, seconds=90, what=lambda: str(asked(watched, "/rules")), every=0.5)
    assert [alert for alert in asked(watched, "/alerts")["alerts"] if alert["state"] == "firing"] == []

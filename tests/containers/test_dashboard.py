"""Every query of the dashboard and of the alerts, asked of a real Prometheus that scraped the real services."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import yaml

from support.compose import Stack
from support.dashboard import alerts, queries
from support.docker import ROOT
from support.product import wait

JOBS = {"gateway", "client-poller", "importer", "history"}
# What counts trouble has no series until there is some.
TROUBLE = ('status=~"[45].."', "sluice_poller_held_removals", "sluice_history_reconciled_total")


def asked(prometheus: httpx.Client, expression: str) -> list[object]:
    """The series of one query; a fault in it fails."""
    answer = prometheus.get("/query", params={"query": expression})
    assert answer.status_code == 200, (expression, answer.text)
    series: list[object] = answer.json()["data"]["result"]
    return series


def scraped(prometheus: httpx.Client, times: int = 3) -> bool:
    """Whether every service was scraped so often that rates can be told."""
    seen = prometheus.get("/query", params={"query": "sum by (job) (count_over_time(up[10m]) * on (job, instance) up)"})
    if seen.status_code != 200:
        return False
    counts = {series["metric"]["job"]: float(series["value"][1]) for series in seen.json()["data"]["result"]}
    return set(counts) == JOBS and min(counts.values()) >= times


@pytest.fixture(scope="module")
def watched(stack: Stack, prometheus: httpx.Client, filed: dict[str, Any]) -> httpx.Client:
    """Prometheus, once it has seen enough of every service after a download went through all of them."""
    assert filed["import"]["state"] == "imported"
    wait(
        lambda: scraped(prometheus), seconds=180, what=lambda: f"three scrapes of each service; {stack.logs()}", every=1
    )
    return prometheus


def test_every_query_of_the_dashboard_has_an_answer(watched: httpx.Client) -> None:
    """No panel has a fault in its query, and those whose metric is always there show something."""
    answers = {(panel, expression): asked(watched, expression) for panel, expression in queries()}
    empty = [asked for asked, series in answers.items() if not series and not any(word in asked[1] for word in TROUBLE)]
    assert empty == []


def test_every_alert_can_be_evaluated(watched: httpx.Client) -> None:
    """Prometheus loaded each rule and evaluated it without a fault; a household that is well has no alert."""
    asked_for = {alert["alert"] for alert in alerts()}
    groups = watched.get("/rules").json()["data"]["groups"]
    rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert set(rules) == asked_for
    wait(
        lambda: all(
            rule["health"] == "ok"
            for group in watched.get("/rules").json()["data"]["groups"]
            for rule in group["rules"]
        ),
        seconds=90,
        what=lambda: str(watched.get("/rules").json()),
        every=1,
    )


def test_what_is_scraped_is_what_is_composed(watched: httpx.Client) -> None:
    """Every job of the configuration finds its service by name."""
    configured = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert {job["job_name"] for job in configured} == JOBS

"""What lies in deploy/ agrees with itself and with the code: services, ports, metrics, hardening."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from sluice_client_poller import metrics as poller
from sluice_common.kit.metrics import REGISTRY
from sluice_embedded.services import SERVICES
from sluice_gateway import metrics as gateway
from sluice_history import metrics as history
from sluice_importer import metrics as importer
from support.dashboard import alerts, dashboard, metric_names, panels, queries
from support.docker import ROOT

DEPLOY = ROOT / "deploy"
NAMES = {service.name for service in SERVICES}
DECLARED = (poller, gateway, history, importer)  # importing them declares their metrics


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document


def exported() -> set[str]:
    """The names of all metrics as Prometheus stores them; a histogram's without its suffix."""
    assert DECLARED
    return {name for metric in REGISTRY.collect() for name in (metric.name, f"{metric.name}_total")}


def test_the_same_services_run_everywhere() -> None:
    """What `sluice up` runs, compose runs, the image's entrypoint knows, and Prometheus scrapes."""
    composed = compose()["services"]
    assert {name for name, service in composed.items() if service["image"].startswith("sluice:")} == NAMES
    assert all(composed[name]["command"] == [name] for name in NAMES)
    known = re.search(r"^  (.*)\) exec python3 -m", (DEPLOY / "image/entrypoint").read_text(), re.M)
    assert known is not None
    assert set(known.group(1).split(" | ")) == NAMES
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert {job["job_name"] for job in scraped} == NAMES
    assert all(job["dns_sd_configs"][0]["names"] == [job["job_name"]] for job in scraped)


def test_every_port_is_the_images() -> None:
    """The ports of the image's settings are those that compose publishes, checks and scrapes."""
    image = (DEPLOY / "Dockerfile").read_text()
    assert "SLUICE_GATEWAY__PORT=8420" in image
    assert "SLUICE_HEALTH__PORT=8421" in image
    assert compose()["services"]["gateway"]["ports"] == ["${LISTEN:-127.0.0.1}:${PORT:-8420}:8420"]
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    assert {job["dns_sd_configs"][0]["port"] for job in scraped} == {8421}


@pytest.mark.parametrize("name", sorted(compose()["services"]))
def test_no_service_is_left_unlocked(name: str) -> None:
    """Every container loses what it does not need, ours and the others', and none has a password in its environment."""
    service = compose()["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only") is True or name == "grafana", "Grafana writes plugins and caches into its own root"
    assert "privileged" not in service
    for key in service.get("environment", {}):
        assert "PASSWORD" not in key or key.endswith("_FILE")
    for port in service.get("ports", ()):
        assert port.startswith(("127.0.0.1:", "${LISTEN:-127.0.0.1}:"))


def test_every_metric_that_is_shown_is_measured() -> None:
    """The dashboard and the alerts read metrics that some service declares."""
    read = {name for _, expression in queries() for name in metric_names(expression)}
    read |= {name for alert in alerts() for name in metric_names(alert["expr"])}
    assert len(read) > 20
    assert read - exported() == set()


def test_the_dashboard_can_be_provisioned() -> None:
    """Unique ids, one datasource that the provisioning makes, a title and a description on every panel, no overlap."""
    document = dashboard()
    assert document["uid"] == "sluice"
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/sluice.yaml").read_text())["datasources"]
    cells: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["title"]
        assert panel["description"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {sources[0]["uid"]}
        place = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & covered, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= covered

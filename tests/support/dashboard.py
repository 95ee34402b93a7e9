"""The queries of deploy/grafana and the alerts of deploy/prometheus, as values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from support.docker import ROOT

FILE = ROOT / "deploy/grafana/dashboards/sluice.json"
# What Grafana puts in: four scrapes, and the whole of what is shown.
VARIABLES = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "6h"}
_SUFFIXES = ("_bucket", "_sum", "_count")
_NAME = re.compile(r"\b(?:sluice|process|faststream|python)_[a-z0-9_]+")


def dashboard() -> dict[str, Any]:
    """The dashboard's document."""
    document: dict[str, Any] = json.loads(FILE.read_text())
    return document


def panels() -> list[dict[str, Any]]:
    """Its panels, rows apart."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """(panel, PromQL) of every target, Grafana's variables put in."""
    for panel in panels():
        for target in panel["targets"]:
            expression: str = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression


def alerts() -> list[dict[str, Any]]:
    """The alerting rules."""
    groups = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def metric_names(expression: str) -> set[str]:
    """The metrics that an expression reads, a histogram's under its own name."""
    return {_base(name) for name in _NAME.findall(expression)}


def _base(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name

"""Somebody who turns pages, in a process of their own: pages of 100, one after another, in several orders and views.

Told is one line: the milliseconds of each request, by view.
"""

from __future__ import annotations

import time

import httpx

from bench.aside import given, tell

VIEWS: dict[str, dict[str, str]] = {
    "by_name": {"sort": "name"},
    "by_speed": {"sort": "-up_speed"},
    "category": {"sort": "-added", "category": "tv"},
    "search": {"sort": "name", "search": "s03e1"},
}


def main() -> None:
    """Each view as often as asked; every second page of a view is the one after the first."""
    asked = given()
    took: dict[str, list[float]] = {view: [] for view in VIEWS}
    with httpx.Client(base_url=asked["url"], headers={"X-API-Key": asked["key"]}, trust_env=False, timeout=30) as http:
        http.get("/api/v1/queue", params={"limit": 100}).raise_for_status()
        for _ in range(asked["pages"]):
            for view, params in VIEWS.items():
                cursor: str | None = None
                for _ in range(2):
                    began = time.perf_counter()
                    asked_for = {"limit": "100", **params} | ({"cursor": cursor} if cursor else {})
                    reply = http.get("/api/v1/queue", params=asked_for).raise_for_status()
                    took[view].append((time.perf_counter() - began) * 1000)
                    cursor = reply.json().get("next")
    tell(**took)


if __name__ == "__main__":
    main()

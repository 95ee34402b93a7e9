"""What an app does with a download that it owns is that download's import axis, in the app's own words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice_common.contracts.apps import AppDownload, AppQueue
from sluice_common.contracts.library import ImportState
from sluice_gateway.live.apps import AppOverlays
from sluice_gateway.live.rows import NO_IMPORT
from unit.gateway.made import row as download

AT = datetime(2026, 11, 21, tzinfo=UTC)
OWNERS = {"deluge": {"tv-sonarr": "sonarr", "old": "gone", "tv": "sluice"}}


def queue(*items: AppDownload, seconds: int = 0, **fields: Any) -> AppQueue:
    return AppQueue(app="sonarr", kind="sonarr", asked_at=AT + timedelta(seconds=seconds), items=items, **fields)


@pytest.fixture
def overlays() -> AppOverlays:
    return AppOverlays({"sonarr"}, OWNERS)


def state_of(overlays: AppOverlays, **fields: Any) -> ImportState:
    overlay = overlays.of(download("a1", category="tv-sonarr", **fields))
    assert overlay is not None
    return overlay.state


def test_only_what_a_configured_app_owns_is_its_business(overlays: AppOverlays) -> None:
    """Ours, nobody's, and that of an app that is not configured are shown as without apps."""
    for category in ("tv", None, "old"):
        assert overlays.of(download("a1", category=category)) is None
    assert state_of(overlays) is ImportState.UNKNOWN


@pytest.mark.parametrize(
    ("state", "status", "shown"),
    [
        ("downloading", "ok", ImportState.NONE),
        ("importPending", "ok", ImportState.WAITING),
        ("importPending", "warning", ImportState.BLOCKED),
        ("importBlocked", "warning", ImportState.BLOCKED),
        ("importing", "ok", ImportState.IMPORTING),
        ("imported", "ok", ImportState.IMPORTED),
        ("failedPending", "error", ImportState.FAILED),
        ("ignored", "ok", ImportState.IGNORED),
        ("somethingNew", "ok", ImportState.UNKNOWN),
    ],
)
def test_the_apps_states_are_told_as_ours(overlays: AppOverlays, state: str, status: str, shown: ImportState) -> None:
    """A state that a newer app has is unknown, and its word is kept."""
    overlays.take(queue(AppDownload(id="a1", state=state, status=status)))
    assert state_of(overlays) is shown
    if shown is ImportState.UNKNOWN:
        overlay = overlays.of(download("a1", category="tv-sonarr"))
        assert overlay is not None
        assert (overlay.reason, overlay.message) == ("somethingNew", "sonarr: somethingNew")


def test_why_it_is_not_imported_is_in_the_apps_own_words(overlays: AppOverlays) -> None:
    """Also where the client calls the download by another of its names; five sentences are enough."""
    words = tuple(f"word {number}" for number in range(7))
    overlays.take(queue(AppDownload(id="v1", state="importBlocked", status="warning", messages=words)))
    overlay = overlays.of(download("a1", category="tv-sonarr", aliases=("a1", "v1")))
    assert overlay is not None
    assert overlay.message == "sonarr: word 0; word 1; word 2; word 3; word 4"


def test_what_the_app_does_not_have_has_no_import(overlays: AppOverlays) -> None:
    """It was imported and forgotten, or the app does not know it yet."""
    overlays.take(queue())
    assert overlays.of(download("a1", category="tv-sonarr")) == NO_IMPORT


def test_an_app_that_cannot_be_asked_leaves_it_unknown(overlays: AppOverlays) -> None:
    """What it said before may no longer be so; why is said. After silence nothing is known either."""
    overlays.take(queue(AppDownload(id="a1", state="importing")))
    overlays.take(queue(seconds=1, reason="unreachable", message="connection refused"))
    overlay = overlays.of(download("a1", category="tv-sonarr"))
    assert overlay is not None
    assert (overlay.state, overlay.reason) == (ImportState.UNKNOWN, "unreachable")
    assert overlay.message == "sonarr: connection refused"
    overlays.take(queue(AppDownload(id="a1", state="importing"), seconds=2))
    overlays.silence("sonarr")
    assert state_of(overlays) is ImportState.UNKNOWN


def test_only_news_is_told(overlays: AppOverlays) -> None:
    """An older answer, and the same one again, wake nobody; nor do apps that are not configured."""
    told: list[str] = []
    overlays.on_change.append(told.append)
    overlays.take(queue(AppDownload(id="a1", state="importing"), seconds=5))
    overlays.take(queue(seconds=4))
    overlays.take(queue(AppDownload(id="a1", state="importing"), seconds=6))
    overlays.take(AppQueue(app="radarr", kind="radarr", asked_at=AT))
    assert told == ["sonarr"]
    overlays.take(queue(seconds=7))
    overlays.silence("sonarr")
    overlays.silence("sonarr")
    assert told == ["sonarr"] * 3

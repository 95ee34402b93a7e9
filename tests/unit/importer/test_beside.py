"""Two importers of one file would fight: what doctor says of the apps beside us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sluice_common.contracts.doctor import Verdict
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_importer.doctor.beside import AboutApp, app

CLIENTS = {
    "qbit": ClientSettings(type="qbittorrent", url="http://q", owners={"tv-sonarr": "sonarr", "movies": "sluice"})
}
LIBRARIES = {"tv": LibrarySettings(kind="series", root=Path("/data/media/tv"))}


def found(**told: Any) -> dict[str, tuple[Verdict, str | None]]:
    findings = app("sonarr", AboutApp(version="4.0", **told), CLIENTS, LIBRARIES)
    return {one.check: (one.status, one.code) for one in findings}


def test_an_app_that_keeps_off_is_well() -> None:
    """It may use the category that is its own, and folders beside ours."""
    assert found(categories={"qb": frozenset({"tv-sonarr"})}, roots=("/data/media/tv2", "/data/media/movies")) == {
        "app.login": (Verdict.OK, None),
        "app.categories": (Verdict.OK, None),
        "app.roots": (Verdict.OK, None),
    }


def test_a_category_that_both_import_is_refused() -> None:
    """It says which, by whose setting, and what to do."""
    told = AboutApp(version="4.0", categories={"qb": frozenset({"movies", "other"})})
    (shared,) = [one for one in app("sonarr", told, CLIENTS, LIBRARIES) if one.status is Verdict.FAILED]
    assert (shared.check, shared.code) == ("app.categories", "category_shared")
    assert "'movies'" in shared.detail
    assert "clients.qbit.owners" in shared.advice


@pytest.mark.parametrize("root", ["/data/media/tv", "/data/media/tv/", "/data/media", "/data/media/tv/kids"])
def test_a_root_in_a_library_is_worth_a_word(root: str) -> None:
    """The same folder, one above it and one below it."""
    assert found(roots=(root,))["app.roots"] == (Verdict.WARNING, "root_shared")


@pytest.mark.parametrize(
    ("reason", "advice"), [("auth_failed", "api_key_file"), ("unreachable", "running"), ("protocol_error", "version 3")]
)
def test_one_that_cannot_be_asked_is_said_and_nothing_else(reason: str, advice: str) -> None:
    """With the key of the configuration to look at."""
    (login,) = app("sonarr", AboutApp(reason=reason, message="why"), CLIENTS, LIBRARIES)
    assert (login.check, login.status, login.code, login.detail) == ("app.login", Verdict.FAILED, reason, "why")
    assert advice in login.advice
    assert "{" not in login.advice

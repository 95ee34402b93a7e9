"""Saving into a library, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.gateway.conftest import (
    MAGNET,
    GatewayForTest,
    PollerForTest,
    ServiceForTest,
    accepts_adds,
    associated,
    row,
    running,
)
from sluice_common.contracts.commands import Alter, Done
from sluice_common.contracts.library import Associate
from sluice_common.kit.settings import Feature, LibrarySettings, Settings


@pytest.mark.parametrize("features", [("queue", "import"), ("queue",)])
async def test_nothing_is_saved_into_a_library(
    settings: Settings, poller: PollerForTest, services: ServiceForTest, features: tuple[Feature, ...]
) -> None:
    """An add and a move are refused before anybody is asked, each of a bulk by itself; without the import a library is
    a folder like any other."""
    library = LibrarySettings(kind="movies", root=Path("/data/media/movies"))
    household = settings.model_copy(update={"libraries": {"movies": library}, "features": features})
    await accepts_adds(poller)
    await poller.answers("alter", Alter, lambda body: Done(id=body.id))
    await services.answers("importer", "associate", Associate, associated)
    async with running(household) as gateway:
        await poller.status()
        await poller.table(row("a1"))
        await gateway.shows(1)
        move = {"kind": "move", "save_path": "/data/media/movies/new"}
        add = {"client": "deluge", "magnet": MAGNET, "save_path": "/data/media/movies"}
        many = {"action": "edit", "edit": move, "items": [{"client": "deluge", "id": "a1"}]}
        told = [await status(gateway, path, body) for path, body in (
            ("/downloads", add), ("/downloads/deluge/a1/edit", move), ("/downloads/bulk", many))]  # fmt: skip
        if "import" in features:
            assert told == [(400, "save_path_in_library"), (400, "save_path_in_library"), (200, None)]
            assert poller.asked == []
        else:
            assert [code for _, code in told] == [None, None, None]
            assert [verb for verb, _, _ in poller.asked] == ["add", "alter", "alter"]


async def status(gateway: GatewayForTest, path: str, body: object) -> tuple[int, str | None]:
    response = await gateway.http.post(f"/api/v1{path}", json=body)
    return response.status_code, response.json().get("code")

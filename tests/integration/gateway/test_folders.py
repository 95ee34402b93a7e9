"""Saving into a library, over HTTP."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from integration.gateway.conftest import (
    MAGNET,
    TORRENT,
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
    """An add and a move are refused before anybody is asked, each of a bulk by itself, and a torrent whose own name is
    the library's beside its parent; without the import a library is a folder like any other."""
    roots = {"movies": Path("/data/media/movies"), "sintel": Path("/data/media/Sintel")}
    libraries = {name: LibrarySettings(kind="movies", root=root) for name, root in roots.items()}
    household = settings.model_copy(update={"libraries": libraries, "features": features})
    await accepts_adds(poller)
    await poller.answers("alter", Alter, lambda body: Done(id=body.id))
    await services.answers("importer", "associate", Associate, associated)
    async with running(household) as gateway:
        await poller.status()
        await poller.table(row("a1"))
        await gateway.shows(1)
        move = {"kind": "move", "save_path": "/data/media/movies/new"}
        add = {"client": "deluge", "magnet": MAGNET, "save_path": "/data/media/movies"}
        named = {
            "client": "deluge",
            "torrent": base64.b64encode(TORRENT).decode(),
            "save_path": "/data/media",
        }
        many = {"action": "edit", "edit": move, "items": [{"client": "deluge", "id": "a1"}]}
        asked = (
            ("/downloads", add),
            ("/downloads", named),
            ("/downloads/deluge/a1/edit", move),
            ("/downloads/bulk", many),
        )
        told = [await status(gateway, path, body) for path, body in asked]
        if "import" in features:
            assert told == [*[(400, "save_path_in_library")] * 3, (200, None)]
            assert poller.asked == []
        else:
            assert [code for _, code in told] == [None] * 4
            assert [verb for verb, _, _ in poller.asked] == ["add", "add", "alter", "alter"]


async def status(gateway: GatewayForTest, path: str, body: object) -> tuple[int, str | None]:
    response = await gateway.http.post(f"/api/v1{path}", json=body)
    return response.status_code, response.json().get("code")

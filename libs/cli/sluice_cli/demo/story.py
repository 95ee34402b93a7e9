"""The demo's plot: wait for everything to run, add two magnets, follow them until both are in the library."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sluice_cli.api import Api, connected, segment
from sluice_cli.demo.programs import CATEGORIES, CLIENT, SLUICE, Household
from sluice_cli.demo.scene import Placed, Scene, Step, Title
from sluice_cli.demo.screen import Screen
from sluice_cli.failure import Failure
from sluice_cli.queue import followed
from sluice_cli.target import Given, find
from sluice_cli.watched import Watched
from sluice_common.kit.clock import Clock
from sluice_common.kit.tasks import checkpoint
from sluice_embedded import banner
from sluice_embedded.sandbox.deluge import DAEMON, WEB

_START_SECONDS = 120.0
_PATH_SECONDS = 240.0
_OFTEN = 0.1
_STUCK = ("blocked", "failed", "ignored")

_EPISODE = "Tinwhistle.Bay.S01E01.1080p.WEB-DL.x264-DEMO.mkv"
_MOVIE = "The.Copper.Kite.2024.1080p.BluRay.x264-DEMO.mkv"
# Random bytes, as slow as to be watched for some ten seconds.
TORRENTS: list[dict[str, Any]] = [
    {"name": _EPISODE, "files": 4_000_000, "upload_limit": 350_000},
    {"name": _MOVIE, "files": 6_000_000, "upload_limit": 450_000},
]


def opening() -> Scene:
    """The scene before anything runs."""
    steps = [
        Step("A swarm of our own, with an episode and a movie of random bytes"),
        Step("A real Deluge, in a directory of its own"),
        Step("Sluice, with its own bus and database"),
    ]
    titles = [Title("Episode", _EPISODE), Title("Movie", _MOVIE)]
    return Scene(steps, titles)


@dataclass
class Story:
    """One telling. Raises Failure when it cannot come to its good end in time."""

    household: Household
    screen: Screen
    clock: Clock
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock.monotonic()

    @property
    def _scene(self) -> Scene:
        return self.screen.scene

    async def start(self) -> None:
        """Wait until swarm, Deluge and Sluice answer."""
        swarm, deluge, sluice = self._scene.steps
        async with _within(_START_SECONDS, "not everything runs"), asyncio.TaskGroup() as group:
            group.create_task(self._step(swarm, self._seeds))
            group.create_task(self._step(deluge, self._deluge_answers))
            group.create_task(self._step(sluice, self._sluice_is_ready))

    async def play(self, once: bool) -> None:
        """From the magnets to the library; unless `once`, all of it stays until cancelled."""
        environ = {"SLUICE_DATA": str(self.household.home.data)}
        target = find(Given(None, None, environ, root=False))
        async with _within(_PATH_SECONDS, "it is not in the library"), connected(target) as api:
            await self._prepare(api)
            await self._add(api)
            await self._follow(api)
        self._scene.seconds = self.clock.monotonic() - self.began
        self.screen.show()
        if not once:
            self.screen.say(_what_next(self.household))
            await asyncio.Event().wait()

    async def _step(self, step: Step, done: Callable[[], Awaitable[bool]]) -> None:
        while not await done():
            checkpoint()
            await self.clock.sleep(_OFTEN)
        step.seconds = self.clock.monotonic() - self.began
        self.screen.show()

    async def _seeds(self) -> bool:
        return self.household.seeded.exists()

    async def _deluge_answers(self) -> bool:
        deluge = self.household.deluge
        return all([await asyncio.to_thread(deluge.answers, name) for name in (DAEMON, WEB)])

    async def _sluice_is_ready(self) -> bool:
        log = self.household.home.logs / f"{SLUICE}.log"
        return log.exists() and banner.READY in log.read_text(errors="replace")

    async def _prepare(self, api: Api) -> None:
        """Mark both roots as ours; wait for the client's first table, so that the adds are news."""
        for name in CATEGORIES:
            await api.call("POST", f"/libraries/{name}/init")
        while not all(client.get("last_good_poll") for client in (await api.get("/clients")).document["items"]):
            await self.clock.sleep(_OFTEN)

    async def _add(self, api: Api) -> None:
        self.began = self.clock.monotonic()
        seeded: list[dict[str, str]] = msgspec.json.decode(self.household.seeded.read_bytes())
        for title, category, torrent in zip(self._scene.titles, CATEGORIES, seeded, strict=True):
            body = {"client": CLIENT, "magnet": torrent["magnet"], "category": category}
            title.row = (await api.call("POST", "/downloads", body=body)).document
            self.screen.show()

    async def _follow(self, api: Api) -> None:
        """Keep the titles' rows current from the stream until both are in the library."""
        watched = Watched()
        async for message in followed(api, {"limit": 100}):
            watched.take(message.event, msgspec.json.decode(message.data))
            rows = {row["id"]: row for row in watched.document["items"]}
            for title in self._scene.titles:
                await self._hear(api, title, rows)
            self.screen.show()
            if all(title.placed for title in self._scene.titles):
                return

    async def _hear(self, api: Api, title: Title, rows: dict[str, dict[str, Any]]) -> None:
        assert title.row is not None
        title.row = row = rows.get(title.row["id"], title.row)
        state, reason = row["import"]["state"], row["import"].get("reason")
        if state in _STUCK and title.placed is None:
            raise Failure(f"the import of {title.name} is {state}: {reason}")
        if state == "imported" and title.placed is None:
            title.placed = await self._placed(api, row)

    async def _placed(self, api: Api, row: dict[str, Any]) -> Placed:
        """Where the file of an import ended, looked at on the disk."""
        found = (await api.get(f"/imports/{segment(row['import']['id'])}")).document
        target = next(file["target"] for file in found["files"] if file.get("placed"))
        name = f"{found['library']}/{target}"
        path = self.household.home.media / name
        there, theirs = path.stat(), (self.household.deluge.download_dir / row["name"]).stat()
        same = (there.st_dev, there.st_ino) == (theirs.st_dev, theirs.st_ino)
        return Placed(name, path, there.st_size, there.st_ino, there.st_nlink, same)


def _within(seconds: float, what: str) -> _Deadline:
    return _Deadline(seconds, what)


class _Deadline:
    """`asyncio.timeout` that says what is late."""

    def __init__(self, seconds: float, what: str) -> None:
        self._timeout = asyncio.timeout(seconds)
        self._late = f"{what} after {seconds:.0f} s"

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await self._timeout.__aexit__(*raised)
        except TimeoutError:
            raise Failure(self._late) from None


def _what_next(household: Household) -> str:
    command = Path(sys.executable).parent / "sluice"
    shown = os.path.relpath(command) if command.is_relative_to(Path.cwd()) else str(command)
    ours = f"SLUICE_DATA={shlex.quote(str(household.home.data))} {shown}"
    lines = [
        "",
        f"  Address    http://127.0.0.1:{household.port}  (the API's reference: /schema/openapi.json)",
        f"  API key    in {household.layout.api_key}",
        f"  Library    {household.home.media}",
        "",
        "  Look around, in another terminal:",
        f"    {ours} queue --watch",
        f"    {ours} history",
        f"    {ours} imports",
        "",
        f"  With a client of yours: Ctrl-C here, then `make run`; `{shown} init` asks for what it needs (README.md).",
        "  Ctrl-C stops everything and removes what the demo made.",
    ]
    return "\n".join(lines)

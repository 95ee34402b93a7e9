"""A small box: all services in one process, little memory, and only the features that are wanted."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from sluice_client_poller.adapters.port import NewDownload
from sluice_client_poller.adapters.registry import make
from sluice_common.kit.settings import ClientSettings
from support.cgroup import MemoryLimit
from support.deluge import Deluge
from support.household import household
from support.product import Product, wait
from support.swarm import Swarm
from support.torrents import PIECE, make_content, raw_torrent
from support.weigh import weigh

T = TypeVar("T")

MB = 1_000_000
CROWD = 1000
IMPORT_ROUTES = (
    ("GET", "/imports"),
    ("GET", "/imports/1"),
    ("POST", "/imports/1/retry"),
    ("GET", "/media"),
    ("GET", "/libraries"),
    ("POST", "/libraries/movies/init"),
)


def add_in_the_client(deluge: Deluge, *downloads: NewDownload) -> None:
    """As somebody does who uses the client's own interface."""

    async def add() -> None:
        settings = {"type": "deluge", "url": deluge.url, "password": deluge.password}
        adapter = make("deluge", ClientSettings.model_validate(settings))
        try:
            for new in downloads:
                await adapter.add(new)
        finally:
            await adapter.close()

    asyncio.run(add())


def patient(ask: Callable[[], T]) -> Callable[[], T | None]:
    """`ask`, answering None while the API is away."""

    def asked() -> T | None:
        try:
            return ask()
        except httpx.TransportError:
            return None

    return asked


def state(product: Product) -> dict[str, object]:
    """The run file."""
    read: dict[str, object] = json.loads((product.data / "run.json").read_text())
    return read


def linked(product: Product, target: Path) -> Callable[[], bool]:
    """Whether the file is in the library and its import is done."""
    return lambda: target.exists() and "imported" in [found["state"] for found in product.imports()]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deluge]:
    """A Deluge with a thousand torrents, stopped: what they weigh is their rows."""
    with Deluge(tmp_path_factory.mktemp("crowded")) as deluge:
        names = [
            f"Crowded.Show.S{number // 25:02}E{number % 25:02}.1080p.WEB-DL.x264-GRP.mkv" for number in range(CROWD)
        ]
        crowd = [raw_torrent(name, os.urandom(PIECE)) for name in names]
        add_in_the_client(deluge, *(NewDownload(torrent=each.data, paused=True) for each in crowd))
        yield deluge


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("compact", "goal"), [(True, 250 * MB), (False, 450 * MB)], ids=["compact", "processes"])
def test_a_thousand_torrents_fit(
    crowded: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path, compact: bool, goal: int
) -> None:
    """A first start, a thousand rows, a viewer, and an import, in the memory that is promised: nobody is killed.

    Where the machine lets us make a control group, the kernel holds the limit; the sum of all shares is held anywhere.
    A limit below 2 GB is a small box, so that compact is chosen by itself.
    """
    film = swarm.seed(make_content(tmp_path / "seed", f"Small.Box.{2000 + compact}.1080p.mkv", 3 * MB))
    riddle = swarm.seed(make_content(tmp_path / "seed", f"what is this {compact}.mkv", MB))
    with MemoryLimit(goal) as limit:
        options = () if compact and limit.made else ("--compact" if compact else "--no-compact",)
        with Product(data, household(crowded, media, poll={}), options, limit.enter) as product:
            assert state(product)["compact"] is compact
            product.post("/libraries/movies/init")
            product.post("/media", {"kind": "movie", "title": "Small Box", "year": 2000 + compact})
            wait(lambda: product.get("/queue", limit=1)["total"] >= CROWD, seconds=120, what="the whole queue")
            with product.following(limit=100):
                for torrent in (film, riddle):  # the rules read the one, and nobody the other
                    product.post("/downloads", {"client": "deluge", "magnet": torrent.magnet, "category": "movies"})
                name = f"Small Box ({2000 + compact})"
                target = media / "movies" / name / f"{name}.mkv"
                wait(linked(product, target), seconds=120, what=lambda: f"an import; {product.logs()}")
                blocked = lambda: [each for each in product.imports() if each.get("reason") == "unknown_media"]  # noqa: E731
                wait(blocked, seconds=120, what=lambda: f"the riddle; {product.imports()}")
                first = weigh(product.pid)
            print(f"\nfirst start\n{first.table()}\n{limit.told()}")
            product.stop()
            seconds = product.start()
            with product.following(limit=100):
                wait(lambda: product.get("/queue", limit=1)["total"] >= CROWD, seconds=120, what="the whole queue")
                later = weigh(product.pid)
            print(f"\na later start, after {seconds:.1f} s\n{later.table()}\n{limit.told()}")
            assert "starting it again" not in product.said()
        assert limit.killed == 0
    assert max(first.total, later.total) <= goal


@pytest.mark.timeout(240)
def test_a_killed_compact_process_loses_nothing(
    own_deluge: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path
) -> None:
    """SIGKILL of all services at once, in the middle of a download: another process goes on, and nothing is doubled."""
    film = swarm.seed(make_content(tmp_path / "seed", "Killed.Film.2019.1080p.mkv", 2 * MB), upload_limit=200_000)
    with Product(data, household(own_deluge, media), ("--compact",)) as product:
        product.post("/libraries/movies/init")
        product.post("/media", {"kind": "movie", "title": "Killed Film", "year": 2019})
        product.await_clients()
        added = product.post("/downloads", {"client": "deluge", "magnet": film.magnet, "category": "movies"})
        before = product.pids("services")
        assert product.kill("services")
        swarm.limit(film.id, None)
        wait(lambda: product.pids("services") not in ([], before), what="another process")
        target = media / "movies/Killed Film (2019)/Killed Film (2019).mkv"
        wait(patient(linked(product, target)), seconds=60, what=lambda: f"an import; {product.logs()}")
        wanted = ("download.added", "download.completed", "import.completed")

        def timeline() -> list[str]:
            return [entry["type"] for entry in product.history("deluge", added["id"])]

        # What the killed history had not acknowledged comes again after a while.
        wait(lambda: set(wanted) <= set(timeline()), seconds=90, what=lambda: f"the whole timeline; {timeline()}")
        types = timeline()
        assert [types.count(each) for each in wanted] == [1, 1, 1]
        assert target.stat().st_ino == (own_deluge.download_dir / film.name).stat().st_ino


def test_only_the_queue(own_deluge: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path) -> None:
    """No importer, nothing of it in the database, no media touched; what belongs to imports is refused, not awaited."""
    film = swarm.seed(make_content(tmp_path / "seed", "Only.Shown.2018.1080p.mkv", MB))
    with Product(data, household(own_deluge, media, features=["queue"]), ("--compact",)) as product:
        product.await_clients()
        added = product.post("/downloads", {"client": "deluge", "magnet": film.magnet, "category": "movies"})
        wait(lambda: product.queue()[added["id"]]["is_complete"], seconds=60, what="completion")
        completed = lambda: "download.completed" in [e["type"] for e in product.history("deluge", added["id"])]  # noqa: E731
        wait(completed, what="a completed event")
        assert product.queue()[added["id"]]["import"]["state"] == "none"
        for method, path in IMPORT_ROUTES:
            answer = product.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (409, "imports_off"), f"{method} {path}"
        schemas = {row["nspname"] for row in product.sql("SELECT nspname FROM pg_namespace")}
        assert {"gateway", "history"} <= schemas
        assert "library" not in schemas
    assert list((media / "movies").iterdir()) == []


def test_only_imports(own_deluge: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path) -> None:
    """What is added in the client's own interface is filed, and told of; the queue and its commands are refused."""
    film = swarm.seed(make_content(tmp_path / "seed", "Only.Filed.2017.1080p.mkv", MB))
    with Product(data, household(own_deluge, media, features=["import"])) as product:
        product.post("/libraries/movies/init")
        product.post("/media", {"kind": "movie", "title": "Only Filed", "year": 2017})
        adopted = lambda: product.sql("SELECT 1 FROM library.clients WHERE client = 'deluge'")  # noqa: E731
        wait(adopted, seconds=60, what="the client known; what is complete before that is backlog")
        add_in_the_client(own_deluge, NewDownload(magnet=film.magnet, category="movies"))
        target = media / "movies/Only Filed (2017)/Only Filed (2017).mkv"
        wait(linked(product, target), seconds=60, what=lambda: f"an import; {product.logs()}")
        assert target.stat().st_ino == (own_deluge.download_dir / film.name).stat().st_ino
        path = f"/downloads/deluge/{film.id}"
        for method, refused in (
            ("GET", "/queue"),
            ("GET", "/queue/events"),
            ("POST", f"{path}/pause"),
            ("POST", f"{path}/retry"),
            ("DELETE", path),
        ):
            answer = product.request(method, refused)
            assert (answer.status_code, answer.json()["code"]) == (409, "queue_off"), f"{method} {refused}"
        answer = product.request("POST", "/downloads", json={"client": "deluge", "magnet": film.magnet})
        assert (answer.status_code, answer.json()["code"]) == (409, "queue_off")
        shown = product.get(path)
        assert (shown["import"]["state"], shown["last_import"]["state"]) == ("imported", "imported")

"""What one kind of client does and no other, through the whole product."""

from __future__ import annotations

import base64
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from typing_extensions import override

from support.clients import RealClient, or_skip
from support.elsewhere import elsewhere
from support.household import household
from support.meeting import Meeting
from support.oracle import Wanted, faults
from support.product import Product, wait
from support.proxy import UnnoticedProxy
from support.qbittorrent import Qbittorrent
from support.swarm import Swarm
from support.torrents import make_content
from support.transmission import Transmission

pytestmark = [pytest.mark.client, pytest.mark.slow, pytest.mark.timeout(600)]

EPISODES = 8
RESTARTS = 3
SLOW = 20_000  # bytes/s: a season of these outlasts every restart
MOVED = 96_000_000
MOMENTS = 3
TRIES = 8


class FirstLook(threading.Thread):
    """Reads a file the moment it is there: `content` is what the first look found. A context manager."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.content: bytes | None = None
        self._path = path
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.join()

    @override
    def run(self) -> None:
        """Look every millisecond until it is there or nobody waits for it."""
        while not self._over.wait(0.001):
            if self._path.exists():
                self.content = self._path.read_bytes()
                return


class Show:
    """Episodes of one show: seeded, added, and known where they belong."""

    def __init__(self, product: Product, client: RealClient, swarm: Swarm, media: Path, seeds: Path) -> None:
        self.product, self.client, self.swarm, self.media, self.seeds = product, client, swarm, media, seeds
        self.wanted: list[Wanted] = []
        self._meeting = Meeting(swarm, client)
        product.post("/media", {"kind": "series", "title": "Own Show"})

    def add(self, number: int, size: int) -> Wanted:
        """Seed an episode slowly and add its .torrent."""
        name = f"Own.Show.S01E{number:02}.720p.mkv"
        torrent = self.swarm.seed(make_content(self.seeds, name, size), upload_limit=SLOW)
        wanted = Wanted(
            id=torrent.id,
            source=self.client.download_dir / name,
            original=self.seeds / name,
            library="tv",
            path=f"Own Show/Season 01/Own Show - S01E{number:02}.mkv",
            method="hardlink",
        )
        coded = base64.b64encode(torrent.data).decode()
        self.product.post("/downloads", {"client": self.client.type, "torrent": coded, "category": "tv"})
        self.wanted.append(wanted)
        return wanted

    def rows(self) -> list[dict[str, Any]]:
        """What the queue says of them, while they may download."""
        self._meeting.introduce(*(one.id for one in self.wanted))
        queue = self.product.queue()
        return [queue[one.id] for one in self.wanted]

    def hurry(self) -> None:
        """As fast as it goes."""
        for one in self.wanted:
            self.swarm.limit(one.id, None)

    def until_filed(self) -> None:
        """Wait until each is in the library, once, with the right bytes and the right history."""

        def wrong() -> list[str]:
            self.rows()
            return faults(self.product, self.media, self.wanted)

        wait(
            lambda: not wrong(), seconds=90, every=0.3, what=lambda: f"all filed once: {wrong()} {self.product.logs()}"
        )


@pytest.fixture
def redialling_swarm() -> Iterator[Swarm]:
    """A swarm that comes back to a client a second after it was away."""
    with Swarm(persistent=True) as running:
        yield running


@pytest.mark.parametrize("client", ["transmission"], indirect=True)
def test_a_season_survives_a_transmission_that_restarts(
    product: Product, client: RealClient, redialling_swarm: Swarm, media: Path, tmp_path: Path
) -> None:
    """After each start 3.00 has a second of empty lists: no row goes, none is told as removed, all are filed once."""
    show = Show(product, client, redialling_swarm, media, tmp_path / "seeds")
    for number in range(1, EPISODES + 1):
        show.add(number, 400_000 + number)
    with product.following() as follower:
        for _ in range(RESTARTS):
            done = sum(row["done"] or 0 for row in show.rows())
            wait(lambda before=done: sum(row["done"] or 0 for row in show.rows()) > before, seconds=60)  # type: ignore[misc]
            client.stop()
            wait(lambda: all(row["stale"] for row in show.rows()), seconds=30, what="stale rows")
            client.start()
            wait(lambda: not any(row["stale"] for row in show.rows()), seconds=60, what="rows that are fresh again")
        show.hurry()
        show.until_filed()
        gone = [data for event, data in follower.frames if event == "change" and data.get("removed")]
    assert gone == [], "no subscriber saw a row go"


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on another file system than the downloads and the library."""
    with elsewhere(tmp_path, 3 * MOVED) as directory:
        yield directory


@pytest.fixture
def parting_client(tmp_path: Path, other_disk: Path) -> Iterator[Transmission]:
    """A Transmission that downloads on one file system and keeps on another."""
    directory = tmp_path / "transmission"
    directory.mkdir()
    with or_skip(lambda: Transmission(directory, incomplete_dir=other_disk)) as client:
        yield client


def test_what_transmission_has_not_noticed_is_waited_for(
    parting_client: Transmission, redialling_swarm: Swarm, media: Path, data: Path, tmp_path: Path
) -> None:
    """For up to half a second it has every byte and says downloading, the data still where what is incomplete lies.

    A proxy keeps a poll until it is told of that moment: each episode is filed once and at the first attempt, from
    its final place.
    """
    with UnnoticedProxy(parting_client.url) as proxy:
        config = household(parting_client, media)
        config["clients"]["transmission"]["url"] = proxy.url
        with Product(data, config) as product:
            product.post("/libraries/tv/init")
            product.await_clients()
            show = Show(product, parting_client, redialling_swarm, media, tmp_path / "seeds")
            while len(proxy.unnoticed) < MOMENTS:
                assert len(show.wanted) < TRIES, "Transmission notices sooner than anybody can look"
                wanted = show.add(len(show.wanted) + 1, 400_000)
                wait(lambda: show.rows()[-1]["done"], seconds=60, what="a download that has begun")
                proxy.hold()
                wait(lambda: proxy.holding, what="a poll that is kept")
                redialling_swarm.limit(wanted.id, None)
                show.until_filed()
            attempts = product.sql("SELECT download_id, attempt FROM library.imports WHERE attempt <> 1")
        assert attempts == [], "nobody looked for data that was not there yet"


@pytest.fixture
def slow_copies(tmp_path: Path) -> Path:
    """What makes a program that preloads it copy slowly: seconds for MOVED bytes, on the fastest disk."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler; on Debian and Ubuntu: apt install gcc libc6-dev")
    library = tmp_path / "slow_copy.so"
    source = Path(__file__).parents[1] / "support" / "slow_copy.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def moving_client(
    tmp_path: Path, other_disk: Path, slow_copies: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Qbittorrent]:
    """A qBittorrent that downloads on one file system, keeps on another, and takes its time to move."""
    directory = tmp_path / "qbittorrent"
    directory.mkdir()
    settings = {"Session\\TempPathEnabled": "true", "Session\\TempPath": str(other_disk)}
    client = or_skip(lambda: Qbittorrent(directory, preferences=settings))
    monkeypatch.setenv("LD_PRELOAD", str(slow_copies))
    with client:
        monkeypatch.delenv("LD_PRELOAD")
        yield client


def test_a_move_across_file_systems_is_waited_for(
    moving_client: Qbittorrent, swarm: Swarm, media: Path, data: Path, tmp_path: Path, other_disk: Path
) -> None:
    """While qBittorrent moves what it completed, the target has its size and not its bytes: only the whole is filed."""
    with Product(data, household(moving_client, media)) as product:
        product.post("/libraries/tv/init")
        show = Show(product, moving_client, swarm, media, tmp_path / "seeds")
        wanted = show.add(1, MOVED)
        wait(lambda: (other_disk / wanted.source.name).exists(), seconds=60, what="a download on the other file system")
        with FirstLook(media / "tv" / wanted.path) as look:
            show.hurry()
            show.until_filed()
            wait(lambda: look.content is not None, what="a look at the library")
        assert look.content == wanted.original.read_bytes(), "whole from the first moment on"
        assert [found["attempt"] for found in product.sql("SELECT attempt FROM library.imports")] == [1]

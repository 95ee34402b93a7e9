"""The image, built once as its user builds it, and one composed stack with a real qBittorrent for all tests here."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.compose import Stack, give
from support.docker import docker, run_docker
from support.product import wait
from support.swarm import Swarm
from support.torrents import make_content

HERE = Path(__file__).parent
TAG = f"test-{secrets.token_hex(4)}"
CLIENT_IMAGE = f"sluice-qbittorrent:{TAG}"
BUILD_SECONDS = 420.0
CLIENT = "qbittorrent"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this room needs Docker, and the first test of a session pays for building and starting."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("container")
            item.add_marker(pytest.mark.timeout(900))


def imported(stack: Stack, download_id: str) -> dict[str, Any] | None:
    row = stack.queue().get(download_id)
    return row if row and row["import"]["state"] == "imported" else None


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """The name of the image, built by the documented command; a client's image is built at the same time."""
    unused = {"PUID": "1", "PGID": "1", "DATA": "/", "SLUICE_TAG": TAG}
    ours = ("compose", "--file", "deploy/compose.yaml", "build", "--quiet", "gateway")
    with ThreadPoolExecutor(1) as beside:
        client = beside.submit(
            docker, "build", "--quiet", "--tag", CLIENT_IMAGE, HERE / "qbittorrent", seconds=BUILD_SECONDS
        )
        docker(*ours, environ=unused, seconds=BUILD_SECONDS)
        client.result()
    yield f"sluice:{TAG}"
    run_docker("image", "rm", "--force", f"sluice:{TAG}", CLIENT_IMAGE)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's one directory: downloads and media on one file system."""
    data = tmp_path_factory.mktemp("data")
    for name in ("torrents", "media/tv", "media/movies"):
        (data / name).mkdir(parents=True)
    give(data)
    return data


@pytest.fixture(scope="session")
def stack(image: str, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything up and ready, with a Prometheus, the libraries initialised, the client polled."""
    password = secrets.token_hex(8)
    home = tmp_path_factory.mktemp("stack") / "deploy"
    stack = Stack(
        home,
        data,
        TAG,
        _household(),
        extra=HERE / "compose.test.yaml",
        environ={"QBITTORRENT_IMAGE": CLIENT_IMAGE},
        profiles=("metrics",),
    )
    stack.secret("qbittorrent", password)
    _configure_client(home / "qbittorrent", password)
    with stack:
        for name in ("tv", "movies"):
            stack.post(f"/libraries/{name}/init")
        stack.await_clients()
        yield stack


@pytest.fixture(scope="session")
def swarm(stack: Stack) -> Iterator[Swarm]:
    """A tracker and a seeder on this machine's address in the stack's network."""
    with Swarm(stack.address()) as running:
        yield running


@pytest.fixture(scope="session")
def filed(stack: Stack, swarm: Swarm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The row of an episode that went from a magnet into the library, over HTTP only."""
    content = make_content(tmp_path_factory.mktemp("seed"), "Some.Show.S01E02.1080p.WEB-DL.x264-GRP.mkv", 3_000_000)
    episode = swarm.seed(content)
    stack.post("/media", {"kind": "series", "title": "Some Show"})
    added = stack.post("/downloads", {"client": CLIENT, "magnet": episode.magnet, "category": "tv"})
    return wait(
        lambda: imported(stack, added["id"]),
        seconds=120,
        what=lambda: f"an import; {stack.queue()} {stack.imports()} {stack.logs()}",
    )


@pytest.fixture(scope="session")
def prometheus(stack: Stack) -> Iterator[httpx.Client]:
    """The API of the stack's Prometheus."""
    url = f"http://127.0.0.1:{stack.prometheus_port}/api/v1"
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        yield client


def _household() -> dict[str, Any]:
    """sluice.yaml as a user would write it for this stack."""
    return {
        "clients": {
            "qbittorrent": {
                "type": "qbittorrent",
                "url": "http://qbittorrent:8080",
                "username": "admin",
                "password_file": "/run/secrets/clients/qbittorrent",
                "owners": {"tv": "sluice", "movies": "sluice"},
            }
        },
        "libraries": {
            "tv": {"kind": "series", "root": "/data/media/tv", "link": "require"},
            "movies": {"kind": "movies", "root": "/data/media/movies", "link": "require"},
        },
        "poll": {"fast": 0.5, "slow": 1},
    }


def _configure_client(profile: Path, password: str) -> None:
    """qBittorrent's own configuration: no outside world, and a password of its own."""
    salt = secrets.token_bytes(16)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100_000)
    hashed = f"{base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()}"
    path = profile / "qBittorrent" / "config" / "qBittorrent.conf"
    path.parent.mkdir(parents=True)
    path.write_text(
        (HERE / "qbittorrent" / "qBittorrent.conf").read_text() + f'WebUI\\Password_PBKDF2="@ByteArray({hashed})"\n'
    )
    give(profile)

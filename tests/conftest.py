"""Fixtures for every room: a real NATS and a real PostgreSQL, each on a free loopback port.

`SLUICE_TEST_BACKEND=containers` takes both out of containers instead. Then only those tests are run that use them and
leave them alone: whoever kills, freezes or wipes a server has the embedded one.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sluice_common.kit.settings import NatsSettings, PostgresSettings
from support import profiles
from support.nats import NatsForTest
from support.postgres import PostgresCluster, PostgresForTest

if TYPE_CHECKING:
    from support.containers import NatsInContainer

profiles.load()
BACKEND = os.environ.get("SLUICE_TEST_BACKEND", "embedded")
if BACKEND not in ("embedded", "containers"):
    raise pytest.UsageError(f"SLUICE_TEST_BACKEND is embedded or containers, not {BACKEND!r}")
IN_CONTAINERS = BACKEND == "containers"

# A shell gives what it runs in the background an ignored SIGINT, and children inherit it: Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
_numbers = itertools.count(1)


def pytest_report_header() -> str:
    """Which servers the tests stand on."""
    return f"servers: {BACKEND}" + ("; only tests that use them, and none that kills them" if IN_CONTAINERS else "")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On containers, leave out what would be the same test again, and what needs a server to kill."""
    if not IN_CONTAINERS:
        return
    kept = [item for item in items if _runs_on_containers(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _runs_on_containers(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    uses_them = fixtures & {"nats_settings", "postgres_server"}
    return bool(uses_them) and "nats_server" not in fixtures and not item.get_closest_marker("embedded_only")


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsForTest]:
    """A fresh NATS with JetStream for this test alone; stop, kill, wipe and start it again as the test wants."""
    server = NatsForTest(tmp_path / "nats")
    server.start_somewhere()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def nats_in_container() -> Iterator[NatsInContainer]:
    """One NATS in a container for all tests of this process, where they run on containers."""
    from support.containers import NatsInContainer  # testcontainers is slow to import, and asks for Docker

    server = NatsInContainer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def nats_settings(request: pytest.FixtureRequest) -> NatsSettings:
    """How to reach a fresh NATS, or a fresh account of one: URL, user and password."""
    if IN_CONTAINERS:
        shared: NatsInContainer = request.getfixturevalue("nats_in_container")
        return shared.account()
    own: NatsForTest = request.getfixturevalue("nats_server")
    return own.settings


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresCluster]:
    """One PostgreSQL for all tests of this process (of each xdist worker)."""
    server = _postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _postgres() -> PostgresCluster:
    if not IN_CONTAINERS:
        return PostgresForTest()
    from support.containers import PostgresInContainer

    return PostgresInContainer()


@pytest.fixture
def database(postgres_server: PostgresCluster) -> Iterator[PostgresSettings]:
    """A new, empty database for this test alone; whatever is still connected at its end is thrown out."""
    name = f"test_{next(_numbers)}"
    postgres_server.create(name)
    try:
        yield postgres_server.settings(name)
    finally:
        postgres_server.drop(name)

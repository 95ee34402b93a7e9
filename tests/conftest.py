"""Fixtures for every room: a real NATS and a real PostgreSQL, each on a free loopback port."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice_common.kit.settings import NatsSettings, PostgresSettings
from support import profiles
from support.nats import NatsForTest
from support.postgres import PostgresForTest

profiles.load()
# A shell gives what it runs in the background an ignored SIGINT, and children inherit it: Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
_numbers = itertools.count(1)


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsForTest]:
    """A fresh NATS with JetStream for this test alone; stop, kill, wipe and start it again as the test wants."""
    server = NatsForTest(tmp_path / "nats")
    server.start_somewhere()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def nats_settings(nats_server: NatsForTest) -> NatsSettings:
    """How to reach `nats_server`: URL, user and password."""
    return nats_server.settings


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresForTest]:
    """One PostgreSQL for all tests of this process (of each xdist worker)."""
    server = PostgresForTest()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def database(postgres_server: PostgresForTest) -> Iterator[PostgresSettings]:
    """A new, empty database for this test alone; whatever is still connected at its end is thrown out."""
    name = f"test_{next(_numbers)}"
    postgres_server.create(name)
    try:
        yield postgres_server.settings(name)
    finally:
        postgres_server.drop(name)

"""NATS and PostgreSQL out of containers, for `SLUICE_TEST_BACKEND=containers`: what a test is given is the same.

One container of each per test process. A test gets an account of its own in NATS, which sees nothing of any other, and
a database of its own in PostgreSQL. Nobody may kill these servers; tests that do so run on the embedded ones only.
"""

from __future__ import annotations

import asyncio
import os
import secrets

import asyncpg
from pydantic import SecretStr
from testcontainers.core.container import DockerContainer
from typing_extensions import override

from sluice_common.kit.settings import NatsSettings, PostgresSettings
from support.postgres import FAST, PostgresCluster
from support.processes import background, until

NATS_IMAGE = os.environ.get("SLUICE_TEST_NATS_IMAGE", "nats:2-alpine")
POSTGRES_IMAGE = os.environ.get("SLUICE_TEST_POSTGRES_IMAGE", "postgres:17")
_ACCOUNTS = 500
_START_SECONDS = 60.0
# Every account's streams reserve gigabytes that they never use.
_NATS_CONFIG = """
port: 4222
jetstream {{ store_dir: /jetstream, sync_interval: always, max_memory_store: 1000TB, max_file_store: 1000TB }}
accounts {{
{accounts}
}}
"""


class NatsInContainer:
    """One nats-server with JetStream and many accounts, each of which is given to one test."""

    def __init__(self) -> None:
        self._password = secrets.token_hex(16)
        self._numbers = iter(range(_ACCOUNTS))
        self._container = (
            DockerContainer(NATS_IMAGE)
            .with_exposed_ports(4222)
            .with_command(["-c", "/nats.conf"])
            .with_tmpfs_mount("/jetstream")
            .with_copy_into_container(self._config().encode(), "/nats.conf")
        )

    def start(self) -> None:
        """Returns once JetStream answers."""
        self._container.start()
        until(lambda: background(self._greets()), "NATS in a container answers", within=_START_SECONDS)

    def remove(self) -> None:
        """End it; nothing of it stays."""
        self._container.stop()

    def account(self) -> NatsSettings:
        """How to reach an account that nobody had before."""
        user = f"test{next(self._numbers)}"
        return NatsSettings(url=self._url, user=user, password=SecretStr(self._password))

    def _config(self) -> str:
        password = self._password
        accounts = (
            f"  TEST{n} {{ jetstream: enabled, users: [{{ user: test{n}, password: {password!r} }}] }}"
            for n in range(_ACCOUNTS)
        )
        return _NATS_CONFIG.format(accounts="\n".join(accounts))

    @property
    def _url(self) -> str:
        return "nats://{}:{}".format(*_address(self._container, 4222))

    async def _greets(self) -> bool:
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(*_address(self._container, 4222))
                try:
                    return b'"jetstream":true' in await reader.readline()
                finally:
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError):
            return False


class PostgresInContainer(PostgresCluster):
    """One PostgreSQL in a container, its data in memory."""

    def __init__(self) -> None:
        self._password = secrets.token_hex(16)
        self._container = (
            DockerContainer(POSTGRES_IMAGE)
            .with_exposed_ports(5432)
            .with_env("POSTGRES_USER", "sluice")
            .with_env("POSTGRES_PASSWORD", self._password)
            .with_env("POSTGRES_INITDB_ARGS", "--encoding=UTF8 --locale=C.UTF-8 --no-sync")
            .with_tmpfs_mount("/var/lib/postgresql/data")
            .with_command(["postgres", *FAST])
        )

    @override
    def start(self) -> None:
        """Returns once it takes connections."""
        self._container.start()
        until(lambda: background(self._answers()), "PostgreSQL in a container answers", within=_START_SECONDS)

    @override
    def remove(self) -> None:
        self._container.stop()

    @override
    def settings(self, database: str) -> PostgresSettings:
        host, port = _address(self._container, 5432)
        return PostgresSettings(dsn=f"postgresql://sluice@{host}:{port}/{database}", password=SecretStr(self._password))

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(
                self.settings("postgres").dsn, password=self._password, timeout=5, ssl=False
            )
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close(timeout=5)
        return True


def _address(container: DockerContainer, port: int) -> tuple[str, int]:
    return container.get_container_host_ip(), container.get_exposed_port(port)

"""What every suite of real clients stands on: the shared client and its adapter, and a client for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from clients.asking import Downloads, adapter_for, gone
from sluice_client_poller.adapters import patience
from sluice_client_poller.adapters.port import Adapter
from support.clients import RealClient, SharedClients, launch
from support.swarm import Swarm

KNOWN_VERSION = "test_this_version_is_in_the_page"


class ClientFixtures:
    """`client` is shared by the tests of a worker, `own_client` belongs to one test, which may kill and freeze it."""

    CLIENT: ClassVar[str]

    @classmethod
    def cases(cls) -> list[str]:
        """What is tested of this client, in the order of the sources, as the report names it."""
        names = [name for part in reversed(cls.__mro__) for name in vars(part) if name.startswith("test_")]
        return [name.removeprefix("test_").replace("_", " ") for name in dict.fromkeys(names) if name != KNOWN_VERSION]

    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let adapters made from now on give up on a silent client after three seconds."""
        monkeypatch.setattr(f"sluice_client_poller.adapters.{self.CLIENT}.client.TIMEOUT", 3.0)
        for name in ("DELTA", "LIST"):
            monkeypatch.setattr(patience, name, 3.0)

    @pytest.fixture
    def own_client(self, tmp_path: Path) -> Iterator[RealClient]:
        """A client for one test alone."""
        with launch(self.CLIENT, tmp_path / self.CLIENT) as running:
            yield running

    @pytest.fixture
    def client(self, shared_clients: SharedClients) -> RealClient:
        """The shared client."""
        return shared_clients.get(self.CLIENT)

    @pytest.fixture
    async def adapter(self, client: RealClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Adapter]:
        """An adapter of the shared client. What a test removes through it has left before the next test begins."""
        removed: set[str] = set()
        async with adapter_for(client) as made:
            remove = made.remove

            async def noted(download_id: str, *, with_data: bool) -> None:
                await remove(download_id, with_data=with_data)
                removed.add(download_id.lower())

            monkeypatch.setattr(made, "remove", noted)
            yield made
        await gone(client, removed)

    @pytest.fixture
    def meet(self, swarm: Swarm, client: RealClient) -> Downloads:
        """What lets downloads of the shared client complete."""
        return Downloads(swarm, client)

"""Pollers as processes of their own, which a test kills and freezes; and what the bus says of their work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import yaml

from sluice_client_poller.lease import Leases
from sluice_client_poller.share import quota
from sluice_common.bus.connect import Bus
from sluice_common.kit.clock import SYSTEM_CLOCK
from support.fleet import Fleet
from support.nats import NatsForTest
from support.poller import all_events, committed
from support.processes import end
from support.waiting import until

LIFECYCLE = frozenset({"download.added", "download.completed", "download.removed"})
POLL = {"fast": 1.0, "slow": 1.0, "hold": 2.0, "hold_after_reconnect": 3.0}


class Pollers:
    """A context manager over any number of replicas with one configuration; each is known by its name."""

    def __init__(
        self,
        directory: Path,
        server: NatsForTest,
        clients: Mapping[str, Mapping[str, object]],
        poll: Mapping[str, float] = POLL,
    ) -> None:
        password = server.settings.password
        assert password is not None
        bus = {"url": server.url, "user": server.settings.user, "password": password.get_secret_value()}
        self._config = directory / "pollers.yaml"
        self._config.write_text(
            yaml.safe_dump({"nats": bus, "poll": dict(poll), "clients": json.loads(json.dumps(clients))})
        )
        self._directory = directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._running):
            self.thaw(name)
            self.kill(name)

    @property
    def names(self) -> list[str]:
        """Those that were started and not killed."""
        return sorted(self._running)

    def start(self, name: str) -> None:
        """Start one; returns at once."""
        environment = {**os.environ, "SLUICE_CONFIG": str(self._config), "SLUICE_INSTANCE": name}
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "sluice_client_poller"], env=environment, stdout=log, stderr=log
            )

    def log(self, name: str) -> Path:
        """Its log."""
        return self._directory / f"{name}.log"

    def kill(self, name: str) -> None:
        """SIGKILL."""
        end(self._running.pop(name), kill=True)

    def stop(self, name: str) -> None:
        """SIGTERM, and its end."""
        end(self._running.pop(name))

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self._running[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """SIGCONT."""
        self._running[name].send_signal(signal.SIGCONT)


async def holders(bus: Bus) -> dict[str, str]:
    """Who holds which client, as the bucket says now."""
    return dict((await Leases(bus, "nobody", SYSTEM_CLOCK).read()).holders)


async def shared(bus: Bus, pollers: Pollers, clients: int) -> dict[str, str]:
    """Who holds what, once every one of so many clients is held and nobody holds more than a share."""

    async def settled() -> dict[str, str] | None:
        found = await holders(bus)
        shares = Counter(found.values())
        most = quota(clients, len(pollers.names))
        fits = set(shares) == set(pollers.names) and max(shares.values()) <= most
        return found if fits and len(found) == clients else None

    # A surplus is given back one by one, at each look of two seconds.
    return await until(settled, seconds=60 + 2 * clients, what=f"{clients} clients shared by {pollers.names}")


async def wrong_tables(bus: Bus, fleet: Fleet) -> list[str]:
    """The clients whose committed table is not the client's truth."""
    wrong = []
    for name, client in fleet.clients.items():
        table = await committed(bus, name)
        told = {row.id: row.is_complete for row in table.rows.values()} if table else None
        if told != client.truth:
            wrong.append(name)
    return wrong


async def change(bus: Bus, fleet: Fleet, random: Random, *, spare: str = "") -> None:
    """Something happens in one client, but not in `spare`.

    It happens to what the committed table already has as it is, so that it must be told.
    """
    client = fleet.clients[random.choice(sorted(fleet.clients.keys() - {spare}))]
    table, truth = await committed(bus, client.name), client.truth
    rows = table.rows if table else {}
    known = [key for key, complete in truth.items() if key in rows and rows[key].is_complete == complete]
    random.choice((client.add, lambda: client.finish(known), lambda: client.remove(known)))()


async def lifecycle(bus: Bus) -> Counter[tuple[str, str, str]]:
    """How often each (client, download id, event type) of `LIFECYCLE` is in the stream."""
    events = [event for event in await all_events(bus) if event.type in LIFECYCLE]
    return Counter((*_subject(event.subject), event.type) for event in events)


def _subject(subject: str) -> tuple[str, str]:
    client, _, download_id = subject.partition("/")
    return client, download_id

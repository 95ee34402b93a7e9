"""How far a client's rows can be trusted: its health, its reason, and how old what we know is. Pure but for the clock
and the last statuses it is given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from sluice_common.kit.clock import Clock
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import ClientStatus
from sluice_common.model.enums import Health

# Statuses come on change and at most every 10 s; three times that is silence, not pacing.
STALE_AFTER = 30.0


class ClientState(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of one client now. `age_seconds` counts since its last complete poll, None when never."""

    name: str
    health: str
    stale: bool
    reason: str | None = None
    message: str | None = None
    last_good_poll: datetime | None = None
    age_seconds: float | None = None

    @property
    def troubled(self) -> bool:
        """Whether an answer should name it."""
        return self.stale or self.health != Health.OK.value


class KnowsStatus(Protocol):
    """`bus.statuses.Statuses`, as far as it is needed here."""

    def get(self, client: str) -> ClientStatus | None:
        """The last known status."""


class Freshness:
    """Asks the statuses for every configured client."""

    def __init__(self, clients: Mapping[str, ClientSettings], statuses: KnowsStatus, clock: Clock) -> None:
        self._clients = clients
        self._statuses = statuses
        self._clock = clock

    def of(self, client: str) -> ClientState:
        """One configured client, now."""
        return judge(client, self._clients[client], self._statuses.get(client), self._clock.now())

    def all(self) -> list[ClientState]:
        """Every configured client, now."""
        return [self.of(client) for client in self._clients]


def judge(name: str, settings: ClientSettings, status: ClientStatus | None, now: datetime) -> ClientState:
    """Stale is what no complete poll has confirmed lately: an error, a silent poller, or a client that is off."""
    if not settings.enabled:
        reason, message = "disabled", f"clients.{name}.enabled is false; its rows are the last that were seen"
        return _state(name, Health.UNKNOWN.value, True, status, now, reason, message)
    if status is None:
        message = "no poller has reported on it yet; is the client-poller running?"
        return _state(name, Health.UNKNOWN.value, True, None, now, "no_status", message)
    if status.health in (Health.OK, Health.WARNING):
        silent = _age(status, now) > max(STALE_AFTER, 3 * (settings.interval or status.next_poll or 0) + 10)
        if silent:
            message = "no complete poll was reported lately; is the client-poller running?"
            return _state(name, Health.WARNING.value, True, status, now, "not_polled", message)
        return _state(name, status.health.value, False, status, now, status.reason, status.message)
    return _state(name, status.health.value, True, status, now, status.reason, status.message)


def _age(status: ClientStatus, now: datetime) -> float:
    return (now - status.last_good_poll).total_seconds() if status.last_good_poll is not None else float("inf")


def _state(
    name: str,
    health: str,
    stale: bool,
    status: ClientStatus | None,
    now: datetime,
    reason: str | None,
    message: str | None,
) -> ClientState:
    polled = status.last_good_poll if status is not None else None
    return ClientState(
        name=name,
        health=health,
        stale=stale,
        reason=reason,
        message=message,
        last_good_poll=polled,
        age_seconds=round(max(0.0, (now - polled).total_seconds()), 1) if polled is not None else None,
    )

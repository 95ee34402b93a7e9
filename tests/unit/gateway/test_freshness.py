"""How far a client's rows can be trusted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import ClientStatus
from sluice_common.model.enums import Health
from sluice_gateway.live.freshness import judge

NOW = datetime(2026, 11, 20, tzinfo=UTC)
CLIENT = ClientSettings(type="deluge", url="http://deluge:8112")


def status(
    health: Health, age: float | None, reason: str | None = None, next_poll: float | None = None
) -> ClientStatus:
    polled = NOW - timedelta(seconds=age) if age is not None else None
    return ClientStatus(
        client="deluge", type="deluge", health=health, reason=reason, last_good_poll=polled, next_poll=next_poll
    )


@pytest.mark.parametrize(
    ("told", "health", "stale", "reason"),
    [
        (None, "unknown", True, "no_status"),
        (status(Health.OK, 3), "ok", False, None),
        (status(Health.WARNING, 3, "slow"), "warning", False, "slow"),
        (status(Health.ERROR, 3, "unreachable"), "error", True, "unreachable"),
        (status(Health.ERROR, None, "auth_failed"), "error", True, "auth_failed"),
        (status(Health.OK, 300), "warning", True, "not_polled"),
        (status(Health.OK, None), "warning", True, "not_polled"),
        (status(Health.OK, 100, next_poll=40), "ok", False, None),
        (status(Health.OK, 131, next_poll=40), "warning", True, "not_polled"),
        (status(Health("melting"), 3), "melting", True, None),
    ],
)
def test_judged(told: ClientStatus | None, health: str, stale: bool, reason: str | None) -> None:
    """Stale is what no complete poll has confirmed lately, whatever was said last; the answer names the reason."""
    state = judge("deluge", CLIENT, told, NOW)
    assert (state.health, state.stale, state.reason) == (health, stale, reason)
    assert state.troubled == (stale or health == "warning")
    assert state.age_seconds == (
        None if told is None or told.last_good_poll is None else (NOW - told.last_good_poll).total_seconds()
    )


def test_a_slow_pace_is_not_silence() -> None:
    """A client that is asked every ten minutes is fresh in between."""
    slow = CLIENT.model_copy(update={"interval": 600.0})
    assert not judge("deluge", slow, status(Health.OK, 900), NOW).stale
    assert judge("deluge", slow, status(Health.OK, 1900), NOW).stale


def test_a_client_that_is_off_says_so() -> None:
    """Nobody polls it, so its rows are stale, and the answer says which setting does that."""
    off = CLIENT.model_copy(update={"enabled": False})
    state = judge("deluge", off, status(Health.OK, 1), NOW)
    assert (state.reason, state.stale) == ("disabled", True)
    assert state.message is not None
    assert "clients.deluge.enabled" in state.message

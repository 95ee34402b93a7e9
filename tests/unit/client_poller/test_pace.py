"""The pace of polling follows what happens and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime

from sluice_client_poller.pace import interval, moves, retry_wait, spread
from sluice_common.kit.settings import PollSettings
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import IntentKind, State

SETTINGS = PollSettings(fast=1, slow=5)


def test_fast_while_something_moves_and_slow_when_idle() -> None:
    """Adaptive by default."""
    assert interval(SETTINGS, fixed=None, cost=0, moving=True, watched=False) == 1
    assert interval(SETTINGS, fixed=None, cost=0, moving=False, watched=True) == 1
    assert interval(SETTINGS, fixed=None, cost=0, moving=False, watched=False) == 5


def test_a_configured_interval_is_kept_and_a_costly_client_is_spared() -> None:
    """At most a fifth of its time goes into polls while somebody watches, a twentieth while nobody does."""
    assert interval(SETTINGS, fixed=2, cost=0, moving=False, watched=False) == 2
    assert interval(SETTINGS, fixed=None, cost=2, moving=True, watched=True) == 8
    assert interval(SETTINGS, fixed=2, cost=2, moving=True, watched=False) == 38


def test_clients_that_began_together_do_not_stay_together() -> None:
    """Waits are a twentieth shorter or longer."""
    assert [spread(10, jitter) for jitter in (0, 0.5, 1)] == [9.5, 10, 10.5]


def test_a_wrong_password_is_not_hammered() -> None:
    """Clients ban addresses that keep failing."""
    assert retry_wait(1, 0, auth_failed=True) == 60
    assert [retry_wait(n, 0, auth_failed=False) for n in (1, 2, 3, 9)] == [1, 2, 4, 30]


def test_what_is_watched_closely() -> None:
    """What transfers, is being checked or is about to go is looked at often; what seeds or is stalled is not."""
    transfers = Download(client="c", id="a", state=State.DOWNLOADING, down_speed=5, done=1)
    seeds = Download(client="c", id="b", state=State.SEEDING)
    stalled = Download(client="c", id="d", state=State.DOWNLOADING, done=1)
    checking = Download(client="c", id="e", state=State.CHECKING, done=1)
    intent = Intent(IntentKind.CANCEL, "me", "r", datetime(2026, 1, 1, tzinfo=UTC), False)
    arrived = Download(client="c", id="g", state=State.DOWNLOADING, done=7, size=7)
    leaving = Download(client="c", id="f", state=State.SEEDING, intent=intent)
    assert [moves(row) for row in (transfers, checking, arrived, leaving)] == [True] * 4
    assert [moves(row) for row in (seeds, stalled)] == [False, False]

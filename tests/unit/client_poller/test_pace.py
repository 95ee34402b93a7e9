"""The pace of polling follows what happens and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime

from sluice_client_poller.lease import quota, takeable
from sluice_client_poller.pace import interval, retry_wait
from sluice_common.kit.settings import PollSettings
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import IntentKind, State

SETTINGS = PollSettings(fast=1, slow=5)
MOVING = Download(client="c", id="a", state=State.DOWNLOADING, down_speed=5, done=1)
IDLE = Download(client="c", id="b", state=State.SEEDING)


def test_fast_while_something_moves_and_slow_when_idle() -> None:
    """Adaptive by default."""
    assert interval([IDLE, MOVING], SETTINGS, fixed=None, cost=0, watched=False) == 1
    assert interval([IDLE], SETTINGS, fixed=None, cost=0, watched=False) == 5
    assert interval([IDLE], SETTINGS, fixed=None, cost=0, watched=True) == 1


def test_a_configured_interval_is_kept_and_a_costly_client_is_spared() -> None:
    """Never faster than a fifth of the time inside the client."""
    assert interval([IDLE], SETTINGS, fixed=2, cost=0, watched=False) == 2
    assert interval([MOVING], SETTINGS, fixed=None, cost=2, watched=False) == 8


def test_a_wrong_password_is_not_hammered() -> None:
    """Clients ban addresses that keep failing."""
    assert retry_wait(1, 0, auth_failed=True) == 60
    assert [retry_wait(n, 0, auth_failed=False) for n in (1, 2, 3, 9)] == [1, 2, 4, 30]


def test_replicas_share_the_clients() -> None:
    """Each takes free ones up to its share, in order of priority."""
    assert quota(100, 3) == 34
    assert takeable(["a", "b", "c"], {"a"}, {}, 2) == ["b", "c"]
    assert takeable(["a", "b", "c"], {"a"}, {"a"}, 3) == []


def test_what_is_watched_closely() -> None:
    """A row that is about to go, and one that is being checked, are looked at often; a stalled one is not."""
    stalled = Download(client="c", id="d", state=State.DOWNLOADING, done=1)
    checking = Download(client="c", id="e", state=State.CHECKING, done=1)
    intent = Intent(IntentKind.CANCEL, "me", "r", datetime(2026, 1, 1, tzinfo=UTC), False)
    leaving = Download(client="c", id="f", state=State.SEEDING, intent=intent)
    waits = [interval([row], SETTINGS, fixed=None, cost=0, watched=False) for row in (stalled, checking, leaving)]
    assert waits == [5, 1, 1]

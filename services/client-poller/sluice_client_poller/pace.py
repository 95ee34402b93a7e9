"""How long to wait before the next poll. Pure."""

from __future__ import annotations

import msgspec

from sluice_common.kit.backoff import delay
from sluice_common.kit.errors import ClientError
from sluice_common.kit.settings import PollSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import State

_MOVING = (State.DOWNLOADING, State.CHECKING, State.MOVING, State.FETCHING_METADATA)
# At most this share of the time is spent inside the client: while somebody watches, and while nobody does.
WATCHED_SHARE = 0.2
IDLE_SHARE = 0.05
# So many rows are glanced at between two polls of a client that is slow to say what changed.
MOST_GLANCED = 200
# Of so many polls the cheapest counts: a whole list among deltas, or our own busy loop, is not the client's cost.
COSTS = 3
# Waits differ by at most this share, so that clients that began together do not stay together.
SPREAD = 0.05
AUTH_FAILED_WAIT = 60.0
# So many glances in a row may fail before the client's health says so: one may meet a restart.
GLANCES_FORGIVEN = 2


def interval(settings: PollSettings, *, fixed: float | None, cost: float, moving: bool, watched: bool) -> float:
    """Seconds until the next poll: fast while something moves or somebody watches, `fixed` where configured.

    `cost` is how many seconds a poll takes; a slow client is asked less often.
    """
    wanted = fixed or (settings.fast if moving or watched else settings.slow)
    share = WATCHED_SHARE if watched else IDLE_SHARE
    return max(wanted, cost * (1 / share - 1))


def spread(wait: float, jitter: float) -> float:
    """The wait, a little shorter or longer; `jitter` is between 0 and 1."""
    return wait * (1 + SPREAD * (2 * jitter - 1))


def moves(row: Download) -> bool:
    """Whether the row is worth looking at often: it transfers, is being worked on, or is about to turn or to go."""
    if row.intent is not None:
        return True
    if row.state != State.DOWNLOADING:
        return row.state in _MOVING
    return bool(row.down_speed) or not row.done or row.done == row.size


def retry_wait(failures: int, jitter: float, *, auth_failed: bool) -> float:
    """Seconds until a failing client is tried again; a wrong password is not hammered."""
    return AUTH_FAILED_WAIT if auth_failed else delay(failures, base=1.0, cap=30.0, jitter=jitter)


class Glances(msgspec.Struct, frozen=True):
    """How many glances have failed since one went well, and until when (monotonic seconds) none is tried.

    A client whose polls go well is spared as one that fails them: a glance that fails makes the next poll a whole list.
    """

    failures: int = 0
    not_before: float = 0.0
    error: ClientError | None = None

    def failed(self, error: ClientError, now: float, jitter: float) -> Glances:
        """After one more."""
        failures = self.failures + 1
        return Glances(failures, now + retry_wait(failures, jitter, auth_failed=False), error)

    @property
    def trouble(self) -> ClientError | None:
        """What the client's health has to say of it: why, once that is more than a mishap."""
        return self.error if self.failures > GLANCES_FORGIVEN else None

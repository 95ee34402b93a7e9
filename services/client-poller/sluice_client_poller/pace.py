"""How long to wait before the next poll. Pure."""

from __future__ import annotations

from sluice_common.kit.backoff import delay
from sluice_common.kit.settings import PollSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import State

_MOVING = (State.DOWNLOADING, State.CHECKING, State.MOVING, State.FETCHING_METADATA)
# At most this share of the time is spent inside the client.
COST_SHARE = 0.2
AUTH_FAILED_WAIT = 60.0


def interval(settings: PollSettings, *, fixed: float | None, cost: float, busy: bool) -> float:
    """Seconds until the next poll: fast while `busy` (something moves or somebody watches), `fixed` where configured.

    `cost` is how many seconds the last poll took; a slow client is asked less often.
    """
    wanted = fixed or (settings.fast if busy else settings.slow)
    return max(wanted, cost * (1 / COST_SHARE - 1))


def moves(row: Download) -> bool:
    """Whether the row is worth looking at often: it transfers, is being worked on, or is about to go."""
    if row.intent is not None:
        return True
    return row.state in _MOVING and (row.state != State.DOWNLOADING or bool(row.down_speed) or not row.done)


def retry_wait(failures: int, jitter: float, *, auth_failed: bool) -> float:
    """Seconds until a failing client is tried again; a wrong password is not hammered."""
    return AUTH_FAILED_WAIT if auth_failed else delay(failures, base=1.0, cap=30.0, jitter=jitter)

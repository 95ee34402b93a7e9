"""How far a command came, and what is said of one that was cut off on its way."""

from __future__ import annotations

from collections.abc import Awaitable
from contextvars import ContextVar
from typing import TypeVar

from sluice_client_poller import audit
from sluice_common.kit.errors import ClientError, ClientUnavailable, Problem
from sluice_common.model.download import Download

T = TypeVar("T")


class Deed:
    """How far a command came: `sends` counts the requests that change something and that the client may have,
    `accepted` is true once it said so; `row` is what it met; `stands` is where it leaves things if it ends here, and
    what to do then, None where only the queue can tell."""

    def __init__(self) -> None:
        self.sends = 0
        self.accepted = False
        self.row: Download | None = None
        self.stands: str | None = None

    @property
    def sent(self) -> bool:
        """Whether the client may have been changed."""
        return self.sends > 0

    async def change(self, call: Awaitable[T]) -> T:
        """Await an adapter's changing call. The one request that is refused with a Problem was not done; of several
        an earlier one was."""
        self.accepted, before = False, self.sends
        try:
            result = await call
        except Problem:
            if self.sends - before <= 1:
                self.sends = 0
            raise
        except ClientUnavailable as error:
            self.sends -= error.unsent
            raise
        self.sends, self.accepted = max(self.sends, 1), True
        return result

    @property
    def leaves_open(self) -> tuple[type[ClientError], ...]:
        """The errors of the client after which nobody knows what it made of the command."""
        return (ClientError,) if self.accepted else (ClientUnavailable,) if self.sent else ()

    def unknown(self, error: ClientError) -> Problem:
        """What is said of one that the client may have."""
        why = "the client took it, but could not be looked at since" if self.accepted else "the client does not answer"
        return unknown(f"{why} ({error})")

    def cut_off(self, why: str, status: int = 503) -> Problem:
        """What is said of one that ended on its way."""
        return unknown(why, status) if self.stands is None else Problem(audit.UNKNOWN, status, f"{self.stands} ({why})")


DEED: ContextVar[Deed] = ContextVar("deed")


def unknown(why: str, status: int = 503) -> Problem:
    """An outcome that nobody knows."""
    return Problem(audit.UNKNOWN, status, f"{why}; look at the queue before trying again")

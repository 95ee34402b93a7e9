"""What ends a verb early: one clear sentence on stderr and an exit code. The codes are the command's promise.

1 Sluice refused or failed · 2 wrong usage · 3 Sluice cannot be reached
"""

from __future__ import annotations

from typing import Any

from sluice_common.kit.errors import SluiceError

START = "`sluice up` starts it (or `make run` in a checkout); --url and SLUICE_URL name one that runs elsewhere"


class Failure(SluiceError):
    """Ends the command with `code` after saying why."""

    code = 1


class Refused(Failure):
    """The gateway refused: `problem` is its document, with the `code` to decide by."""

    def __init__(self, sentence: str, problem: dict[str, Any]) -> None:
        super().__init__(sentence)
        self.problem = problem


class WrongUsage(Failure):
    """The arguments cannot be meant like this."""

    code = 2


class Unreachable(Failure):
    """Nothing answers where Sluice should be."""

    code = 3

"""Why `up` refuses to start: one error with a sentence for the user and an exit code. Nothing else belongs here."""

from __future__ import annotations

from enum import IntEnum

from sluice_common.kit.errors import SluiceError


class ExitCode(IntEnum):
    """What the process of `sluice up` ends with; documented, so that scripts can tell the cases apart."""

    OK = 0
    FAILED = 1
    CONFIGURATION = 2
    ALREADY_RUNNING = 3
    DATA_DIRECTORY = 4
    PORT_IN_USE = 5
    DATABASE_VERSION = 6
    MISSING_PROGRAM = 7


class StartRefused(SluiceError):
    """`up` cannot run here. The message says what is wrong and what to do; `code` becomes the exit code."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code

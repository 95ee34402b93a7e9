"""Enums that survive a newer writer: an unknown value is kept verbatim and counts as `unknown`."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from typing_extensions import override


class OpenEnum(StrEnum):
    """A StrEnum whose unknown values decode to a pseudo-member that keeps the writer's own word."""

    @classmethod
    @override
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = "UNKNOWN"
        member._value_ = value
        return member

    @override
    def __reduce_ex__(self, protocol: object) -> tuple[type[Self], tuple[str]]:
        """By value: Python before 3.11.4 copies by name, and all unknown words share one."""
        return type(self), (self._value_,)

    @property
    def is_known(self) -> bool:
        """False for a word that this reader has no name for."""
        return self._value_ in type(self)._value2member_map_


class State(OpenEnum):
    """How far a download is."""

    QUEUED = "queued"
    FETCHING_METADATA = "fetching_metadata"
    DOWNLOADING = "downloading"
    CHECKING = "checking"
    MOVING = "moving"
    PAUSED = "paused"
    SEEDING = "seeding"
    COMPLETED = "completed"
    UNKNOWN = "unknown"


class Health(OpenEnum):
    """Whether something is wrong with it, apart from how far it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"


class Reason(OpenEnum):
    """Why health is not ok."""

    STALLED = "stalled"
    TRACKER_ERROR = "tracker_error"
    MISSING_FILES = "missing_files"
    DISK_FULL = "disk_full"
    PERMISSION = "permission"
    CLIENT_ERROR = "client_error"
    UNKNOWN = "unknown"


class IntentKind(OpenEnum):
    """Why we are about to take a row away from its client."""

    CANCEL = "cancel"
    CLEANUP = "cleanup"
    RETRY = "retry"
    UNKNOWN = "unknown"

"""What the work passes around. Values and the one exception by which a step says why it cannot go on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from sluice_common.contracts.library import ImportState
from sluice_importer.plan.values import ManifestFile


class Again(StrEnum):
    """When a stopped import is looked at again."""

    SOON = "soon"  # it waits for something outside, and that is nobody's failure
    LATER = "later"  # a failure: with back-off, a limited number of times
    NEVER = "never"  # a person decides


class Stop(Exception):
    """An import cannot go on now: its state, a stable reason code, and what a person should know and do."""

    def __init__(self, state: ImportState, reason: str, message: str, again: Again) -> None:
        super().__init__(f"{reason}: {message}")
        self.state = state
        self.reason = reason
        self.message = message
        self.again = again


def waiting(reason: str, message: str) -> Stop:
    """Something outside has to happen first; looked at again soon, for ever, at no cost."""
    return Stop(ImportState.WAITING, reason, message, Again.SOON)


def blocked(reason: str, message: str, again: Again = Again.NEVER) -> Stop:
    """A person has to do something."""
    return Stop(ImportState.BLOCKED, reason, message, again)


def failed(reason: str, message: str, again: Again = Again.LATER) -> Stop:
    """It did not work."""
    return Stop(ImportState.FAILED, reason, message, again)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed import. `attempt` is the fence: every write of this worker names it."""

    id: str
    client: str
    download_id: str
    epoch: str
    name: str
    attempt: int
    state: ImportState
    reason: str | None = None
    bound_item: str | None = None
    media_item: str | None = None
    failures: int = 0
    updated_at: datetime


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A download as its client tells it at this moment: where it lies on our disk, and its own file list.

    `wanted` is bytes, as the client counts what it was asked to fetch.
    """

    root: Path
    name: str
    wanted: int
    files: tuple[ManifestFile, ...]


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A placed file as the catalogue keeps it; `path` is relative to the library's root."""

    position: int
    path: str
    size: int
    method: str
    inode: int | None = None
    checksum: str | None = None
    season: int | None = None
    episodes: tuple[int, ...] = ()


def storable(text: str, limit: int = 2000) -> str:
    """Text of foreign origin as PostgreSQL takes it: no NUL, no lone surrogate, not endless."""
    return text[:limit].replace("\0", "\ufffd").encode(errors="replace").decode()

"""What an edit suite tests of a client, for the page on clients: each change by what it needs of the client."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from sluice_client_poller.adapters.port import NewDownload
from sluice_common.model.edits import (
    AddPeers,
    AlternativeLimits,
    AnyControl,
    AnyEdit,
    ChooseFiles,
    EditTrackers,
    ForceStart,
    GlobalLimits,
    Move,
    PauseAll,
    QueueMove,
    Reannounce,
    Rename,
    ResumeAll,
    SetCategory,
    SetLimits,
    SetTags,
)

Change = AnyEdit | AnyControl | NewDownload


class EditAbility(StrEnum):
    """In the order of the page."""

    FORCE = "force the start"
    UNFORCE = "give a forced one back to the queue"
    REANNOUNCE = "ask the trackers again"
    QUEUE = "move in the queue"
    CATEGORY = "change the category"
    TAGS = "change the tags"
    SPEED = "limit the speeds"
    RATIO = "limit the ratio"
    SEEDING_TIME = "limit the seeding time"
    MOVE = "move with the data"
    RENAME = "show another name"
    FILES = "choose the files"
    TRACKERS = "add and remove trackers"
    PEERS = "dial given peers"
    ADD_LIMITS = "add with limits"
    ADD_TAGS = "add with tags and no category"
    ADD_SEQUENTIAL = "add to download in order"
    ADD_FIRST_LAST = "add with first and last pieces first"
    GLOBAL = "limit the client's speeds"
    ALTERNATIVE = "switch to alternative limits"
    ALL = "pause and resume everything"


class Since(NamedTuple):
    """The first series of versions that can: what is older cannot."""

    major: int
    minor: int


Why = str | Since


def why_not(why: Why | None, version: str) -> str | None:
    """Why this version cannot do something, in the words of the page; None where it can. `4.1.0-beta.2` is of 4.1."""
    if not isinstance(why, Since):
        return why
    major, minor = (int(number) for number in version.split(".")[:2])
    return None if (major, minor) >= why else f"before {why.major}.{why.minor}"


_BY_KIND = {
    Reannounce: EditAbility.REANNOUNCE,
    QueueMove: EditAbility.QUEUE,
    SetCategory: EditAbility.CATEGORY,
    SetTags: EditAbility.TAGS,
    Move: EditAbility.MOVE,
    Rename: EditAbility.RENAME,
    ChooseFiles: EditAbility.FILES,
    EditTrackers: EditAbility.TRACKERS,
    AddPeers: EditAbility.PEERS,
    GlobalLimits: EditAbility.GLOBAL,
    AlternativeLimits: EditAbility.ALTERNATIVE,
    PauseAll: EditAbility.ALL,
    ResumeAll: EditAbility.ALL,
}


def needs(change: Change) -> frozenset[EditAbility]:
    """What a client must be able to do for this change."""
    match change:
        case ForceStart():
            return frozenset({EditAbility.FORCE if change.on else EditAbility.UNFORCE})
        case SetLimits():
            return frozenset(_limits(change))
        case NewDownload():
            return frozenset(_add(change))
        case _:
            return frozenset({_BY_KIND[type(change)]})


def _limits(edit: SetLimits) -> Iterator[EditAbility]:
    if edit.download is not None or edit.upload is not None:
        yield EditAbility.SPEED
    if edit.ratio is not None:
        yield EditAbility.RATIO
    if edit.seeding_time is not None:
        yield EditAbility.SEEDING_TIME


def _add(new: NewDownload) -> Iterator[EditAbility]:
    if new.download_limit is not None or new.upload_limit is not None:
        yield EditAbility.ADD_LIMITS
    if new.tags and not new.category:
        yield EditAbility.ADD_TAGS
    if new.sequential:
        yield EditAbility.ADD_SEQUENTIAL
    if new.first_last:
        yield EditAbility.ADD_FIRST_LAST

"""What can be changed in a download that is there, and in a client as a whole. Values only.

Each kind is one struct, told apart on the wire by `kind`; an adapter has a table from kinds to calls, and what is not
in it the client cannot do. Limits are bytes/s, times seconds; paths are the client's own view of its disk.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Edit(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """A change of one download."""


class ForceStart(Edit, frozen=True, kw_only=True, tag="force_start"):
    """Transfer now, past queue limits; `on=False` gives it back to the queue."""

    on: bool = True


class Reannounce(Edit, frozen=True, kw_only=True, tag="reannounce"):
    """Ask the trackers for peers now."""


class Place(StrEnum):
    """Where in the client's queue."""

    TOP = "top"
    UP = "up"
    DOWN = "down"
    BOTTOM = "bottom"


class QueueMove(Edit, frozen=True, kw_only=True, tag="queue"):
    """Move it in the client's queue."""

    to: Place


class SetCategory(Edit, frozen=True, kw_only=True, tag="category"):
    """Put it in another category, None in none. Data stays where it is unless the client's own settings move it."""

    category: str | None


class SetTags(Edit, frozen=True, kw_only=True, tag="tags"):
    """These tags and no others."""

    tags: tuple[str, ...]


class SetLimits(Edit, frozen=True, kw_only=True, tag="limits", omit_defaults=True):
    """Limits of this download: what is left out stays, 0 lifts the limit."""

    download: int | None = None
    upload: int | None = None
    ratio: float | None = None
    seeding_time: int | None = None


class Move(Edit, frozen=True, kw_only=True, tag="move"):
    """Move its data to another folder of the client."""

    save_path: str


class Rename(Edit, frozen=True, kw_only=True, tag="rename"):
    """Show it under another name."""

    name: str


class ChooseFiles(Edit, frozen=True, kw_only=True, tag="files", omit_defaults=True):
    """Which files are wanted, by index; those named in neither stay as they are."""

    wanted: tuple[int, ...] = ()
    unwanted: tuple[int, ...] = ()


class EditTrackers(Edit, frozen=True, kw_only=True, tag="trackers", omit_defaults=True):
    """Announce URLs to add and to remove. They carry pass keys: never log them."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class AddPeers(Edit, frozen=True, kw_only=True, tag="peers"):
    """Peers to dial, as `address:port`, IPv6 as `[address]:port`."""

    peers: tuple[str, ...]


AnyEdit = (
    ForceStart
    | Reannounce
    | QueueMove
    | SetCategory
    | SetTags
    | SetLimits
    | Move
    | Rename
    | ChooseFiles
    | EditTrackers
    | AddPeers
)


class Control(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """A change of a client as a whole."""


class PauseAll(Control, frozen=True, kw_only=True, tag="pause_all"):
    """Stop every transfer."""


class ResumeAll(Control, frozen=True, kw_only=True, tag="resume_all"):
    """Go on with every transfer."""


class AlternativeLimits(Control, frozen=True, kw_only=True, tag="alternative_limits"):
    """Turn the client's alternative speed limits on or off."""

    on: bool


class GlobalLimits(Control, frozen=True, kw_only=True, tag="global_limits", omit_defaults=True):
    """The client's ordinary speed limits: what is left out stays, 0 lifts the limit."""

    download: int | None = None
    upload: int | None = None


AnyControl = PauseAll | ResumeAll | AlternativeLimits | GlobalLimits


class OwnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is set in one download and no row tells: limits in bytes/s and seconds, None where it has none of its own.

    `trackers` are the hosts of its trackers, each once; never an announce URL, which carries a pass key.
    """

    download_limit: int | None = None
    upload_limit: int | None = None
    ratio_limit: float | None = None
    seeding_time_limit: int | None = None
    trackers: tuple[str, ...] = ()


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What limits a client as a whole, in bytes/s: None is no limit. `alternative` is None where it has none."""

    download: int | None = None
    upload: int | None = None
    alternative: bool | None = None

"""What a caller may ask to be changed, as the API takes it: the contract's edits, bounded, without unknown fields.

Each is a subclass of the contract's own struct and goes over the bus as that.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from sluice_common.model import edits

# Far above any line; what a client's own field holds less of, the client says.
_MOST = 2**40

Text = Annotated[str, Meta(min_length=1, max_length=255)]
Limit = Annotated[int, Meta(ge=0, le=_MOST, description="bytes per second; 0 is none", examples=[1_048_576])]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
Index = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Tags = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...], Meta(max_length=100)]
Urls = Annotated[tuple[Url, ...], Meta(max_length=100)]
Indexes = Annotated[tuple[Index, ...], Meta(max_length=20_000)]


class ForceStart(edits.ForceStart, frozen=True, kw_only=True, tag="force_start", forbid_unknown_fields=True):
    """Transfer now, past the limits of the client's queue; `on: false` gives it back to the queue."""


class Reannounce(edits.Reannounce, frozen=True, kw_only=True, tag="reannounce", forbid_unknown_fields=True):
    """Ask the trackers for peers now."""


class QueueMove(edits.QueueMove, frozen=True, kw_only=True, tag="queue", forbid_unknown_fields=True):
    """Move it in the client's queue."""


class SetCategory(edits.SetCategory, frozen=True, kw_only=True, tag="category", forbid_unknown_fields=True):
    """Put it in another category, null in none; it decides who imports it."""

    category: Annotated[str, Meta(min_length=1, max_length=255, examples=["movies"])] | None


class SetTags(edits.SetTags, frozen=True, kw_only=True, tag="tags", forbid_unknown_fields=True):
    """These tags and no others."""

    tags: Tags


class SetLimits(
    edits.SetLimits, frozen=True, kw_only=True, tag="limits", omit_defaults=True, forbid_unknown_fields=True
):
    """Limits of this download: what is left out stays."""

    download: Limit | None = None
    upload: Limit | None = None
    ratio: Annotated[float, Meta(ge=0, le=1_000_000, description="stop seeding there; 0 is none")] | None = None
    seeding_time: Annotated[int, Meta(ge=0, le=2**31 - 1, description="seconds; 0 is none")] | None = None


class Move(edits.Move, frozen=True, kw_only=True, tag="move", forbid_unknown_fields=True):
    """Move its data to another folder; absolute, as the client sees its disk."""

    save_path: Annotated[str, Meta(min_length=1, max_length=4096, examples=["/downloads/films"])]


class Rename(edits.Rename, frozen=True, kw_only=True, tag="rename", forbid_unknown_fields=True):
    """Show it under another name."""

    name: Text


class ChooseFiles(
    edits.ChooseFiles, frozen=True, kw_only=True, tag="files", omit_defaults=True, forbid_unknown_fields=True
):
    """Which files are wanted, by the index that its file list tells; those named in neither stay as they are."""

    wanted: Indexes = ()
    unwanted: Indexes = ()


class EditTrackers(
    edits.EditTrackers, frozen=True, kw_only=True, tag="trackers", omit_defaults=True, forbid_unknown_fields=True
):
    """Announce URLs to add and to remove: http, https or udp."""

    add: Urls = ()
    remove: Urls = ()


class AddPeers(edits.AddPeers, frozen=True, kw_only=True, tag="peers", forbid_unknown_fields=True):
    """Peers to dial: `address:port`, IPv6 as `[address]:port`."""

    peers: Annotated[tuple[Annotated[str, Meta(max_length=64, examples=["192.0.2.7:6881"])], ...], Meta(max_length=100)]


Edit: TypeAlias = (
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


class PauseAll(edits.PauseAll, frozen=True, kw_only=True, tag="pause_all", forbid_unknown_fields=True):
    """Stop every transfer of the client."""


class ResumeAll(edits.ResumeAll, frozen=True, kw_only=True, tag="resume_all", forbid_unknown_fields=True):
    """Go on with every transfer of the client."""


class AlternativeLimits(
    edits.AlternativeLimits, frozen=True, kw_only=True, tag="alternative_limits", forbid_unknown_fields=True
):
    """Turn the client's alternative speed limits on or off."""


class GlobalLimits(
    edits.GlobalLimits,
    frozen=True,
    kw_only=True,
    tag="global_limits",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """The client's ordinary speed limits: what is left out stays."""

    download: Limit | None = None
    upload: Limit | None = None


Control: TypeAlias = PauseAll | ResumeAll | AlternativeLimits | GlobalLimits

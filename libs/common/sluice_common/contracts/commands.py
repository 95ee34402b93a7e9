"""Commands to the holder of a client's lease, on `sluice.cmd.<client>.<verb>`, and what it answers."""

from __future__ import annotations

import msgspec

from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.edits import AnyControl, AnyEdit


class Position(msgspec.Struct, frozen=True):
    """A place in a client's table, valid on every replica."""

    incarnation: str
    sequence: int


class Add(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Add exactly one of `magnet` and `torrent` (the .torrent's bytes). Limits are bytes/s."""

    magnet: str | None = None
    torrent: bytes | None = None
    save_path: str | None = None
    category: str | None = None
    paused: bool = False
    tags: tuple[str, ...] = ()
    sequential: bool = False
    first_last: bool = False
    download_limit: int | None = None
    upload_limit: int | None = None


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Pause, resume or recheck one download; `epoch`, where given, must still be the row's."""

    id: str
    epoch: str | None = None


class Remove(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cancel: take the download out of its client, with its data if asked."""

    id: str
    epoch: str | None = None
    with_data: bool = False


class Retry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Take the download out of its client and add it again from `source`, keeping what is on disk."""

    id: str
    source: Add
    epoch: str | None = None


class Alter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Change one download; `epoch`, where given, must still be the row's."""

    id: str
    edit: AnyEdit
    epoch: str | None = None


class Steer(msgspec.Struct, frozen=True, kw_only=True):
    """Change the client as a whole."""

    control: AnyControl


class FilesOf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ask for a page of the client's own file list, from file number `start`."""

    id: str
    start: int = 0


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The command's effect is visible at `position`; `id` is the download's, `epoch` its epoch after the command.

    Where the command was about the client as a whole `id` is empty. `lost` are the kinds of edits that the client did
    not take again after a retry.
    """

    id: str
    epoch: str | None = None
    position: Position | None = None
    lost: tuple[str, ...] = ()


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """Some files of a download; `next` is the number to go on from, None at the end."""

    items: tuple[RemoteFile, ...]
    total: int
    next: int | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the client about one download now, whatever the table says."""

    id: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The client's own row at this moment, its epoch settled against the table; None when the client has none."""

    row: Download | None = None

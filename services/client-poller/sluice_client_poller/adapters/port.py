"""What the poller asks of a download client, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from sluice_common.kit.errors import Problem
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.edits import AnyControl, AnyEdit, Limits


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """One successful, complete look at a client.

    `rows` are all its downloads (`epoch` holds the client's stable time as `c<seconds>`, or ""). Where the client
    tells what changed, a poll after a good one may be a delta (`whole=False`): `rows` are then those that may differ
    from what this adapter last returned, `removed` the ids that are gone since. A poll that raised changes nothing of
    what the next delta is relative to; the first poll, and the first after a restart, is whole. `restarted` says
    that the adapter had to log in, connect or start over, so that what is missing may only be late.
    `free_space` in bytes, speeds in bytes/s, None where the client does not say. `throttled` says that a download that
    gets nothing may owe it to the client: it is offline, or its download limit is used up.
    """

    rows: tuple[Download, ...]
    whole: bool = True
    removed: tuple[str, ...] = ()
    restarted: bool = False
    version: str | None = None
    free_space: int | None = None
    down_speed: int | None = None
    up_speed: int | None = None
    throttled: bool = False


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of itself: its version, where it saves, and its categories with their own save paths.

    Paths are the client's; a category's is None where it has none of its own. Without categories the map is empty.
    """

    version: str | None = None
    save_path: str | None = None
    categories: dict[str, str | None] = {}


class NewDownload(msgspec.Struct, frozen=True, kw_only=True):
    """What to add: exactly one of `magnet` and `torrent` (the .torrent's bytes), and how. Limits are bytes/s.

    What a client cannot do at an add raises `unsupported` before anything is added.
    """

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


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was set on one download and no add can say; `forced` is the row's. Limits are bytes/s and seconds.

    Of speeds None is no limit; of `ratio` and `seeding_time` it is the client's own rule, and 0 no limit. `unwanted`
    are files by index, none before the metadata. `name` and `trackers` are None where nobody can change them. Trackers
    are announce URLs, which carry pass keys: never log them.
    """

    download_limit: int | None = None
    upload_limit: int | None = None
    ratio: float | None = None
    seeding_time: int | None = None
    unwanted: tuple[int, ...] = ()
    trackers: frozenset[str] | None = None
    sequential: bool = False
    first_last: bool = False
    name: str | None = None
    forced: bool = False


class Adapter(Protocol):
    """A download client. Every call raises a `ClientError` or returns the truth; none returns a guess.

    Ids are lower-case info-hashes for torrents. A command on an id that the client does not hold raises
    `Problem("not_found", 404, …)`, one the client cannot do `Problem("unsupported", 501, …)`.
    """

    async def poll(self) -> Poll:
        """The whole list; raises rather than return a part of it."""

    async def read(self, download_id: str) -> Download | None:
        """One row asked of the client now, or None when it has none."""

    async def files(self, download_id: str) -> tuple[RemoteFile, ...]:
        """The client's own file list; empty while a magnet has no metadata."""

    async def add(self, new: NewDownload) -> str:
        """Add and verify; the id. A duplicate raises `Problem("duplicate", 409, …, id=<id>)`."""

    async def pause(self, download_id: str) -> None:
        """Stop transferring."""

    async def resume(self, download_id: str) -> None:
        """Go on transferring."""

    async def recheck(self, download_id: str) -> None:
        """Verify what is on disk."""

    async def remove(self, download_id: str, *, with_data: bool) -> None:
        """Take it out of the client, with or without its data. Returns once the client accepted."""

    async def alter(self, download_id: str, edit: AnyEdit) -> None:
        """Change one download. Returns once the client accepted; what it refuses is a Problem with its words."""

    async def terms(self, download_id: str) -> Terms:
        """What was set on one download, asked now."""

    async def control(self, control: AnyControl) -> None:
        """Change the client as a whole."""

    async def limits(self) -> Limits:
        """What limits the client as a whole, asked now."""

    async def about(self) -> About:
        """Log in if needed and ask for what doctor and init want to know."""

    async def close(self) -> None:
        """Let go of connections."""


@runtime_checkable
class Glancer(Protocol):
    """An adapter of a client that tells of a few downloads for much less than it takes to tell what changed."""

    async def glance(self, download_ids: Sequence[str]) -> tuple[Download, ...]:
        """These rows as they are now; one that is not told may be gone, which only a poll says for sure.

        The next poll's rows hold them again, as does a delta's.
        """


def unsupported(client: str, what: str) -> Problem:
    """The refusal of what this kind of client, or its version, cannot do; `client` is its product name."""
    return Problem("unsupported", 501, f"{client} cannot {what}; nothing was changed")

"""What a finished download means for the imports that exist. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sluice_common.contracts.library import ImportState

_FINISHED = frozenset({ImportState.IMPORTED, ImportState.BLOCKED, ImportState.FAILED})
_ABSENT = frozenset({"download_gone", "download_replaced"})


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A complete download of ours. `wanted` is bytes; `incarnation` the table's, None where no table shows it.

    `aliases` are its other names: an add knows a hybrid by its v1 hash, which its client may never use.
    """

    client: str
    download_id: str
    epoch: str
    wanted: int
    name: str
    category: str | None = None
    incarnation: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that its association may have."""
        return self.download_id, *self.aliases


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """An import that exists for the same (client, download id)."""

    id: str
    download_id: str
    epoch: str
    incarnation: str | None
    wanted: int
    state: ImportState
    reason: str | None


class Create(msgspec.Struct, frozen=True):
    """A new import; `preexisting` ones are only noted."""

    download: Finished
    preexisting: bool


class Keep(msgspec.Struct, frozen=True):
    """The import `id` is this download's: it takes its epoch and incarnation; `reopen` runs it again."""

    id: str
    download: Finished
    reopen: bool


Action = Create | Keep


def decide(download: Finished, known: Sequence[Known], *, preexisting: bool) -> Action | None:
    """What to do about `download`, given its imports, oldest first; None where nothing is to be done.

    An epoch of first sight means nothing after a change of incarnation: the import made under another one is this
    download's, and a finished one is not repeated for the same wanted bytes.
    """
    mine = next((one for one in known if one.epoch == download.epoch), None) or _carried_over(download, known)
    if mine is None:
        return Create(download, preexisting)
    reopen = _reopens(mine, download)
    is_elsewhere = download.incarnation is not None and mine.incarnation != download.incarnation
    return Keep(mine.id, download, reopen) if reopen or is_elsewhere else None


def _carried_over(download: Finished, known: Sequence[Known]) -> Known | None:
    if download.epoch.startswith("c") or download.incarnation is None:
        return None
    others = [one for one in known if one.incarnation != download.incarnation and not one.epoch.startswith("c")]
    return others[-1] if others else None


def _reopens(mine: Known, download: Finished) -> bool:
    """Other files were chosen, or what was believed to be gone is back.

    An import that is not finished looks at the client again anyway, and notes the wanted bytes that it saw.
    """
    is_back = mine.state is ImportState.FAILED and mine.reason in _ABSENT
    return is_back or (mine.state in _FINISHED and mine.wanted != download.wanted)

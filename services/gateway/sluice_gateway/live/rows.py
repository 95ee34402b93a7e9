"""One row of the queue as the gateway holds it. Pure: values in, values out; nothing here waits or connects."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from sluice_common.contracts.library import ImportState
from sluice_common.model.download import Download

Key = tuple[str, str]
"""`(client, id)`: the identity of a row."""

NO_OWNER = "none"


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """How far the import of one download is. `version` orders what is heard of it: the higher wins."""

    epoch: str = ""
    state: ImportState = ImportState.NONE
    version: int = -1
    reason: str | None = None
    message: str | None = None
    import_id: str | None = None


NO_IMPORT = Overlay()


class Entry(msgspec.Struct, frozen=True, eq=False, kw_only=True, gc=False):
    """A row with what we add to it. A changed row is a new Entry, so identity tells whether it changed."""

    download: Download
    owner: str
    overlay: Overlay
    search_name: str

    @property
    def key(self) -> Key:
        """The row's identity."""
        return self.download.client, self.download.id


def make_entry(download: Download, owners: Mapping[str, str], overlay: Overlay) -> Entry:
    """The entry of a client's row; `owners` maps that client's categories."""
    return Entry(
        download=download,
        owner=owners.get(download.category or "", NO_OWNER),
        overlay=overlay,
        search_name=download.name.casefold(),
    )


def progress(download: Download) -> float | None:
    """The share of the wanted bytes that is there, 0 to 1; None while the size is unknown."""
    if download.is_complete:
        return 1.0
    if download.done is None or not download.size:
        return None
    return round(min(1.0, max(0.0, download.done / download.size)), 4)


def finite(value: float | None) -> float | None:
    """The value, or None for what no JSON number and no order can hold (NaN, the infinities)."""
    return value if value is not None and math.isfinite(value) else None

"""Rows for the gateway's unit tests."""

from __future__ import annotations

from typing import Any

from sluice_common.model.download import Download
from sluice_common.model.enums import State
from sluice_gateway.live.rows import NO_IMPORT, Entry, make_entry


def row(download_id: str, **fields: Any) -> Download:
    known: dict[str, Any] = {"client": "deluge", "name": download_id, "state": State.DOWNLOADING}
    return Download(id=download_id, **(known | fields))


def entry(download_id: str, **fields: Any) -> Entry:
    return make_entry(row(download_id, **fields), {"movies": "sluice"}, NO_IMPORT)

"""The events of an import, from its row. Pure; ids are the same whenever the same fact is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sluice_common.contracts import events
from sluice_common.contracts.events import Event, FileData, ImportData
from sluice_common.contracts.library import ImportState
from sluice_importer.work.values import Registered

SOURCE = "importer"

# What a state is called when it is reached; planned and ignored are nobody's news.
TYPE_OF = {
    ImportState.WAITING: "import.queued",
    ImportState.IMPORTING: "import.started",
    ImportState.IMPORTED: "import.completed",
    ImportState.BLOCKED: "import.blocked",
    ImportState.FAILED: "import.failed",
}


def of_state(row: Mapping[str, Any], now: datetime) -> Event | None:
    """The event of the state that `row` (of library.imports) has just reached."""
    event_type = TYPE_OF.get(ImportState(row["state"]))
    return None if event_type is None else _about_import(event_type, row, now)


def of_refresh(row: Mapping[str, Any], now: datetime) -> Event:
    """Players should look at this media item again."""
    return _about_import("media.refresh_requested", row, now)


def of_file(row: Mapping[str, Any], file: Registered, now: datetime) -> Event:
    """A file is in the library's catalogue."""
    data = FileData(
        client=row["client"],
        id=row["download_id"],
        epoch=row["epoch"],
        import_id=row["id"],
        version=row["version"],
        library=row["library"],
        path=file.path,
        size=file.size,
        method=file.method,
        media_item=row["media_item"],
        episodes=tuple(f"S{file.season or 0:02d}E{number:02d}" for number in file.episodes),
    )
    event_id = events.event_id("file.registered", row["id"], row["version"], file.path)
    return events.make(event_id, "file.registered", SOURCE, now, data)


def _about_import(event_type: str, row: Mapping[str, Any], now: datetime) -> Event:
    data = ImportData(
        client=row["client"],
        id=row["download_id"],
        epoch=row["epoch"],
        import_id=row["id"],
        version=row["version"],
        name=row["name"],
        state=row["state"],
        media_item=row["media_item"],
        library=row["library"],
        files=row["files_done"],
        files_total=row["files_total"],
        reason=row["reason"],
        message=row["message"],
    )
    return events.make(events.event_id(event_type, row["id"], row["version"]), event_type, SOURCE, now, data)

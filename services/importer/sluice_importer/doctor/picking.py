"""Which of a client's paths and finished downloads are worth a look. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sluice_common.contracts.doctor import AboutClient
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download, RemoteFile
from sluice_importer.plan.paths import confine
from sluice_importer.work.ownership import is_ours, our_categories

MOST_PATHS = 6
# A finished file may have been deleted or moved by hand: a few more are tried before that is called a fault.
PER_PATH = 3
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def save_paths(told: AboutClient | None, rows: Sequence[Download], settings: ClientSettings) -> dict[str, bool]:
    """Where the client saves, as it calls it, and whether what we import lies there.

    Its default folder, the folders of categories that are ours, and wherever complete downloads of ours are.
    """
    ours = our_categories(settings)
    found: dict[str, bool] = {}
    if told is not None:
        folders = [folder for name, folder in told.categories.items() if name in ours and folder]
        if told.save_path:
            found[told.save_path] = len(folders) < len(ours)
        found |= dict.fromkeys(folders, True)
    for row in rows:
        if row.is_complete and row.save_path and is_ours(settings, row.category):
            found[row.save_path] = True
    return dict(list(found.items())[:MOST_PATHS])


def finished(rows: Iterable[Download], settings: ClientSettings) -> list[Download]:
    """Complete downloads to try, of every save path the likeliest first: ours before others, newest first."""

    def likeliness(row: Download) -> tuple[bool, datetime]:
        return is_ours(settings, row.category), row.completed_at or row.added_at or _LONG_AGO

    chosen: dict[str, list[Download]] = {}
    for row in sorted((row for row in rows if row.is_complete and row.size), key=likeliness, reverse=True):
        path = row.save_path or ""
        if path in chosen or len(chosen) < MOST_PATHS:
            chosen.setdefault(path, []).append(row)
    return [row for held in chosen.values() for row in held[:PER_PATH]]


def largest(files: Sequence[RemoteFile]) -> RemoteFile | None:
    """The file to try: the largest that was wanted and whose path can be followed."""
    usable = [file for file in files if file.wanted and file.size > 0 and not isinstance(confine(file.path), str)]
    return max(usable, key=lambda file: file.size, default=None)

"""What a download that is added again takes along of what was set on it before. Pure.

What an add itself can say goes with the add; the rest are edits. Nothing that was not wanted may be transferred before
they are made: with a choice of files it is added stopped, and started after them.
"""

from __future__ import annotations

import math

import msgspec

from sluice_client_poller.adapters.port import NewDownload, Terms
from sluice_common.model.edits import AnyEdit, ChooseFiles, EditTrackers, Rename, SetLimits


def added(source: NewDownload, terms: Terms) -> NewDownload:
    """The add. Of a magnet link the files are not known yet, and stopped it would never learn them."""
    return msgspec.structs.replace(
        source,
        sequential=source.sequential or terms.sequential,
        first_last=source.first_last or terms.first_last,
        download_limit=terms.download_limit or source.download_limit,
        upload_limit=terms.upload_limit or source.upload_limit,
        paused=source.paused or (bool(terms.unwanted) and source.torrent is not None),
    )


def edits(terms: Terms, there: Terms) -> tuple[AnyEdit, ...]:
    """What is to be changed in what is `there` so that these terms hold again; what is unknown stays."""
    found = (_files(terms, there), _limits(terms, there), _trackers(terms, there), _name(terms, there))
    return tuple(edit for edit in found if edit is not None)


def _files(terms: Terms, there: Terms) -> ChooseFiles | None:
    edit = ChooseFiles(
        wanted=tuple(sorted(set(there.unwanted) - set(terms.unwanted))),
        unwanted=tuple(sorted(set(terms.unwanted) - set(there.unwanted))),
    )
    return edit if edit != ChooseFiles() else None


def _limits(terms: Terms, there: Terms) -> SetLimits | None:
    edit = SetLimits(
        download=_changed(terms.download_limit or 0, there.download_limit or 0),
        upload=_changed(terms.upload_limit or 0, there.upload_limit or 0),
        ratio=terms.ratio if terms.ratio is not None and not _is_close(terms.ratio, there.ratio) else None,
        seeding_time=_changed(terms.seeding_time, there.seeding_time),
    )
    return edit if edit != SetLimits() else None


def _changed(wanted: int | None, there: int | None) -> int | None:
    return wanted if wanted != there else None


def _is_close(wanted: float, there: float | None) -> bool:
    return there is not None and math.isclose(wanted, there, abs_tol=0.001)


def _trackers(terms: Terms, there: Terms) -> EditTrackers | None:
    if terms.trackers is None or there.trackers is None or terms.trackers == there.trackers:
        return None
    return EditTrackers(
        add=tuple(sorted(terms.trackers - there.trackers)), remove=tuple(sorted(there.trackers - terms.trackers))
    )


def _name(terms: Terms, there: Terms) -> Rename | None:
    return Rename(name=terms.name) if terms.name is not None and terms.name != there.name else None

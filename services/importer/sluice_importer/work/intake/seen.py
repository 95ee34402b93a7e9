"""Rows of the replicated table as finished downloads of ours. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_importer.work.intake.decide import Finished
from sluice_importer.work.ownership import is_ours

LARGEST = 2**62


def finished_row(row: Download, incarnation: str, client: ClientSettings) -> Finished | None:
    """The row as a finished download; None where it is not complete, of no possible size or id, or not ours."""
    if not row.is_complete or row.size is None or not is_ours(client, row.category):
        return None
    if not is_possible(row.id, row.size):
        return None
    return Finished(
        client=row.client,
        download_id=row.id,
        epoch=row.epoch,
        wanted=row.size,
        name=row.name,
        category=row.category,
        incarnation=incarnation,
    )


def is_possible(download_id: str, size: int) -> bool:
    """Whether a database can hold it: one absurd row must not stop the others."""
    return 0 <= size <= LARGEST and "\0" not in download_id


def finished_rows(rows: Iterable[Download], incarnation: str, client: ClientSettings) -> list[Finished]:
    """All of them."""
    return [found for row in rows if (found := finished_row(row, incarnation, client)) is not None]

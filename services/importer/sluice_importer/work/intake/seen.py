"""Rows of the replicated table as finished downloads of ours. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_importer.work.intake.decide import Finished
from sluice_importer.work.ownership import is_ours

LARGEST = 2**62
_NONE: Mapping[str, str | None] = {}


def finished_row(
    row: Download, incarnation: str, client: ClientSettings, asked: Mapping[str, str | None] = _NONE
) -> Finished | None:
    """The row as a finished download; None where it is not complete, of no possible size or id, or not ours.

    `asked` is the category with which each download was added through us. Clients that label only what they already
    hold (Deluge) can die in between: what has no category then is still what it was added as.
    """
    category = row.category or next((asked[name] for name in (row.id, *row.aliases) if name in asked), None)
    if not row.is_complete or row.size is None or not is_ours(client, category):
        return None
    if not is_possible(row.id, row.size):
        return None
    return Finished(
        client=row.client,
        download_id=row.id,
        epoch=row.epoch,
        wanted=row.size,
        name=row.name,
        category=category,
        incarnation=incarnation,
        aliases=row.aliases,
    )


def is_possible(download_id: str, size: int) -> bool:
    """Whether a database can hold it: one absurd row must not stop the others."""
    return 0 <= size <= LARGEST and "\0" not in download_id


def finished_rows(
    rows: Iterable[Download], incarnation: str, client: ClientSettings, asked: Mapping[str, str | None]
) -> list[Finished]:
    """All of them."""
    return [found for row in rows if (found := finished_row(row, incarnation, client, asked)) is not None]

"""An app's queue fits a message, whatever the app says; what is in trouble is left out last."""

from __future__ import annotations

from datetime import UTC, datetime

from sluice_common.contracts import codec
from sluice_common.contracts.apps import AppDownload, AppQueue
from sluice_importer.apps.queues import fitting

AT = datetime(2026, 11, 21, tzinfo=UTC)


def queue(*items: AppDownload) -> AppQueue:
    return AppQueue(app="sonarr", kind="sonarr", asked_at=AT, items=items)


def well(number: int) -> AppDownload:
    return AppDownload(id=f"{number:040x}", state="downloading")


def ill(number: int, words: str = "é" * 900) -> AppDownload:
    return AppDownload(id=f"{number:040x}", state="importBlocked", status="warning", messages=(words, words))


def test_what_fits_is_said_as_it_is() -> None:
    """Every word of it."""
    whole = queue(well(1), ill(2))
    assert fitting(whole) is whole


def test_words_go_before_downloads_and_the_well_before_the_ill() -> None:
    """The state of each is worth more than its second sentence."""
    cut = fitting(queue(well(1), ill(2)), most=1200)
    assert [(one.id, [len(words) for words in one.messages]) for one in cut.items] == [
        (well(1).id, []),
        (ill(2).id, [300]),
    ]
    many = [well(number) for number in range(50)]
    assert [one.id for one in fitting(queue(*many, ill(99)), most=1200).items] == [ill(99).id]


def test_whatever_is_said_fits() -> None:
    """Even of a hundred thousand that are all in trouble, as many as a message holds."""
    most = 100_000
    left = fitting(queue(*(ill(number, "\U0001f4a9" * 900) for number in range(1000))), most)
    assert 20 < len(left.items) < 1000
    assert len(codec.to_json(left)) <= most

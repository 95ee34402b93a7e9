"""What a retry takes along: with the add what an add can say, as edits what is left."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from sluice_client_poller import again
from sluice_client_poller.adapters.port import NewDownload, Terms
from sluice_common.model.edits import AnyEdit, ChooseFiles, EditTrackers, Rename, SetLimits

TORRENT = NewDownload(torrent=b"d4:info")
SET = Terms(
    download_limit=1000,
    upload_limit=2000,
    ratio=1.5,
    seeding_time=3600,
    unwanted=(1, 2),
    trackers=frozenset({"http://a/", "http://b/"}),
    sequential=True,
    first_last=True,
    name="Mine",
)


@dataclass(frozen=True)
class Case:
    """Terms before and after the add, and what is to be done about it."""

    terms: Terms
    there: Terms
    edits: tuple[AnyEdit, ...]


def test_an_add_takes_along_what_it_can_say() -> None:
    """Limits and order; with files that are not wanted it is added stopped, so that none of them is transferred."""
    new = again.added(TORRENT, SET)
    assert (new.download_limit, new.upload_limit, new.sequential, new.first_last) == (1000, 2000, True, True)
    assert new.paused
    assert not again.added(TORRENT, msgspec.structs.replace(SET, unwanted=())).paused
    assert again.added(NewDownload(torrent=b"d4:info", paused=True), Terms()).paused


def test_a_magnet_link_is_not_held() -> None:
    """Stopped it would never learn its files."""
    assert not again.added(NewDownload(magnet="magnet:a"), SET).paused


@pytest.mark.parametrize(
    "case",
    [
        Case(SET, SET, ()),
        Case(Terms(), Terms(), ()),
        Case(Terms(unwanted=(1,)), Terms(), (ChooseFiles(unwanted=(1,)),)),
        Case(Terms(unwanted=(1,)), Terms(unwanted=(0,)), (ChooseFiles(wanted=(0,), unwanted=(1,)),)),
        Case(Terms(download_limit=5), Terms(), (SetLimits(download=5),)),
        Case(Terms(), Terms(upload_limit=5), (SetLimits(upload=0),)),
        Case(Terms(ratio=1.5), Terms(), (SetLimits(ratio=1.5),)),
        Case(Terms(ratio=1.5), Terms(ratio=1.5001), ()),
        Case(Terms(ratio=0.0), Terms(ratio=2.0), (SetLimits(ratio=0.0),)),
        Case(Terms(ratio=None), Terms(ratio=2.0), ()),
        Case(Terms(seeding_time=60), Terms(), (SetLimits(seeding_time=60),)),
        Case(
            Terms(trackers=frozenset("ab")), Terms(trackers=frozenset("bc")), (EditTrackers(add=("a",), remove=("c",)),)
        ),
        Case(Terms(trackers=None), Terms(trackers=frozenset("b")), ()),
        Case(Terms(name="Mine"), Terms(name="Theirs"), (Rename(name="Mine"),)),
        Case(Terms(), Terms(name="Theirs"), ()),
    ],
)
def test_what_still_differs_is_edited(case: Case) -> None:
    """Nothing else is: an edit that changes nothing may start or announce something."""
    assert again.edits(case.terms, case.there) == case.edits

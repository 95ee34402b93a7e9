"""What qBittorrent's deltas add up to, one promise at a time; test_qbittorrent.py has the properties."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sluice_client_poller.adapters.qbittorrent import wire
from sluice_client_poller.adapters.qbittorrent.mirror import Mirror

A, B, V2 = "a" * 40, "b" * 40, "c" * 64
LOADING = {
    "name": "Show",
    "state": "downloading",
    "added_on": 1_700_000_000,
    "progress": 0.5,
    "size": 100,
    "save_path": "/downloads",
}
DONE = {"state": "stalledUP", "progress": 1}


def raw(fields: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(fields))


def row(**changes: Any) -> wire.Row:
    return wire.merge(None, raw(LOADING | changes))


def mirror(**rows: dict[str, Any]) -> Mirror:
    """One that was told these rows in full."""
    whole = Mirror()
    whole.take([(torrent_id, raw(LOADING | fields)) for torrent_id, fields in rows.items()], whole=True)
    return whole


def test_only_what_looks_different_is_passed_on() -> None:
    """New rows and changed ones; what is told again, or ticks, is not."""
    known = Mirror()
    assert known.take([(A, raw(LOADING)), (B, raw(LOADING))], whole=True) == [A, B]
    assert known.take([(A, raw(LOADING)), (B, raw(LOADING | {"name": "Film"}))], whole=True) == [B]
    assert known.take([(A, raw({"time_active": 7})), (B, raw({"progress": 0.6}))], whole=False) == [B]
    assert known.rows == {A: row(time_active=7), B: row(name="Film", progress=0.6)}


def test_what_left_is_told_once() -> None:
    """Of those that left, the ones that were there; nobody waits for their confirmation any more."""
    known = mirror(**{A: {}, B: {}})
    known.take([(A, raw(DONE)), (B, raw(DONE))], whole=False)
    assert known.drop([A, "unheard"]) == [A]
    assert (set(known.rows), known.doubtful) == ({B}, {B})
    assert known.drop([A]) == []


@pytest.mark.parametrize(
    ("before", "told", "whole", "doubtful"),
    [
        ({}, DONE, False, True),
        ({}, LOADING | DONE, True, False),
        (None, LOADING | DONE, False, True),
        (None, LOADING | DONE, True, False),
        (DONE, {"name": "Film"}, False, False),
        ({}, {"name": "Film"}, False, False),
    ],
)
def test_only_what_a_delta_completed_is_doubtful(
    before: dict[str, Any] | None, told: dict[str, Any], whole: bool, doubtful: bool
) -> None:
    """A full reply is the client's word, and what was complete by it stays so."""
    known = Mirror() if before is None else mirror(**{A: before})
    known.take([(A, raw(told))], whole=whole)
    assert known.doubtful == ({A} if doubtful else set())


def test_what_is_not_complete_any_more_needs_no_confirmation() -> None:
    """The doubt goes with its reason."""
    known = mirror(**{A: {}})
    known.take([(A, raw(DONE))], whole=False)
    known.take([(A, raw({"progress": 0.9}))], whole=False)
    assert known.doubtful == set()


def test_doubtful_rows_are_shown_as_the_client_says() -> None:
    """Confirmed they are as confirmed, unconfirmed as they are and asked for again, gone they are not shown."""
    gone, loading, done = "1" * 40, "2" * 40, "3" * 40
    known = mirror(**{A: {}, gone: {}, loading: {}, done: {}})
    told = [(torrent_id, raw(DONE)) for torrent_id in (gone, loading, done)]
    changed = known.take([(A, raw({"name": "Film"})), *told], whole=False)
    said = {loading: row(state="moving", progress=1), done: row(**DONE, save_path="/done")}
    assert known.shown(changed, said) == {A: row(name="Film"), **said}
    assert known.doubtful == {gone, loading}
    assert (known.rows[done], known.rows[loading]) == (said[done], row(**DONE))
    # Still doubtful, though no delta tells of them any more.
    assert known.shown([], {loading: row(**DONE)}) == {loading: row(**DONE)}
    assert known.doubtful == {gone}


def test_a_name_without_metadata_may_become_another() -> None:
    """A magnet's v1 hash, once its metadata came, is a hybrid's old name; a name that is not listed is not."""
    known = mirror(**{A: {"size": 0}, B: {}})
    assert known.may_be_renamed({A, B, "unheard"})
    assert not known.may_be_renamed({B, "unheard"})


def test_hybrids_are_found_by_their_other_names() -> None:
    """By any of them; what has no v2 hash has no other name to be asked for by."""
    hybrid = V2[:40]
    known = mirror(**{hybrid: {"infohash_v1": A, "infohash_v2": V2}, B: {"infohash_v1": "d" * 40}})
    assert known.named({A}) == known.named({V2, "unheard"}) == {hybrid}
    assert known.named({hybrid, B, "d" * 40}) == set()


def test_a_hybrid_outgrows_its_magnet() -> None:
    """Its v1 hash without metadata, and only where it came itself; another row with metadata is another download's."""
    hybrid, other = V2[:40], "d" * 40
    magnet: dict[str, Any] = {"size": 0}
    known = mirror(
        **{
            B: magnet,
            A: magnet,
            hybrid: {"infohash_v1": A, "infohash_v2": V2},
            "e" * 40: {"infohash_v1": other, "infohash_v2": "e" * 64},
            other: {},
            "1" * 40: {"infohash_v1": B},
        }
    )
    assert known.outgrown([hybrid, "e" * 40, "1" * 40]) == [A]
    assert known.outgrown(["e" * 40, A]) == []


def test_a_magnet_of_both_hashes_outgrows_nothing() -> None:
    """It is without metadata itself, and stays under the name that it has."""
    magnet = V2[:40]
    assert mirror(**{magnet: {"size": 0, "infohash_v1": A, "infohash_v2": V2}}).outgrown([magnet]) == []


def test_rows_without_metadata_are_told_in_order() -> None:
    """The magnets, which may become hybrids, and nothing else."""
    assert mirror(**{B: {"size": 0}, A: {"size": 0}, V2[:40]: {}}).bare() == [A, B]


TOLD = {
    "name": "Show",
    "state": "stalledUP",
    "added_on": 1_700_000_000,
    "progress": 1,
    "size": 10**9,
    "save_path": "/downloads/complete",
    "download_path": "/downloads/temp",
    "category": "tv",
    "tags": "seen, kept",
    "tracker": "http://tracker.example.org/announce",
    "total_size": 10**9,
    "completed": 10**9,
    "content_path": "/downloads/complete/Show",
    "uploaded": 5,
    "seeding_time": 7,
}


def full(torrent_id: str, **changes: Any) -> tuple[str, msgspec.Raw]:
    """A row with an id of its own object, as each reply has it."""
    fields = TOLD | {"infohash_v1": torrent_id} | changes
    return "".join(list(torrent_id)), raw(fields)


def test_what_rows_have_in_common_is_held_once() -> None:
    """A hundred thousand rows have a dozen folders, trackers and states, and each has its own size three times."""
    known = Mirror()
    known.take([full(A), full(B)], whole=True)
    first, second = known.rows[A], known.rows[B]
    for field in ("state", "category", "save_path", "download_path", "tags", "tracker"):
        assert getattr(first, field) is getattr(second, field)
    assert first.size is first.total_size is first.completed
    assert first == wire.merge(None, full(A)[1])
    known.take([(A, raw({"state": "uploading"})), (B, raw({"state": "uploading"}))], whole=False)
    assert known.rows[A].state is known.rows[B].state


def test_a_full_list_holds_again_only_what_is_new() -> None:
    """Every few minutes everything is told anew: what is as before stays the same object, down to the names."""
    known, again = Mirror(), Mirror()
    known.take([full(A), full(B)], whole=True)
    again.take([full(A), full(B, name="Film", seeding_time=8)], whole=True, shared=known.rows)
    assert again.rows[A] is known.rows[A]
    assert again.rows[B] == wire.merge(None, full(B, name="Film", seeding_time=8)[1])
    assert again.rows[B].content_path is known.rows[B].content_path


def test_a_full_list_takes_back_what_it_no_longer_tells() -> None:
    """It is no delta: what is missing from a full row has its default, whatever was there before."""
    known, again = Mirror(), Mirror()
    known.take([full(A)], whole=True)
    again.take([(A, raw(LOADING))], whole=True, shared=known.rows)
    assert again.rows[A] == row()


def test_a_row_keeps_the_name_object_it_had() -> None:
    """A reply's new copy of an id is let go at once: it stands in a dozen places."""
    known = Mirror()
    known.take([full(A)], whole=True)
    (name,) = known.take([("".join(list(A)), raw({"name": "Film"}))], whole=False)
    assert name is known.rows[A].infohash_v1 is next(iter(known.rows))

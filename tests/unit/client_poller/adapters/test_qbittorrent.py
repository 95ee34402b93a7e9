"""qBittorrent's rows, deltas and words as values: what its recorded replies do not show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_client_poller.adapters.qbittorrent import wire
from sluice_client_poller.adapters.qbittorrent.mapping import is_complete, looks_the_same, to_download, to_files
from sluice_client_poller.adapters.qbittorrent.mirror import Mirror
from sluice_client_poller.adapters.registry import FACTORIES
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason

V1 = "ab" * 20
V2 = "cd" * 32
FIELDS: dict[str, Any] = {
    "name": "Show",
    "state": "stalledUP",
    "added_on": 1_700_000_000,
    "progress": 1,
    "size": 100,
    "save_path": "/downloads",
    "content_path": "/downloads/Show",
    "amount_left": 0,
    "completed": 100,
    "completion_on": 1_700_000_100,
    "total_size": 120,
    "infohash_v1": V1,
}


def row(**changes: Any) -> wire.Row:
    """A finished, seeding torrent with these fields changed."""
    return wire.Row(**(FIELDS | changes))


def download(**changes: Any) -> Download:
    """That torrent as a Download."""
    return to_download("qbittorrent", V1, row(**changes))


def raw(fields: dict[str, Any]) -> msgspec.Raw:
    """Fields as they come in a reply."""
    return msgspec.Raw(msgspec.json.encode(fields))


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({"state": "queuedUP"}, True),
        ({"amount_left": None}, True),
        ({"state": "moving"}, False),
        ({"state": "checkingUP"}, False),
        ({"state": "checkingResumeData"}, False),
        ({"state": "missingFiles"}, False),
        ({"state": "error"}, False),
        ({"state": "pausedDL"}, False),
        ({"state": "SomethingNew"}, False),
        ({"progress": 0.9999}, False),
        ({"amount_left": 1}, False),
        ({"size": 0}, False),
    ],
)
def test_complete(changes: dict[str, Any], complete: bool) -> None:
    """Every condition is needed, and an unknown state is never complete."""
    seen = download(**changes)
    assert (seen.is_complete, seen.completed_at is not None) == (complete, complete)


@pytest.mark.parametrize(
    ("changes", "health", "reason"),
    [
        ({}, Health.OK, None),
        ({"state": "stalledDL"}, Health.OK, None),
        ({"has_tracker_error": True}, Health.WARNING, Reason.TRACKER_ERROR),
        ({"has_tracker_error": True, "state": "missingFiles"}, Health.ERROR, Reason.MISSING_FILES),
    ],
)
def test_health(changes: dict[str, Any], health: Health, reason: Reason | None) -> None:
    """What is wrong is apart from how far it is; what stalls is for the poller to judge, every client's alike."""
    seen = download(**changes)
    assert (seen.health, seen.reason) == (health, reason)


def test_a_word_of_a_newer_version_is_kept() -> None:
    """A state that nobody knows yet is unknown, in the client's own word."""
    seen = download(state="hibernating")
    assert (seen.state.is_known, seen.state.value, seen.is_complete) == (False, "hibernating", False)


@pytest.mark.parametrize(
    ("content", "save", "temporary", "path"),
    [
        ("/d/Show", "/d", "", "/d/Show"),
        ("/d/Show/", "/d", "", "/d/Show"),
        ("C:/d/Show", "C:/d", "", "C:/d/Show"),
        ("/d/back\\slash", "/d", "", "/d/back\\slash"),
        ("", "/d", "", None),
        ("Show", "/d", "", None),
        ("/d", "/d/", "", None),
        ("/tmp/", "/d", "/tmp", None),
    ],
)
def test_content_path(content: str, save: str, temporary: str, path: str | None) -> None:
    """Never a folder that others share, and never a name without its folder."""
    assert download(content_path=content, save_path=save, download_path=temporary).content_path == path


@pytest.mark.parametrize(
    ("tracker", "host"),
    [
        ("http://tracker.test:8080/announce?passkey=secret", "tracker.test"),
        ("https://user:secret@Tracker.Test/x", "tracker.test"),
        ("udp://[2001:db8::1]:6969", "2001:db8::1"),
        ("", None),
        ("http://[broken", None),
    ],
)
def test_only_the_trackers_host(tracker: str, host: str | None) -> None:
    """The announce URL carries a pass key and goes nowhere."""
    seen = download(tracker=tracker)
    assert seen.tracker == host
    assert b"secret" not in msgspec.json.encode(seen)


def test_unknown_numbers() -> None:
    """-1, 8640000 and times before time began are unknown."""
    seen = download(ratio=-1, eta=8640000, progress=0.5, num_seeds=-1, added_on=0, total_size=-1)
    assert (seen.ratio, seen.eta, seen.seeds, seen.added_at, seen.epoch, seen.total_size) == (None,) * 4 + ("", None)
    assert download(eta=77).eta is None, "a seed's is the time to its ratio"
    assert download(eta=77, progress=0.5).eta == 77


def test_seconds_of_a_seed_are_no_change() -> None:
    """A thousand seeds must not be a thousand changes a second."""
    before = row(seeding_time=119)
    assert looks_the_same(row(seeding_time=61), before)
    assert not looks_the_same(before, row(seeding_time=120))
    assert (download(seeding_time=59).seeding_time, download(seeding_time=119).seeding_time) == (59, 60)


def test_every_name_of_a_hybrid() -> None:
    """v1, v2 and truncated v2, whichever of them is the id."""
    hybrid = row(infohash_v1=V1, infohash_v2=V2)
    assert to_download("q", V2[:40], hybrid).aliases == (V1, V2)
    assert to_download("q", V1, hybrid).aliases == (V2[:40], V2)
    assert download().aliases == ()
    assert to_download("q", V1, row(infohash_v1="")).aliases == ()


def test_files_of_old_versions() -> None:
    """Before 4.3 they have no number; what is not wanted has no priority."""
    listed = [wire.FileEntry(name="a", size=10, progress=0.55), wire.FileEntry(name="b", size=1, priority=0)]
    assert [(file.index, file.done, file.wanted) for file in to_files(listed)] == [(0, 5, True), (1, 0, False)]


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, ClientAuthFailed), (404, ClientProtocolError), (302, ClientProtocolError), (503, ClientUnavailable)],
)
def test_other_answers(status: int, error: type[Exception]) -> None:
    """What is not an answer says what to do about it."""
    with pytest.raises(error):
        wire.checked(wire.Reply(path="x", status=status))


@pytest.mark.parametrize(
    ("status", "body", "accepted"),
    [(200, b"Ok.", True), (204, b"", True), (200, b"Fails.", False), (401, b"", False)],
)
def test_log_ins(status: int, body: bytes, accepted: bool) -> None:
    """Up to 5.1 in words, from 5.2 on by status."""
    assert wire.parse_login(wire.Reply(path="auth/login", status=status, body=body)) is accepted


@pytest.mark.parametrize("body", [b"", b"<html>Ok.</html>", b"Ok", b"OK.", b"\xff"])
def test_a_web_page_is_no_log_in(body: bytes) -> None:
    """Something else that answers 200 at the configured URL."""
    with pytest.raises(ClientProtocolError):
        wire.parse_login(wire.Reply(path="auth/login", status=200, body=body))


def test_cookies_are_echoed_as_they_came() -> None:
    """Under any name, the newest of each; what is no cookie is left alone."""
    headers = ["SID=a+/b==; HttpOnly; path=/", "route=1", "", "=x", "broken"]
    known = wire.cookies({"SID": "old", "kept": "k"}, headers)
    assert known == {"SID": "a+/b==", "kept": "k", "route": "1"}


@pytest.mark.parametrize(
    ("uri", "plain"),
    [
        (f"magnet:?xt=urn:btih:{V1.upper()}&dn=A", f"magnet:?xt=urn:btih:{V1}&dn=A"),
        (f"MAGNET:?dn=A B&xt.1=urn:btih:{V1}\n", f"magnet:?xt=urn:btih:{V1}&dn=A%20B"),
        (f"magnet:?xt=urn:btih:{V1}&dn=A\nmagnet:?xt=x", f"magnet:?xt=urn:btih:{V1}&dn=A%20magnet:?xt=x"),
    ],
)
def test_plain_magnets(uri: str, plain: str) -> None:
    """One line, hashes in lower case, the rest unchanged."""
    assert wire.plain_magnet(uri, V1, None) == plain


def test_plain_magnets_with_v2() -> None:
    """A hybrid's names both; one that has only v2 has no v1 to name."""
    assert wire.plain_magnet("magnet:?dn=A", V1, V2) == f"magnet:?xt=urn:btih:{V1}&xt=urn:btmh:1220{V2}&dn=A"
    assert wire.plain_magnet("magnet:?dn=A", V2[:40], V2) == f"magnet:?xt=urn:btmh:1220{V2}&dn=A"


@pytest.mark.parametrize("version", ["2.8.19", "2.11.4", "2.11", "3.0"])
def test_versions_compare_as_numbers(version: str) -> None:
    """2.11 is newer than 2.8."""
    assert (wire.numbers(version) >= wire.STOPS_SINCE) is (version != "2.8.19")


def test_the_registry_makes_it() -> None:
    """By its name in the configuration; it connects to nothing yet."""
    settings = ClientSettings.model_validate({"type": "qbittorrent", "url": "http://q", "password": "secret"})
    assert "secret" not in repr(FACTORIES["qbittorrent"]("q", settings))


def test_a_delta_of_a_stranger_is_out_of_step() -> None:
    """It cannot be guessed what the rest of it is; one that comes whole is new."""
    mirror = Mirror()
    assert mirror.take([(V1, raw(FIELDS))], whole=False) == [V1]
    with pytest.raises(wire.OutOfStep):
        mirror.take([("f" * 40, raw({"progress": 1}))], whole=False)


def test_a_row_without_its_keys_is_refused() -> None:
    """Completion and identity rest on them: no defaults."""
    for key in ("name", "state", "added_on", "progress", "size", "save_path"):
        with pytest.raises(ClientProtocolError, match=key):
            wire.merge(None, raw({name: value for name, value in FIELDS.items() if name != key}))


IDS = st.sampled_from(["1" * 40, "2" * 40, "3" * 40, "4" * 40])
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Show", "Film"]),
        "state": st.sampled_from(["downloading", "stalledDL", "stalledUP", "uploading", "moving", "hibernating"]),
        "progress": st.sampled_from([0.0, 0.5, 1]),
        "completed": st.integers(0, 100),
        "seeding_time": st.integers(0, 200),
        "ratio": st.floats(0, 9, allow_nan=False),
        "tags": st.sampled_from(["", "a", "a, b"]),
        "reannounce": st.integers(),
    },
)
WHOLE = FIELDS | {"ratio": 0.0, "seeding_time": 0, "tags": "", "reannounce": 0}
STEPS = st.lists(st.tuples(IDS, st.one_of(st.none(), CHANGES)), max_size=30)


def changed(table: dict[str, dict[str, Any]], steps: list[tuple[str, dict[str, Any] | None]]) -> None:
    """Carry out steps on the client's table: None removes a torrent, fields change it or add it."""
    for torrent_id, fields in steps:
        if fields is None:
            table.pop(torrent_id, None)
        else:
            table[torrent_id] = table.get(torrent_id, WHOLE | {"infohash_v1": torrent_id}) | fields


def between(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> tuple[list[str], dict[str, Any]]:
    """Who left, and of each other torrent the fields that differ, as a delta has them."""
    told = {
        known: {name: value for name, value in fields.items() if before.get(known, {}).get(name) != value}
        for known, fields in after.items()
    }
    return [known for known in before if known not in after], {
        known: fields for known, fields in told.items() if fields
    }


@given(st.lists(STEPS, max_size=6))
def test_deltas_in_any_split_equal_the_full_list(parts: list[list[tuple[str, dict[str, Any] | None]]]) -> None:
    """However changes are spread over polls: the rows shown so far are those of the full list, each once confirmed."""
    table: dict[str, dict[str, Any]] = {}
    mirror = Mirror()
    shown: dict[str, Download] = {}
    for steps in parts:
        before = {known: dict(fields) for known, fields in table.items()}
        changed(table, steps)
        left, told = between(before, table)
        for known in mirror.drop(left):
            del shown[known]
        names = mirror.take([(known, raw(fields)) for known, fields in told.items()], whole=False)
        asked = {known: wire.merge(None, raw(table[known])) for known in mirror.doubtful}
        for known, found in mirror.shown(names, asked).items():
            shown[known] = to_download("q", known, found)
        full = {known: wire.merge(None, raw(fields)) for known, fields in table.items()}
        assert mirror.rows == full
        assert shown == {known: to_download("q", known, found) for known, found in full.items()}
        assert not mirror.doubtful


def test_a_confirmed_row_is_as_it_was_confirmed() -> None:
    """The delta that told of the move's end was lost: what completes shows the path that the client says now."""
    mirror = Mirror()
    row = WHOLE | {"infohash_v1": "a" * 40, "state": "downloading", "progress": 0.5, "save_path": "/incomplete"}
    mirror.take([("a" * 40, raw(row))], whole=True)
    names = mirror.take([("a" * 40, raw({"state": "stalledUP", "progress": 1, "amount_left": 0}))], whole=False)
    done = row | {"state": "stalledUP", "progress": 1, "amount_left": 0, "save_path": "/done"}
    shown = mirror.shown(names, {"a" * 40: wire.merge(None, raw(done))})
    assert (shown["a" * 40].save_path, mirror.rows["a" * 40].save_path) == ("/done", "/done")
    assert not mirror.doubtful


@given(STEPS, STEPS)
def test_nothing_completes_unconfirmed(
    first: list[tuple[str, dict[str, Any] | None]], second: list[tuple[str, dict[str, Any] | None]]
) -> None:
    """A row that turns complete by a delta is shown as complete by nobody but the client itself."""
    table: dict[str, dict[str, Any]] = {}
    changed(table, first)
    mirror = Mirror()
    mirror.take([(known, raw(fields)) for known, fields in table.items()], whole=True)
    before = {known: found for known, found in mirror.rows.items() if is_complete(found)}
    was = {known: dict(fields) for known, fields in table.items()}
    changed(table, second)
    left, told = between(was, table)
    mirror.drop(left)
    names = mirror.take([(known, raw(fields)) for known, fields in told.items()], whole=False)
    moving = {known: wire.merge(None, raw(table[known] | {"state": "moving"})) for known in mirror.doubtful}
    for known, found in mirror.shown(names, moving).items():
        assert not is_complete(found) or known in before

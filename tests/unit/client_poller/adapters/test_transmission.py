"""Transmission's rows, words and windows as values: what its recorded replies do not show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_client_poller.adapters.registry import FACTORIES, make
from sluice_client_poller.adapters.transmission import mapping, wire
from sluice_client_poller.adapters.transmission.mapping import is_complete, to_download, to_files
from sluice_client_poller.adapters.transmission.mirror import (
    MAX_GAP,
    RECONCILE_LEAST,
    RECONCILE_MOST,
    Delta,
    Mirror,
    Moment,
)
from sluice_common.kit.errors import ClientProtocolError
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State

HASH = "ab" * 20
ADDED = 1_700_000_000
WINDOW = 60.0  # of Transmission's "recently-active"


def row(**changes: Any) -> wire.Row:
    """A finished, seeding torrent with these fields changed."""
    values: dict[str, Any] = {
        "added_date": ADDED,
        "done_date": ADDED + 9,
        "download_dir": "/downloads",
        "downloaded_ever": 1000,
        "error": 0,
        "hash_string": HASH.upper(),
        "id": 1,
        "left_until_done": 0,
        "metadata_percent_complete": 1,
        "name": "Show",
        "percent_done": 1,
        "size_when_done": 1000,
        "status": mapping.SEED,
        "total_size": 2000,
    }
    return wire.Row(**(values | changes))


def leeching(**changes: Any) -> wire.Row:
    """A torrent that downloads, with these fields changed."""
    values: dict[str, Any] = {"status": mapping.DOWNLOAD, "percent_done": 0.5, "left_until_done": 500, "done_date": 0}
    return row(**(values | changes))


def seen(found: wire.Row, owned: tuple[str, ...] = ()) -> Download:
    """The row as a Download."""
    return to_download("t", found, owned)


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({"status": mapping.SEED_WAIT}, True),
        ({"status": mapping.STOPPED}, True),
        ({"status": mapping.CHECK}, False),
        ({"status": mapping.CHECK_WAIT}, False),
        ({"status": mapping.DOWNLOAD}, False),
        ({"status": mapping.DOWNLOAD_WAIT}, False),
        ({"status": 7}, False),
        ({"done_date": 0}, True),  # its data was there already
        ({"status": mapping.STOPPED, "done_date": 0}, False),
        ({"status": mapping.STOPPED, "done_date": 0, "downloaded_ever": 0}, True),
        ({"percent_done": 0.9999}, False),
        ({"left_until_done": 1}, False),
        ({"size_when_done": 0}, False),
        ({"metadata_percent_complete": 0.5}, False),
        ({"error": mapping.LOCAL_ERROR}, False),
        ({"error": mapping.TRACKER_ERROR}, True),
    ],
)
def test_complete_only_at_rest(changes: dict[str, Any], complete: bool) -> None:
    """Complete is a promise: every wanted byte is verified and where it stays. Anything in between is not."""
    assert is_complete(row(**changes)) is complete
    assert (seen(row(**changes)).completed_at is not None) <= complete


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0, State.PAUSED),
        (1, State.CHECKING),
        (2, State.CHECKING),
        (3, State.QUEUED),
        (4, State.DOWNLOADING),
        (5, State.QUEUED),
        (6, State.SEEDING),
    ],
)
def test_states(status: int, state: State) -> None:
    """Every status has its state."""
    assert seen(row(status=status)).state is state


def test_an_unknown_status_is_kept() -> None:
    """A newer Transmission's status shows as unknown, with its number."""
    state = seen(row(status=9)).state
    assert (state.is_known, str(state.value)) == (False, "status_9")


def test_a_magnet_fetches_metadata() -> None:
    """Before its metadata is there, sizes are unknown."""
    found = seen(leeching(metadata_percent_complete=0.2, size_when_done=0, total_size=0))
    assert (found.state, found.size, found.total_size, found.done) == (State.FETCHING_METADATA, None, None, None)
    assert (found.private, found.content_path) == (None, None)


@pytest.mark.parametrize(
    ("error", "words", "health", "reason"),
    [
        (1, "warned", Health.WARNING, Reason.TRACKER_ERROR),
        (2, "Unregistered torrent", Health.WARNING, Reason.TRACKER_ERROR),
        (3, "No space left on device", Health.ERROR, Reason.DISK_FULL),
        (3, "Permission denied (/downloads)", Health.ERROR, Reason.PERMISSION),
        (3, "Read-only file system", Health.ERROR, Reason.PERMISSION),
        (3, "No data found! Ensure your drives are connected", Health.ERROR, Reason.MISSING_FILES),
        (3, "Paused torrent as no data was found!", Health.ERROR, Reason.MISSING_FILES),
        (3, "something new", Health.ERROR, Reason.CLIENT_ERROR),
    ],
)
def test_health(error: int, words: str, health: Health, reason: Reason) -> None:
    """Only a local error is the download's; a tracker's never hides that it is finished."""
    found = seen(row(error=error, error_string=words))
    assert (found.health, found.reason, found.message) == (health, reason, words)
    assert found.is_complete is (health is Health.WARNING)


def test_words_carry_no_pass_keys() -> None:
    """Trackers quote announce URLs in their errors."""
    found = seen(row(error=2, error_string="no peers at https://t.test:1/secret/announce?passkey=x"))
    assert found.message == "no peers at t.test"


@pytest.mark.parametrize(("eta", "told"), [(-1, None), (-2, None), (0, 0), (70, 70)])
def test_eta(eta: int, told: int | None) -> None:
    """-1 and -2 are unknown, and a seed's is the time to its ratio."""
    assert seen(leeching(eta=eta)).eta == told
    assert seen(row(eta=eta)).eta is None


@pytest.mark.parametrize(
    ("labels", "category", "tags"),
    [
        ((), None, ()),
        (0, None, ()),  # 2.9x answers 0 for a field that it does not know
        (("", "x"), "x", ()),
        (("x", "tv", "movies"), "tv", ("x", "movies")),
        (("x", "y"), "x", ("y",)),
    ],
)
def test_labels(labels: tuple[str, ...] | int, category: str | None, tags: tuple[str, ...]) -> None:
    """The first label that has an owner is the category, else the first; the rest are tags."""
    found = seen(row(labels=labels), owned=("tv", "movies"))
    assert (found.category, found.tags) == (category, tags)


@pytest.mark.parametrize(
    ("announce", "host"),
    [("http://t.test:80/secret", "t.test"), ("udp://u.test:1", "u.test"), ("http://[half", None), ("", None)],
)
def test_the_tracker_is_a_host(announce: str, host: str | None) -> None:
    """Never an announce URL, and what is no address is nothing."""
    assert seen(row(trackers=(wire.Tracker(announce),))).tracker == host


@pytest.mark.parametrize("name", ["", ".", "..", "../../climbed.mkv", "/tmp/a", "nul\0byte", "bell\x07"])
def test_a_name_that_is_no_file_name_is_no_path(name: str) -> None:
    """Transmission changes such names on the disk; the files it lists say how."""
    assert seen(row(name=name)).content_path is None


def test_files_of_no_bytes_are_not_written() -> None:
    """They are left out, and the others keep their numbers."""
    files = to_files(
        wire.Files(
            files=(wire.FileEntry("a", 5, 9), wire.FileEntry("b", 0, 0), wire.FileEntry("c", 7, 1)),
            file_stats=(wire.FileStat(wanted=False),),
        )
    )
    assert [(file.index, file.path, file.done, file.wanted) for file in files] == [
        (0, "a", 5, False),
        (2, "c", 1, True),
    ]


@given(
    st.builds(
        leeching,
        status=st.integers(-1, 9),
        percent_done=st.floats(0, 1),
        left_until_done=st.integers(-1, 2**63),
        size_when_done=st.integers(0, 2**63),
        done_date=st.integers(-1, 2**63),
        added_date=st.integers(-1, 2**63),
        eta=st.integers(-9, 2**40),
        error=st.integers(-1, 9),
        error_string=st.text(),
        name=st.text(),
        upload_ratio=st.floats(-2, 9),
    )
)
def test_no_row_breaks_the_mapping(found: wire.Row) -> None:
    """Whatever Transmission says becomes a row without magic numbers, or one that says less."""
    download = seen(found)
    for value in (download.size, download.done, download.eta, download.ratio, download.down_speed):
        assert value is None or value >= 0
    assert not download.is_complete or (download.size or 0) > 0


@pytest.mark.parametrize(
    ("given_url", "asked"),
    [
        ("http://t:9091", "http://t:9091/transmission/rpc"),
        ("http://t:9091/", "http://t:9091/transmission/rpc"),
        ("http://t:9091/transmission/", "http://t:9091/transmission/rpc"),
        ("http://t:9091/transmission/web/", "http://t:9091/transmission/rpc"),
        ("http://t:9091/transmission/web/index.html#x", "http://t:9091/transmission/rpc"),
        ("http://t:9091/transmission/rpc", "http://t:9091/transmission/rpc"),
        ("https://t/other/rpc/", "https://t/other/rpc"),
        ("https://t/behind", "https://t/behind/transmission/rpc"),
    ],
)
def test_the_url_may_be_what_a_person_copies(given_url: str, asked: str) -> None:
    """Host, web interface or RPC."""
    assert wire.rpc_url(given_url) == asked


@given(st.binary(max_size=200))
def test_no_reply_breaks_the_parser(body: bytes) -> None:
    """Whatever comes back is a reply or one of our errors."""
    try:
        raw = wire.parse_reply("torrent-get", 200, {}, body)
        wire.parse("torrent-get", raw, wire.Torrents)
    except ClientProtocolError:
        return


def test_words_of_a_refusal_are_bounded_and_clean() -> None:
    """A refusal quotes what was sent, which may be a magnet with pass keys."""
    body = msgspec.json.encode({"result": "bad magnet:?xt=x&tr=http://t/secret " + "x" * 999, "arguments": {}})
    with pytest.raises(wire.Refused) as refused:
        wire.parse_reply("torrent-add", 200, {}, body)
    assert "secret" not in str(refused.value)
    assert len(str(refused.value)) < 300


async def test_registered_and_silent_about_its_password() -> None:
    """The registry makes it, without connecting; its repr has no password."""
    assert "transmission" in FACTORIES
    values = {"type": "transmission", "url": "http://127.0.0.1:9", "username": "u", "password": "secret-word"}
    adapter = make("t", ClientSettings.model_validate(values))
    assert "secret-word" not in repr(vars(adapter))
    await adapter.close()


# The window: what Transmission tells, and what becomes of it.


class Daemon:
    """What Transmission keeps of its torrents: the number, the row, and when it last did something."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rows: dict[int, Download] = {}
        self.active: dict[int, float] = {}
        self.gone: list[tuple[float, int]] = []
        self.next = 1

    def put(self, name: str) -> None:
        """Add the torrent, or change it."""
        number = next((number for number, found in self.rows.items() if found.id == name), self.next)
        self.next = max(self.next, number + 1)
        self.rows[number] = Download(client="t", id=name, done=int(self.now), epoch=f"c{number}")
        self.active[number] = self.now

    def remove(self, name: str) -> None:
        """Take the torrent out, where it is there."""
        for number in [number for number, found in self.rows.items() if found.id == name]:
            del self.rows[number], self.active[number]
            self.gone.append((self.now, number))

    def window(self, slack: float) -> tuple[list[tuple[int, Download]], list[int]]:
        """What was active or removed within the last minute, or `slack` seconds more."""
        since = self.now - WINDOW - slack
        listed = [(number, found) for number, found in self.rows.items() if self.active[number] >= since]
        return listed, [number for at, number in self.gone if at >= since]


NAMES = st.sampled_from("abcd")
STEPS = st.one_of(
    st.tuples(st.just("put"), NAMES),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("wait"), st.floats(0, 100)),
    st.tuples(st.just("poll"), st.floats(0, 200)),
    st.tuples(st.just("fail"), st.none()),
)


@given(st.lists(STEPS, max_size=60), st.floats(0, 10))
def test_windows_amount_to_the_whole_list(steps: list[tuple[str, Any]], cost: float) -> None:
    """However polls, failures and changes follow one another, what was told, folded, is what the daemon has."""
    daemon, mirror, told = Daemon(), Mirror(), dict[str, Download]()
    for kind, argument in [*steps, ("poll", 0.0)]:
        match kind:
            case "put":
                daemon.put(argument)
            case "remove":
                daemon.remove(argument)
            case "wait":
                daemon.now += argument
            case "fail":
                mirror.forget()
            case _:
                told = _poll(daemon, mirror, told, slack=argument, cost=cost)
                assert told == {found.id: found for found in daemon.rows.values()}
                assert len(mirror) == len(daemon.rows)


def _poll(
    daemon: Daemon, mirror: Mirror, told: dict[str, Download], *, slack: float, cost: float
) -> dict[str, Download]:
    at = Moment(daemon.now, daemon.now)
    if mirror.needs_whole(at):
        return {found.id: found for found in mirror.take_whole(daemon.rows.items(), at, cost=cost)}
    listed, removed = daemon.window(slack)
    lines = [msgspec.Raw(msgspec.json.encode(line)) for line in listed]
    unheard = [msgspec.json.decode(line, type=tuple[int, Download]) for line in mirror.unheard(lines)]
    delta = mirror.take_delta(unheard, removed, at)
    assert all(told.get(found.id) != found for found in delta.rows), "only news is told"
    assert set(delta.removed) <= set(told)
    assert not set(delta.removed) & {found.id for found in delta.rows}
    kept = {key: found for key, found in told.items() if key not in delta.removed}
    return kept | {found.id: found for found in delta.rows}


def test_a_line_that_is_told_again_is_not_looked_at_again() -> None:
    """For a minute a window tells the same: mapping 10,000 rows a second would be most of what polling costs."""
    mirror, lines = Mirror(), [msgspec.Raw(text) for text in (b"[1,0]", b"[2,0]")]
    assert mirror.unheard(lines) == lines
    assert mirror.unheard(lines) == []
    assert mirror.unheard([lines[0], msgspec.Raw(b"[2,1]")]) == [msgspec.Raw(b"[2,1]")]
    assert mirror.unheard(lines) == [lines[1]], "what left the window and came back may have changed meanwhile"
    mirror.forget()
    assert mirror.unheard(lines) == lines, "nobody knows whether the last answer was taken"
    mirror.take_whole([], Moment(0, 0), cost=0)
    assert mirror.unheard(lines) == lines, "a whole list may tell otherwise"


@pytest.mark.parametrize(
    ("cost", "due"), [(0.0, RECONCILE_LEAST), (0.01, RECONCILE_LEAST), (0.1, 50.0), (9.0, RECONCILE_MOST)]
)
def test_the_whole_list_is_due_by_its_cost(cost: float, due: float) -> None:
    """Often where it is cheap, never more than a little of the time, and every few minutes anyway."""
    mirror = Mirror()
    mirror.take_whole([], Moment(0, 0), cost=cost)
    at = 0.0
    while at + 10 < due:
        at += 10
        assert not mirror.needs_whole(Moment(at, at))
        mirror.take_delta([], [], Moment(at, at))
    assert mirror.needs_whole(Moment(due, due))


@pytest.mark.parametrize("slept", [MAX_GAP, -2 * MAX_GAP, 7200.0])
def test_a_machine_that_slept_needs_the_whole_list(slept: float) -> None:
    """Its time of day jumped while its other clock stood."""
    mirror = Mirror()
    assert mirror.needs_whole(Moment(0, 0))
    mirror.take_whole([], Moment(0, 0), cost=0)
    assert not mirror.needs_whole(Moment(1, 1))
    assert mirror.needs_whole(Moment(1, slept))


def test_what_came_by_a_delta_goes_by_one() -> None:
    """Under the number that it came with; a mirror that was told nothing holds nothing."""
    mirror, row, at = Mirror(), Download(client="t", id="a"), Moment(0, 0)
    assert len(mirror) == 0
    mirror.take_whole([], at, cost=0)
    assert mirror.take_delta([(7, row)], [], at) == Delta((row,), ())
    assert mirror.take_delta([], [6, 7], at) == Delta((), ("a",))
    assert len(mirror) == 0

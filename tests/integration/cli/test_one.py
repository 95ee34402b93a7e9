"""The verbs that show one download whole, and what is said where a filter lets nothing through."""

from __future__ import annotations

from datetime import UTC, datetime

from integration.cli.conftest import Cli
from integration.gateway.conftest import PollerForTest, ServiceForTest, row
from sluice_common.contracts.commands import Alter, Done, Files, FilesOf, Look
from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.contracts.library import Association, AssociationOf, Listing, MediaItem
from sluice_common.contracts.rpc import Empty, Page
from sluice_common.kit.errors import Problem
from sluice_common.model.download import RemoteFile
from sluice_common.model.edits import Limits, OwnSettings
from sluice_common.model.enums import Health, Reason, State

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
WHOLE = row(
    "abc1",
    name="Sintel",
    state=State.PAUSED,
    health=Health.WARNING,
    reason=Reason.TRACKER_ERROR,
    message="Unregistered torrent",
    total_size=3000,
    ratio=1.5,
    seeding_time=5400,
    seeds=3,
    category="movies",
    tags=("x", "y"),
    private=True,
    save_path="/downloads",
    aliases=("abc1", "v2hash"),
    first_seen=WHEN,
)


async def test_one_download_whole(cli: Cli, poller: PollerForTest, services: ServiceForTest) -> None:
    """Its row, its three axes with reason and words, its limits and trackers, its other names, what it is for."""
    await poller.change(WHOLE)
    own = OwnSettings(download_limit=512_000, seeding_time_limit=5400, trackers=("t.example",))
    await poller.answers("settings", Look, lambda _: own)
    bound = Association(client="deluge", download_id="abc1", state="bound", media_item="m1")
    await services.answers("importer", "association", AssociationOf, lambda _: bound)
    told = (await cli.fine("show", "abc")).out
    for words in (
        ("Sintel",), ("deluge/abc1",), ("State", "paused"), ("Health", "warning: tracker_error"),
        ("Client says", "Unregistered torrent"), ("Import", "none"), ("Added for", "media item m1 (bound)"),
        ("Done", "25.0% of 1000 B, 2.9 KiB with the files that are not wanted"), ("Ratio", "1.50"),
        ("Seeding for", "1h 30m"), ("Connected", "3 seeds, – peers"), ("Tags", "x, y"),
        ("Limits", "download 500.0 KiB/s, seeding 1h 30m"), ("Trackers", "t.example"), ("Private", "yes"),
        ("Folder", "/downloads"), ("Epoch", "c1"), ("Also called", "v2hash"), ("First seen", "2026-01-02"),
    ):  # fmt: skip
        assert any(all(word in line for word in words) for line in told.splitlines()), (words, told)
    document = (await cli.fine("show", "abc", "--json")).json
    assert document["settings"]["trackers"] == ["t.example"]
    assert (document["aliases"], document["association"]["media_item"]) == (["abc1", "v2hash"], "m1")


async def test_a_client_that_does_not_answer_hides_nothing(cli: Cli, poller: PollerForTest) -> None:
    """What the row says is shown; that its limits cannot be asked for is said, with why."""

    def refuses(_: Look) -> OwnSettings:
        raise Problem("not_found", 404, "this client has no such download")

    await poller.answers("settings", Look, refuses)
    ran = await cli.fine("show", "abc1")
    assert "Sintel" in ran.out
    assert "! its limits and trackers: this client has no such download (not_found)" in ran.out
    missing = await cli("show", "zzz")
    assert (missing.code, "no download's id begins with 'zzz'" in missing.err) == (1, True)


async def test_nothing_of_its_own(cli: Cli, poller: PollerForTest) -> None:
    """A download without limits and trackers is told as that."""
    await poller.answers("settings", Look, lambda _: OwnSettings())
    told = " ".join((await cli.fine("show", "abc1")).out.split())
    assert "Limits none of its own Trackers none" in told


async def test_a_choice_is_made_though_nobody_can_look(cli: Cli, poller: PollerForTest) -> None:
    """What the client took is not told as failed because its files cannot be read after it."""

    def refuses(_: FilesOf) -> Files:
        raise Problem("client_unavailable", 503, "connection refused")

    await poller.answers("alter", Alter, lambda body: Done(id=body.id))
    await poller.answers("files", FilesOf, refuses)
    chosen = await cli.fine("choose", "abc", "--skip", "1")
    assert "chosen: Sintel" in chosen.out
    assert "its files cannot be read now: connection refused" in chosen.out


def listed(count: int) -> list[RemoteFile]:
    return [RemoteFile(index=n, path=f"S/e{n}.mkv", size=1024, done=512, wanted=n != 1) for n in range(count)]


async def test_files(cli: Cli, poller: PollerForTest) -> None:
    """The client's own list with the numbers to choose by, from any number on; --json is the API's own page."""
    every = listed(7)

    def page(asked: FilesOf) -> Files:
        """Cut as a poller cuts it, at five."""
        part = every[asked.start : asked.start + 5]
        end = asked.start + len(part)
        return Files(items=tuple(part), total=7, next=end if end < 7 else None)

    await poller.answers("files", FilesOf, page)
    lines = (await cli.fine("files", "abc")).out.splitlines()
    assert [line.split() for line in lines[1:3]] == [
        ["0", "S/e0.mkv", "1.0", "KiB", "50.0%", "yes"],
        ["1", "S/e1.mkv", "1.0", "KiB", "50.0%", "no"],
    ]
    assert lines[-1] == "5 of 7; --start 5 shows more"
    rest = (await cli.fine("files", "abc", "--start", "5")).out.splitlines()
    assert ([line.split()[0] for line in rest[1:]]) == ["5", "6"]
    assert (await cli.fine("files", "abc", "--limit", "2")).out.splitlines()[-1] == "2 of 7; --start 2 shows more"
    assert "It has 7 files, numbered from 0" in (await cli.fine("files", "abc", "--start", "7")).out
    document = (await cli.fine("files", "abc", "--json")).json
    assert (len(document["items"]), document["total"], document["next"]) == (5, 7, 5)
    await poller.answers("alter", Alter, lambda body: Done(id=body.id))
    chosen = await cli.fine("choose", "abc", "--skip", "1")
    assert chosen.out == "chosen: Sintel (deluge/abc1); 6 of 7 files are wanted, 6.0 KiB\n"


async def test_a_magnet_has_no_files_yet(cli: Cli, poller: PollerForTest) -> None:
    """It is said why."""
    await poller.answers("files", FilesOf, lambda _: Files(items=(), total=0))
    assert "not known yet" in (await cli.fine("files", "abc")).out


async def test_which_limits_are_in_force(cli: Cli, poller: PollerForTest) -> None:
    """While the alternative ones rule, the ordinary ones are told as resting."""
    await poller.answers("limits", Empty, lambda _: Limits(download=1_048_576, alternative=True))
    told = (await cli.fine("limits", "deluge")).out
    assert told.startswith("deluge: its alternative limits are in force")
    assert "rest meanwhile: down 1.0 MiB/s, up unlimited" in told


async def test_a_filter_that_nothing_fits(cli: Cli, services: ServiceForTest) -> None:
    """It is not said that nothing is there: how much is, without the filter."""
    item = MediaItem(id="m1", kind="movie", title="Sintel")
    entry = HistoryEntry(
        id="e", type="client.online", client="deluge", time=WHEN, source="s", data={}, recorded_at=WHEN
    )
    await services.answers(
        "importer", "media.list", Listing, lambda asked: Page(() if asked.search or asked.kind else (item,))
    )
    await services.answers("history", "list", HistoryQuery, lambda asked: Page(() if asked.type else (entry,)))
    for words, told in (
        (("queue", "--state", "seeding"), "No downloads match --state seeding; there are 3 without the filter."),
        (
            ("queue", "--search", "x", "--client", "deluge"),
            "No downloads match --client deluge --search x; there are 3",
        ),
        (("media", "list", "--search", "x"), "No media items match --search x; there are 1 without the filter."),
        (("history", "--type", "import"), "No events match --type import; there are 1 without the filter."),
        (("queue", "--client", "other"), "No downloads match --client other; there are 3"),
    ):
        assert told in (await cli.fine(*words)).out, words
    assert (await cli.fine("queue", "--state", "seeding", "--json")).json["items"] == []

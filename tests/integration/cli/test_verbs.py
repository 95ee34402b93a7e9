"""Every verb against a real gateway: what it sends, what it prints, how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integration.cli.conftest import Cli
from integration.gateway.conftest import (
    HASH,
    MAGNET,
    TORRENT,
    TORRENT_HASH,
    GatewayForTest,
    PollerForTest,
    ServiceForTest,
    accepts_adds,
    associated,
    row,
    until,
)
from sluice_common.contracts.commands import Act, Done, Remove, Retry
from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.contracts.library import (
    Associate,
    Import,
    ImportFile,
    ImportId,
    ImportState,
    KnownMediaItem,
    Libraries,
    LibraryName,
    LibraryStatus,
    Listing,
    MediaItem,
    MediaItemId,
    NewMediaItem,
    RenamedMediaItem,
    RetryImport,
    Source,
    SourceOf,
)
from sluice_common.contracts.rpc import Empty, Page
from sluice_common.kit.errors import Problem
from sluice_common.kit.metrics import version
from sluice_common.model.enums import State
from support.history import T0
from support.terminal import Terminal


async def test_the_queue(cli: Cli, gateway: GatewayForTest) -> None:
    """A table with what is needed for the next command; with --json the API's own bytes."""
    shown = (await cli.fine("queue")).out
    lines = [line.split() for line in shown.splitlines()]
    assert ["abc1", "Sintel", "deluge", "downloading", "25.0%"] in [line[:5] for line in lines]
    assert "paused" in shown
    filtered = (await cli.fine("queue", "--state", "paused", "--sort", "-name", "--json")).json
    assert [found["id"] for found in filtered["items"]] == ["abd2"]
    assert set(filtered) == set(await gateway.get("/queue"))


async def test_clients(cli: Cli) -> None:
    """Each with its health, the silent one with its reason."""
    ran = await cli.fine("clients")
    assert "2.2.0" in ran.out
    assert "! other:" in ran.out
    assert {client["name"] for client in (await cli.fine("clients", "--json")).json["items"]} == {"deluge", "other"}


@pytest.mark.parametrize(("verb", "state"), [("pause", State.PAUSED), ("resume", State.DOWNLOADING)])
async def test_acting_by_a_unique_beginning(cli: Cli, poller: PollerForTest, verb: str, state: State) -> None:
    """The beginning of an id, or CLIENT/ID, names the download; the row afterwards is printed."""

    async def act(body: Act) -> Done:
        return Done(id=body.id, epoch="c1", position=await poller.change(row(body.id, name="Sintel", state=state)))

    await poller.answers(verb, Act, act)
    ran = await cli.fine(verb, "ABC")
    assert "Sintel" in ran.out
    assert state.value in ran.out
    assert (await cli.fine(verb, "deluge/abc1", "--json")).json["state"] == state.value
    assert [body.id for _, body, _ in poller.asked] == ["abc1", "abc1"]


async def test_a_beginning_that_fits_several_changes_nothing(cli: Cli, poller: PollerForTest) -> None:
    """Both are named; an id that nothing has, and a client that nobody configured, are told as well."""
    await poller.answers("remove", Remove, lambda body: Done(id=body.id))
    for words, told in ((("ab",), "abd2"), (("zzz",), "zzz"), (("nope/abc1",), "nope"), (("",), "id")):
        ran = await cli("remove", *words)
        assert (ran.code, ran.out) == (1, "")
        assert told in ran.err
    assert poller.asked == []


@pytest.mark.parametrize("with_data", [True, False])
async def test_remove(cli: Cli, poller: PollerForTest, with_data: bool) -> None:
    """Data goes only with --data."""

    async def remove(body: Remove) -> Done:
        return Done(id=body.id, position=await poller.change(removed=(body.id,)))

    await poller.answers("remove", Remove, remove)
    ran = await cli.fine("remove", "abc1", *(["--data"] if with_data else []))
    what = "deleted" if with_data else "kept"
    assert ran.out == f"removed Sintel (deluge/abc1); its data was {what}\n"
    assert [body.with_data for _, body, _ in poller.asked] == [with_data]


@pytest.mark.parametrize("word", ["n", "y"])
async def test_a_terminal_is_asked_before_data_is_deleted(cli: Cli, poller: PollerForTest, word: str) -> None:
    """The question names the download; only a yes removes it."""

    async def remove(body: Remove) -> Done:
        return Done(id=body.id, position=await poller.change(removed=(body.id,)))

    await poller.answers("remove", Remove, remove)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    command = [sys.executable, "-m", "sluice_cli.main", "remove", "abc1", "--data"]

    def typed() -> tuple[int, str]:
        with Terminal(command, {**environ, "SLUICE_DATA": str(cli.data)}) as terminal:
            terminal.answer(r"Remove Sintel \(deluge/abc1\) and delete", word)
            return terminal.ended(), terminal.said

    code, said = await asyncio.to_thread(typed)
    assert (code, len(poller.asked)) == ((0, 1) if word == "y" else (1, 0)), said


async def test_recheck_and_retry(cli: Cli, poller: PollerForTest, services: ServiceForTest) -> None:
    """A retry adds again from the stored source."""
    await services.answers("importer", "source", SourceOf, lambda _: Source(magnet=MAGNET))
    await poller.answers("recheck", Act, lambda body: Done(id=body.id))
    await poller.answers("retry", Retry, lambda body: Done(id=body.id))
    assert "Sintel" in (await cli.fine("recheck", "abc")).out
    assert "Sintel" in (await cli.fine("retry", "abc")).out
    assert [(verb, body.id) for verb, body, _ in poller.asked] == [("recheck", "abc1"), ("retry", "abc1")]


async def test_add(cli: Cli, poller: PollerForTest, services: ServiceForTest, tmp_path: Path) -> None:
    """A magnet and a .torrent file arrive with all their options; a duplicate is refused with the reason."""
    await services.answers("importer", "associate", Associate, associated)
    item = MediaItem(id="m1" * 16, kind="movie", title="Sintel")
    await services.answers("importer", "media.list", Listing, lambda _: Page((item,)))
    await accepts_adds(poller)
    options = ("--client", "deluge", "--category", "movies", "--save-path", "/d", "--paused", "--media", "m1m1")
    assert (await cli.fine("add", MAGNET, *options, "--json")).json["id"] == HASH
    _, sent, _ = poller.asked[0]
    assert (sent.magnet, sent.category, sent.save_path, sent.paused) == (MAGNET, "movies", "/d", True)
    assert services.of("associate")[0].media_item == item.id
    file = tmp_path / "a.torrent"
    file.write_bytes(TORRENT)
    added = (await cli.fine("add", str(file), "--client", "deluge")).out
    assert TORRENT_HASH in added
    assert "not imported by Sluice; its categories are: movies" in " ".join(added.split())
    assert poller.asked[1][1].torrent == TORRENT
    again = await cli("add", MAGNET, "--client", "deluge")
    assert again.code == 1
    assert "already has" in again.err
    assert "(duplicate)" in again.err
    assert f"'Sintel' as deluge/{HASH}" in again.err
    assert f"`sluice history deluge/{HASH}`" in again.err
    assert "under `download`" not in again.err


@pytest.mark.parametrize(
    ("source", "code", "told"),
    [
        ("magnet:?xt=nothing", 1, "(magnet_invalid)"),
        ("http://10.1.2.3/a.torrent", 1, "private"),
        ("no-such-file.torrent", 2, "neither a magnet"),
    ],
)
async def test_a_bad_source(cli: Cli, source: str, code: int, told: str) -> None:
    """A sentence that says what is wrong, and nothing on stdout."""
    ran = await cli("add", source, "--client", "deluge")
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err
    assert len(ran.err.splitlines()) == 1


async def test_history(cli: Cli, services: ServiceForTest) -> None:
    """Everything newest first with its filters; one download's timeline, also once it left the queue."""

    def answer(query: HistoryQuery) -> Page[HistoryEntry]:
        gone = query.id == "gone"
        if query.id not in (None, "abc1") and not (gone and query.client == "other"):
            return Page(())
        data = {"name": "Sintel"}
        entry = HistoryEntry(id="e", type="download.added", client="deluge", time=T0, data=data, download_id=query.id)
        return Page((entry,))

    await services.answers("history", "list", HistoryQuery, answer)
    assert "download.added" in (await cli.fine("history", "--type", "download", "--client", "deluge")).out
    query = services.of("list")[0]
    assert (query.type, query.client, query.oldest_first) == ("download", "deluge", False)
    assert (await cli.fine("history", "abc", "--json")).json["items"][0]["download_id"] == "abc1"
    assert services.of("list")[-1].oldest_first
    assert (await cli.fine("history", "gone", "--json")).json["items"][0]["download_id"] == "gone"
    unknown = await cli("history", "never")
    assert (unknown.code, "never" in unknown.err) == (1, True)


async def test_imports(cli: Cli, services: ServiceForTest) -> None:
    """The list with its filters, one with its files, and a retry."""
    file = ImportFile(path="Sintel.mkv", size=10, verdict="import", method="hardlink", placed=True)
    whole = "17ab" * 8
    one = Import(id=whole, client="deluge", download_id="abc1", epoch="c1", name="Sintel.2010.1080p", version=3,
                 state=ImportState.BLOCKED, reason="unknown_media", files=(file,))  # fmt: skip
    item = MediaItem(id="m1", kind="movie", title="Sintel")
    await services.answers("importer", "media.list", Listing, lambda _: Page((item,)))
    await services.answers("importer", "imports.list", Listing, lambda _: Page((one,)))
    await services.answers("importer", "imports.get", ImportId, lambda _: one)
    await services.answers("importer", "imports.retry", RetryImport, lambda _: Empty())
    listed = (await cli.fine("imports", "--state", "blocked")).out
    assert "blocked: unknown_media" in listed
    assert "17ab17ab " in listed
    assert "blocked" in [body.state for body in services.of("imports.list")]  # the gateway asks for its own view too
    shown = (await cli.fine("imports", "17AB")).out
    assert "Sintel.mkv" in shown
    assert 'sluice media add "Sintel" --kind movie --year 2010\n  sluice imports retry 17ab17ab\n' in shown
    assert (await cli.fine("imports", whole, "--json")).json["id"] == whole
    assert "Sintel" in (await cli.fine("imports", "retry", "17ab")).out
    await cli.fine("imports", "retry", "17ab17ab", "--media", "m1")
    assert services.of("imports.retry") == [RetryImport(id=whole), RetryImport(id=whole, media_item="m1")]
    nothing = await cli("imports", "retry", "beef")
    assert (nothing.code, "no import's id begins with 'beef'" in nothing.err) == (1, True)


async def test_filters_that_nothing_can_fit(cli: Cli, services: ServiceForTest) -> None:
    """A typing error is refused with the words there are, instead of an empty list; what merely has nothing is not."""
    await services.answers("importer", "imports.list", Listing, lambda _: Page[Import](()))
    await services.answers("history", "list", HistoryQuery, lambda _: Page[HistoryEntry](()))
    for words, told in (
        (("imports", "--state", "blokked"), "waiting, planned, importing, imported, blocked"),
        (("imports", "--client", "nope"), "deluge, other"),
        (("history", "--client", "nope"), "deluge, other"),
        (("history", "--type", "download.finished"), "download.completed"),
    ):
        ran = await cli(*words)
        assert (ran.code, ran.out) == (2, ""), ran
        assert told in ran.err
    for good in (("imports", "--state", "blocked", "--client", "deluge"), ("history", "--type", "import")):
        await cli.fine(*good)


async def test_the_version(nowhere: Cli) -> None:
    """Told where nothing runs."""
    assert (await nowhere.fine("--version")).out.split() == ["sluice", version()]


async def test_media_and_libraries(cli: Cli, services: ServiceForTest) -> None:
    """Items are listed and made known; libraries are listed with their problem, and marked."""
    item = MediaItem(id="m1", kind="movie", title="Sintel", year=2010, library="movies")
    library = LibraryStatus(name="movies", kind="movies", root="/m", available=False, problem="no marker; run init")
    await services.answers("importer", "media.list", Listing, lambda _: Page((item,)))
    known = KnownMediaItem(**msgspec.structs.asdict(item), is_new=True)
    found = msgspec.structs.replace(known, is_new=False)
    await services.answers(
        "importer", "media.create", NewMediaItem, lambda new: known if new.kind == "movie" else found
    )
    await services.answers("importer", "libraries.list", Empty, lambda _: Libraries((library,)))
    await services.answers("importer", "libraries.init", LibraryName, lambda _: library)
    assert "Sintel" in (await cli.fine("media", "list", "--search", "sin")).out
    added = await cli.fine("media", "add", "Sintel", "--kind", "movie", "--year", "2010", "--library", "movies")
    assert "m1" in added.out
    assert "Known from now on" in added.out
    assert "It was known already" in (await cli.fine("media", "add", "Some Show", "--kind", "tv")).out
    await cli.fine("media", "list", "--kind", "movies")
    created, spelled = services.of("media.create")
    assert (spelled.kind, services.of("media.list")[-1].kind) == ("series", "movie")
    assert (created.kind, created.title, created.year, created.library) == ("movie", "Sintel", 2010, "movies")
    assert "! movies: no marker; run init" in (await cli.fine("libraries")).out
    assert (await cli.fine("libraries", "init", "movies", "--json")).json["name"] == "movies"


async def test_media_items_are_corrected(cli: Cli, services: ServiceForTest) -> None:
    """By the beginning of an id: a new title with what keeps the old one, and forgotten; a refusal says what to do."""
    item = MediaItem(id="abcd" * 8, kind="movie", title="Sintl", files=2)
    other = msgspec.structs.replace(item, id="ef01" * 8, title="Other")
    used = Problem("media_item_in_use", 409, "'Sintl' is in use (2 files)")

    def rename(asked: RenamedMediaItem) -> MediaItem:
        return msgspec.structs.replace(item, title=asked.title)

    await services.answers("importer", "media.list", Listing, lambda _: Page((item, other)))
    await services.answers("importer", "media.rename", RenamedMediaItem, rename)
    await services.answers(
        "importer", "media.remove", MediaItemId, lambda asked: used if asked.id == item.id else other
    )
    renamed = await cli.fine("media", "rename", "abcd", "Sintel", "--year", "2010")
    assert "Sintel" in renamed.out
    assert "2 files that are in the library already keep their names" in renamed.out
    assert services.of("media.rename") == [RenamedMediaItem(id=item.id, title="Sintel", year=2010)]
    assert "Other is no longer known" in (await cli.fine("media", "remove", "ef01")).out
    refused = await cli("media", "remove", "abcd")
    assert (refused.code, "is in use (2 files)" in refused.err) == (1, True)


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 20)).decode()


async def test_watching(cli: Cli, poller: PollerForTest) -> None:
    """Into a pipe: the whole view first, then a line for each change; Ctrl-C ends it quietly."""
    process = await cli.start("queue", "--watch")
    assert {(await _line(process)).split()[0] for _ in range(3)} == {f"deluge/{i}" for i in ("abc1", "abd2", "e" * 40)}
    await poller.change(row("abc1", name="Sintel", done=1000))
    assert (await _line(process)).split() == ["deluge/abc1", "downloading", "100%", "Sintel"]
    await poller.change(removed=("abd2",))
    assert await _line(process) == "deluge/abd2 left\n"
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, b"Traceback" in err) == (130, False)


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
async def test_watching_into_a_pipe_that_closes(cli: Cli, poller: PollerForTest, options: tuple[str, ...]) -> None:
    """`sluice queue --watch | head`: once its reader has gone it ends at the next change, without a word."""
    theirs, ours = os.pipe()
    process = await cli.start_on(ours, "queue", "--watch", *options)
    os.close(ours)
    assert await asyncio.to_thread(os.read, theirs, 1)
    os.close(theirs)
    number = 0
    while process.returncode is None:
        number += 1
        await poller.change(row("abc1", name=f"Sintel {number}", done=1000))
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), 1)
        assert number < 20, "it goes on though nobody reads"
    assert process.stderr is not None
    assert await process.stderr.read() == b""


async def test_watching_on_a_terminal(cli: Cli, poller: PollerForTest) -> None:
    """The table is drawn, and drawn again when something changes; Ctrl-C gives the terminal back."""
    ours, theirs = pty.openpty()
    process = await cli.start_on(theirs, "queue", "--watch", TERM="xterm", COLUMNS="120", LINES="30")
    os.close(theirs)
    os.set_blocking(ours, False)
    screen = bytearray()

    def shows(word: bytes) -> bool:
        with suppress(BlockingIOError, OSError):
            screen.extend(os.read(ours, 65536))
        return word in screen

    await until(lambda: shows(b"Sintel"), "the queue is drawn", 20)
    await poller.change(row("abc1", name="Renamed", done=1000))
    await until(lambda: shows(b"Renamed"), "the change is drawn", 20)
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, b"Traceback" in err) == (130, False)
    assert shows(b"\x1b[?1049l"), "the alternate screen is left"
    os.close(ours)


async def test_watching_as_json(cli: Cli, poller: PollerForTest) -> None:
    """Every line is one event's document as the API sent it."""
    process = await cli.start("queue", "--watch", "--json", "--limit", "2")
    view: dict[str, Any] = json.loads(await _line(process))
    assert (len(view["items"]), view["total"]) == (2, 3)
    await poller.change(row("abc1", name="Another", done=1))
    while "upserts" not in (change := json.loads(await _line(process))):
        pass
    assert change["total"] == 3
    process.kill()
    await process.communicate()


async def test_nothing_runs(nowhere: Cli) -> None:
    """Exit code 3 and how to start it, whether nothing is noted or what is noted does not answer."""
    nothing_noted = await nowhere("queue")
    assert (nothing_noted.code, "sluice up" in nothing_noted.err) == (3, True)
    for words in (("queue",), ("queue", "--watch"), ("add", MAGNET)):
        ran = await nowhere("--url", "http://127.0.0.1:9", *words, SLUICE_API_KEY="k")
        assert (ran.code, ran.out) == (3, "")
        assert "connection refused" in ran.err


async def test_keys(cli: Cli, gateway: GatewayForTest, tmp_path: Path) -> None:
    """From the environment, from a file; a wrong or absent one is a sentence that never shows it."""
    url = f"http://127.0.0.1:{gateway.settings.gateway.port}"
    await cli.fine("clients", SLUICE_URL=url, SLUICE_API_KEY=gateway.key)
    (tmp_path / "key").write_text(gateway.key + "\n")
    (cli.data / "run.json").unlink()
    await cli.fine("--url", url, "--key-file", str(tmp_path / "key"), "clients")
    absent = await cli("--url", url, "clients")
    wrong = await cli("--url", url, "clients", SLUICE_API_KEY="wrong-key-1234")
    assert (absent.code, wrong.code) == (1, 1)
    assert "key_required" in absent.err
    assert "key_unknown" in wrong.err
    assert "wrong-key-1234" not in wrong.err


async def test_wrong_usage(nowhere: Cli) -> None:
    """Exit code 2 and where the help is."""
    for words in (
        ("frob",),
        ("imports", "retry"),
        ("media", "add", "X"),
        ("media", "add", "X", "--kind", "song"),
        ("queue", "--limit", "0"),
        ("media", "list", "--kind", "song"),
    ):
        ran = await nowhere(*words)
        assert (ran.code, "help" in ran.err) == (2, True), words

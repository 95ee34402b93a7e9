"""The verbs that change what is there: what each sends, for one download and for several, and what it prints."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from integration.cli.conftest import Cli
from integration.gateway.conftest import PollerForTest, row
from sluice_common.contracts.commands import Act, Alter, Done, Files, FilesOf, Remove, Steer
from sluice_common.contracts.rpc import Empty
from sluice_common.kit.errors import Problem
from sluice_common.model import edits
from sluice_common.model.download import RemoteFile
from sluice_common.model.enums import State

VERBS: list[tuple[tuple[str, ...], edits.AnyEdit, str]] = [
    (("force-start", "abc"), edits.ForceStart(), "force-started"),
    (("force-start", "abc", "--off"), edits.ForceStart(on=False), "given back to the queue"),
    (("reannounce", "abc"), edits.Reannounce(), "announced"),
    (("queue-move", "abc", "--to", "top"), edits.QueueMove(to=edits.Place.TOP), "moved in the queue (top)"),
    (("category", "abc", "--to", "movies"), edits.SetCategory(category="movies"), "put in movies"),
    (("category", "abc", "--none"), edits.SetCategory(category=None), "put in no category"),
    (("tags", "abc", "--set", "x", "--set", "y"), edits.SetTags(tags=("x", "y")), "tagged x, y"),
    (("limit", "abc", "--download", "2M", "--ratio", "1.5"), edits.SetLimits(download=2097152, ratio=1.5), "limited"),
    (("move", "abc", "--to", "/films"), edits.Move(save_path="/films"), "moved to /films"),
    (("rename", "abc", "Another name"), edits.Rename(name="Another name"), "renamed"),
    (("choose", "abc", "--want", "0-2", "--skip", "5"), edits.ChooseFiles(wanted=(0, 1, 2), unwanted=(5,)), "chosen"),
    (("trackers", "abc", "--add", "udp://t.example:1"), edits.EditTrackers(add=("udp://t.example:1",)), "trackers"),
    (("peers", "abc", "192.0.2.7:1", "[::1]:2"), edits.AddPeers(peers=("192.0.2.7:1", "[::1]:2")), "peers given"),
]


async def altering(poller: PollerForTest) -> None:
    """A poller that takes every edit of what `abc` names, and can do none to the other."""

    def alter(body: Alter) -> Done:
        if body.id != "abc1":
            raise Problem("unsupported", 501, "Deluge cannot do that; nothing was changed")
        return Done(id=body.id)

    files = (RemoteFile(index=0, path="a", size=1024), RemoteFile(index=1, path="b", size=5, wanted=False))
    await poller.answers("alter", Alter, alter)
    await poller.answers("files", FilesOf, lambda _: Files(items=files, total=2))


async def test_each_edit_has_a_verb(cli: Cli, poller: PollerForTest) -> None:
    """What was typed arrives as the edit it means, and what came of it is said."""
    await altering(poller)
    for words, edit, told in VERBS:
        ran = await cli.fine(*words)
        assert ran.out.startswith(told), words
        assert "Sintel" in ran.out
        sent = [body for verb, body, _ in poller.asked if verb == "alter"]
        assert sent[-1] == Alter(id="abc1", edit=edit, epoch="c1"), words
    assert {type(edit) for _, edit, _ in VERBS} == set(edits.AnyEdit.__args__)


async def test_several_at_once(cli: Cli, poller: PollerForTest) -> None:
    """A line for each, the one that failed with its reason, and an exit code that says that one did."""
    await altering(poller)
    ran = await cli("reannounce", "abc", "abd")
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0] == "announced: Sintel (deluge/abc1)"
    assert lines[1].endswith("(deluge/abd2): Deluge cannot do that; nothing was changed (unsupported)")
    assert "1 of 2 failed" in ran.err
    assert sorted(body.id for _, body, _ in poller.asked) == ["abc1", "abd2"]
    none = await cli("reannounce", "abc", "zzz")
    assert (none.code, len(poller.asked)) == (1, 2)
    assert "zzz" in none.err


async def test_the_old_verbs_take_several(cli: Cli, poller: PollerForTest) -> None:
    """Pause and remove of two downloads is one request; --json is the API's own answer."""
    one_frame = asyncio.Lock()

    async def act(body: Act) -> Done:
        async with one_frame:
            return Done(id=body.id, position=await poller.change(row(body.id, state=State.PAUSED)))

    async def remove(body: Remove) -> Done:
        async with one_frame:
            return Done(id=body.id, position=await poller.change(removed=(body.id,)))

    await poller.answers("pause", Act, act)
    await poller.answers("remove", Remove, remove)
    told = (await cli.fine("pause", "abc", "abd", "--json")).json
    assert (told["done"], [item["id"] for item in told["items"]]) == (2, ["abc1", "abd2"])
    ran = await cli.fine("remove", "abc", "abd", "--data")
    assert ran.out.splitlines()[0].startswith("removed, its data was deleted: ")
    assert [body.with_data for verb, body, _ in poller.asked if verb == "remove"] == [True, True]


@pytest.mark.parametrize(
    "words",
    [
        ("category", "abc"),
        ("category", "abc", "--to", "x", "--none"),
        ("tags", "abc"),
        ("limit", "abc"),
        ("limit", "abc", "--download", "fast"),
        ("choose", "abc"),
        ("choose", "abc", "--want", "x"),
        ("trackers", "abc"),
        ("limits", "deluge", "--download", "1K", "--alternative"),
        ("rename", "abc", ""),
        ("tags", "abc", "--set", ""),
        ("category", "abc", "--to", ""),
        ("move", "abc", "--to", ""),
        ("queue-move", "abc", "--to", "first"),
        ("limit", "abc", "--seeding-time", "90"),
        ("limit", "abc", "--ratio", "-1"),
    ],
    ids=" ".join,
)
async def test_wrong_usage_sends_nothing(nowhere: Cli, words: tuple[str, ...]) -> None:
    """It is told without asking anybody."""
    ran = await nowhere(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("sluice: ")


async def test_a_whole_client(cli: Cli, poller: PollerForTest) -> None:
    """Its limits are shown and changed; pausing everything is one word."""
    limits: dict[str, Any] = {"download": 1_048_576, "alternative": False}
    await poller.answers("limits", Empty, lambda _: edits.Limits(**limits))
    await poller.answers("steer", Steer, lambda _: Done(id=""))
    assert (await cli.fine("limits", "deluge")).out == "deluge: down 1.0 MiB/s, up unlimited, alternative limits off\n"
    assert (await cli.fine("pause-all", "deluge")).out == "deluge: everything is paused\n"
    await cli.fine("resume-all", "deluge")
    await cli.fine("limits", "deluge", "--upload", "1K", "--download", "0")
    await cli.fine("limits", "deluge", "--no-alternative")
    assert [body.control for verb, body, _ in poller.asked if verb == "steer"] == [
        edits.PauseAll(),
        edits.ResumeAll(),
        edits.GlobalLimits(download=0, upload=1024),
        edits.AlternativeLimits(on=False),
    ]
    ran = await cli("limits", "nope")
    assert (ran.code, "nope" in ran.err) == (1, True)

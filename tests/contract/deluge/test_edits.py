"""Deluge's changes as requests, and what its adapter makes of a daemon that leaves them undone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from sluice_client_poller.adapters.deluge import edits, wire
from sluice_client_poller.adapters.deluge.client import DelugeAdapter
from sluice_client_poller.adapters.deluge.mapping import to_download
from sluice_client_poller.adapters.port import NewDownload
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import (
    AddPeers,
    AlternativeLimits,
    AnyControl,
    AnyEdit,
    ChooseFiles,
    EditTrackers,
    ForceStart,
    GlobalLimits,
    Limits,
    Move,
    PauseAll,
    Place,
    QueueMove,
    Reannounce,
    Rename,
    ResumeAll,
    SetCategory,
    SetLimits,
    SetTags,
)
from support.recorded_deluge import HASH, Recorded, adapter_of, result
from support.replay import Replay

KEY = "0123456789pass"
ONE, TWO = f"http://one.test/{KEY}/announce", "udp://two.test:1/announce"
STANDING = wire.Standing(
    auto_managed=True,
    file_priorities=(4, 0, 7),
    label="tv",
    max_download_speed=-1.0,
    max_upload_speed=-1.0,
    num_files=3,
    queue=2,
    save_path="/downloads",
    state="Downloading",
    stop_at_ratio=False,
    stop_ratio=2.0,
    trackers=(wire.Tracker(url=ONE, tier=3),),
)
SET = "core.set_torrent_options"


def calls(edit: AnyEdit, before: wire.Standing = STANDING) -> list[tuple[str, tuple[object, ...]]]:
    """What is asked for."""
    change = edits.change(HASH, edit, before)
    return [*change.calls] if change is not None else []


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        (ForceStart(), [(SET, ([HASH], {"auto_managed": False})), ("core.resume_torrent", (HASH,))]),
        (ForceStart(on=False), [(SET, ([HASH], {"auto_managed": True}))]),
        (Reannounce(), [("core.force_reannounce", ([HASH],))]),
        (QueueMove(to=Place.UP), [("core.queue_up", ([HASH],))]),
        (SetCategory(category="films"), [("label.set_torrent", (HASH, "films"))]),
        (SetCategory(category=None), [("label.set_torrent", (HASH, ""))]),
        (
            SetLimits(download=1, upload=1536),
            [(SET, ([HASH], {"max_download_speed": 1 / 1024, "max_upload_speed": 1.5}))],
        ),
        (SetLimits(upload=0), [(SET, ([HASH], {"max_upload_speed": -1.0}))]),
        (SetLimits(ratio=1.5), [(SET, ([HASH], {"stop_at_ratio": True, "stop_ratio": 1.5}))]),
        (SetLimits(ratio=0.0), [(SET, ([HASH], {"stop_at_ratio": False}))]),
        (Move(save_path="/else"), [("core.move_storage", ([HASH], "/else"))]),
        (ChooseFiles(wanted=(1, 2)), [(SET, ([HASH], {"file_priorities": [4, 4, 7]}))]),
        (ChooseFiles(unwanted=(2,)), [(SET, ([HASH], {"file_priorities": [4, 0, 0]}))]),
        (
            EditTrackers(add=(TWO, ONE)),
            [("core.set_torrent_trackers", (HASH, [{"url": ONE, "tier": 3}, {"url": TWO, "tier": 4}]))],
        ),
        (EditTrackers(remove=(ONE,)), [("core.set_torrent_trackers", (HASH, []))]),
        (
            AddPeers(peers=("192.0.2.1:6881", "[2001:DB8::1]:1")),
            [("core.connect_peer", (HASH, "192.0.2.1", 6881)), ("core.connect_peer", (HASH, "2001:db8::1", 1))],
        ),
    ],
    ids=repr,
)
def test_requests(edit: AnyEdit, wanted: list[tuple[str, tuple[object, ...]]]) -> None:
    """Limits are KiB/s to the byte, -1 is none; whole lists keep what is not named, with its tier and its priority."""
    assert calls(edit) == wanted


@pytest.mark.parametrize(
    "edit",
    [
        SetLimits(),
        SetCategory(category="tv"),
        Move(save_path="/downloads/"),
        EditTrackers(add=(ONE,)),
        EditTrackers(remove=(TWO,)),
    ],
    ids=repr,
)
def test_nothing_left_to_do(edit: AnyEdit) -> None:
    """What stands already is not asked for."""
    assert calls(edit) == []


@pytest.mark.parametrize(
    ("edit", "before", "code"),
    [
        (QueueMove(to=Place.TOP), {"queue": -1}, "not_queued"),
        (ChooseFiles(wanted=(3,)), {}, "file_unknown"),
        (ChooseFiles(unwanted=(-1,)), {}, "file_unknown"),
        (ChooseFiles(wanted=(0,)), {"num_files": 0, "file_priorities": ()}, "files_unknown"),
    ],
    ids=repr,
)
def test_what_this_torrent_cannot_be(edit: AnyEdit, before: dict[str, Any], code: str) -> None:
    """Deluge would take it and do nothing."""
    with pytest.raises(Problem) as refused:
        calls(edit, msgspec.structs.replace(STANDING, **before))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("control", "wanted"),
    [
        (PauseAll(), (("core.pause_torrents", ([],)),)),
        (ResumeAll(), (("core.resume_session", ()), ("core.resume_torrents", ([],)))),
        (
            GlobalLimits(download=1536, upload=0),
            (("core.set_config", ({"max_download_speed": 1.5, "max_upload_speed": -1.0},)),),
        ),
        (GlobalLimits(), ()),
    ],
    ids=repr,
)
def test_controls(control: AnyControl, wanted: tuple[tuple[str, tuple[object, ...]], ...]) -> None:
    """The daemon as a whole; its own pause of the session is undone too."""
    assert edits.control(control) == wanted


def test_limits_are_told_in_bytes() -> None:
    """KiB/s; -1 and 0 limit nothing."""
    assert edits.client_limits(wire.SpeedLimits(1.5, -1)) == Limits(download=1536, upload=None)
    assert edits.client_limits(wire.SpeedLimits(0, 0.001)) == Limits(download=None, upload=1)


def test_who_is_not_auto_managed_is_forced() -> None:
    """What is not told is not forced."""
    row = wire.parse_row(result("state_Downloading__multi.json"))
    assert row is not None
    forced = [
        to_download("d", HASH, msgspec.structs.replace(row, auto_managed=on)).forced for on in (True, False, None)
    ]
    assert forced == [False, True, False]


def test_the_options_of_an_add() -> None:
    """Only what was asked for: the rest is for the daemon's own settings."""
    new = NewDownload(magnet="magnet:?", sequential=True, first_last=True, download_limit=1536, upload_limit=0)
    assert wire.add_options(new) == {
        "add_paused": False,
        "sequential_download": True,
        "prioritize_first_last_pieces": True,
        "max_download_speed": 1.5,
        "max_upload_speed": -1.0,
    }
    assert wire.add_options(NewDownload(magnet="magnet:?", paused=True)) == {"add_paused": True}


class Daemon(Recorded):
    """The recorded deluge-web with one torrent that stands as it is told, and all that was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.fixed |= {
            "core.get_torrent_status": msgspec.to_builtins(STANDING),
            "core.set_torrent_options": None,
            "core.set_config": None,
            "core.get_config_values": {"max_download_speed": -1.0, "max_upload_speed": 2.0},
        }


@pytest.fixture
def daemon() -> Daemon:
    """A recorded deluge-web."""
    return Daemon()


@pytest.fixture
def replay(daemon: Daemon) -> Iterator[Replay]:
    """It behind HTTP."""
    with Replay(daemon) as running:
        yield running


@pytest.fixture
async def adapter(replay: Replay) -> AsyncIterator[DelugeAdapter]:
    """Its adapter."""
    made = adapter_of(replay.url)
    yield made
    await made.close()


def sent(replay: Replay, method: str) -> list[Any]:
    """The parameters of every request of this method."""
    return [call["params"] for call in replay.calls if call["method"] == method]


async def test_a_change_that_is_seen(adapter: DelugeAdapter, replay: Replay, daemon: Daemon) -> None:
    """One request, with the id as Deluge writes it."""
    daemon.fixed["core.get_torrent_status"] = msgspec.to_builtins(
        msgspec.structs.replace(STANDING, max_download_speed=1.5)
    )
    await adapter.alter(HASH.upper(), SetLimits(download=1536))
    assert sent(replay, SET) == [[[HASH], {"max_download_speed": 1.5}]]


async def test_a_change_without_effect_is_told(adapter: DelugeAdapter, replay: Replay) -> None:
    """Deluge answers null and does nothing: that is no success."""
    with pytest.raises(Problem, match="client_refused"):
        await adapter.alter(HASH, SetLimits(download=1536))
    assert len(sent(replay, SET)) == 1


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (SetTags(tags=()), "unsupported"),
        (Rename(name="x"), "unsupported"),
        (SetLimits(download=1, seeding_time=60), "unsupported"),
        (SetLimits(ratio=-1.0), "limit_invalid"),
        (Move(save_path="relative"), "save_path_invalid"),
        (EditTrackers(add=(KEY,)), "tracker_invalid"),
        (EditTrackers(add=(ONE, f"ftp://host/{KEY}")), "tracker_invalid"),
        (AddPeers(peers=("192.0.2.1:1", "somewhere:1")), "peer_invalid"),
        (AddPeers(peers=("192.0.2.1:65536",)), "peer_invalid"),
    ],
    ids=repr,
)
async def test_what_no_deluge_does(adapter: DelugeAdapter, replay: Replay, edit: AnyEdit, code: str) -> None:
    """Refused without a request, also where only a part of it cannot be done, in words without pass keys."""
    with pytest.raises(Problem) as refused:
        await adapter.alter(HASH, edit)
    assert (refused.value.code, KEY in str(refused.value)) == (code, False)
    assert not replay.calls


async def test_it_has_no_alternative_limits(adapter: DelugeAdapter, replay: Replay) -> None:
    """Refused, and told as not there."""
    with pytest.raises(Problem, match="unsupported"):
        await adapter.control(AlternativeLimits(on=True))
    assert not replay.calls
    assert await adapter.limits() == Limits(download=None, upload=2048)


async def test_what_is_not_there(adapter: DelugeAdapter, replay: Replay, daemon: Daemon) -> None:
    """`{}` is what it says of what it does not have."""
    daemon.fixed["core.get_torrent_status"] = {}
    with pytest.raises(Problem, match="not_found"):
        await adapter.alter(HASH, SetLimits(download=1))
    assert not sent(replay, SET)


async def test_an_add_with_tags_adds_nothing(adapter: DelugeAdapter, replay: Replay) -> None:
    """Known before the add."""
    with pytest.raises(Problem, match="unsupported"):
        await adapter.add(NewDownload(magnet=f"magnet:?xt=urn:btih:{HASH}", tags=("a",)))
    assert not replay.calls

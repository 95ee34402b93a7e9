"""Transmission's changes as requests, and what its adapter makes of a daemon that leaves them undone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sluice_client_poller.adapters.port import NewDownload
from sluice_client_poller.adapters.transmission import edits, wire
from sluice_client_poller.adapters.transmission.client import TransmissionAdapter
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
from support.recorded_transmission import MULTI, OLD, OTHER, Recorded
from support.replay import Replay

KEY = "0123456789pass"
ONE, TWO = f"http://one.test/{KEY}/announce", "udp://two.test:1/announce"
STANDING = wire.Standing(
    download_dir="/downloads",
    download_limit=100,
    download_limited=False,
    labels=("tv", "hd"),
    seed_ratio_limit=2.0,
    seed_ratio_mode=0,
    status=4,
    trackers=(wire.Announce(id=7, announce=ONE),),
    upload_limit=100,
    upload_limited=False,
    wanted=(1, 0, 1),
)


def arguments(edit: AnyEdit, before: wire.Standing = STANDING) -> tuple[str, dict[str, Any]] | None:
    """What is asked for, where "tv" and "movies" have owners."""
    change = edits.change(edit, before, {"tv", "movies"})
    return (change.method, change.arguments) if change is not None else None


@pytest.mark.parametrize(
    ("edit", "method", "asked"),
    [
        (ForceStart(), "torrent-start-now", {}),
        (Reannounce(), "torrent-reannounce", {}),
        (QueueMove(to=Place.BOTTOM), "queue-move-bottom", {}),
        (SetCategory(category="movies"), "torrent-set", {"labels": ["movies", "hd"]}),
        (SetTags(tags=("a", "b", "a")), "torrent-set", {"labels": ["tv", "a", "b"]}),
        (SetTags(tags=()), "torrent-set", {"labels": ["tv"]}),
        (SetLimits(download=1), "torrent-set", {"downloadLimited": True, "downloadLimit": 1}),
        (SetLimits(upload=1001), "torrent-set", {"uploadLimited": True, "uploadLimit": 2}),
        (SetLimits(download=0, upload=0), "torrent-set", {"downloadLimited": False, "uploadLimited": False}),
        (SetLimits(ratio=1.5), "torrent-set", {"seedRatioMode": 1, "seedRatioLimit": 1.5}),
        (SetLimits(ratio=0.0), "torrent-set", {"seedRatioMode": 2}),
        (Move(save_path="/else"), "torrent-set-location", {"location": "/else", "move": True}),
        (ChooseFiles(wanted=(1,)), "torrent-set", {"files-wanted": [1]}),
        (ChooseFiles(unwanted=(0, 2)), "torrent-set", {"files-unwanted": [0, 2]}),
        (EditTrackers(add=(ONE, TWO)), "torrent-set", {"trackerAdd": [TWO]}),
        (EditTrackers(add=(TWO,), remove=(ONE,)), "torrent-set", {"trackerAdd": [TWO], "trackerRemove": [7]}),
    ],
    ids=repr,
)
def test_requests(edit: AnyEdit, method: str, asked: dict[str, Any]) -> None:
    """Each kind of change is one request; limits are kB/s rounded up, and no empty list means all files."""
    assert arguments(edit) == (method, asked)


@pytest.mark.parametrize(
    "edit",
    [SetLimits(), ChooseFiles(), Move(save_path="/downloads/"), EditTrackers(add=(ONE,)), EditTrackers(remove=(TWO,))],
    ids=repr,
)
def test_nothing_left_to_do(edit: AnyEdit) -> None:
    """What stands already is not asked for: Transmission refuses trackers that are not new to it."""
    assert arguments(edit) is None


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (SetCategory(category=None), "unsupported"),
        (SetCategory(category="other"), None),
        (SetTags(tags=("movies",)), None),
        (SetTags(tags=("tv",)), "unsupported"),
        (SetCategory(category="a,b"), "category_invalid"),
        (SetTags(tags=("a,b",)), "tag_invalid"),
        (ChooseFiles(wanted=(3,)), "file_unknown"),
        (ChooseFiles(unwanted=(-1,)), "file_unknown"),
        (ChooseFiles(wanted=(0,), unwanted=(0,)), "file_twice"),
    ],
    ids=repr,
)
def test_what_this_torrent_cannot_be(edit: AnyEdit, code: str | None) -> None:
    """Refused before anything is changed; labels must be read back as what was asked."""
    if code is None:
        assert arguments(edit) is not None
        return
    with pytest.raises(Problem) as refused:
        arguments(edit)
    assert refused.value.code == code


def test_a_tag_that_has_an_owner_would_be_the_category() -> None:
    """An owned label wins over the first one, so it cannot be a tag beside a category that nobody owns."""
    with pytest.raises(Problem, match="unsupported"):
        arguments(SetTags(tags=("movies",)), msgspec.structs.replace(STANDING, labels=("other",)))


def test_before_3_00_there_are_no_labels() -> None:
    """It tells 0 for what it does not know."""
    with pytest.raises(Problem, match=r"before 3\.00"):
        arguments(SetTags(tags=()), msgspec.structs.replace(STANDING, labels=0))


def test_without_metadata_no_files_can_be_chosen() -> None:
    """Nobody knows how many there are."""
    with pytest.raises(Problem, match="files_unknown"):
        arguments(ChooseFiles(wanted=(0,)), msgspec.structs.replace(STANDING, wanted=()))


@pytest.mark.parametrize(
    ("control", "method", "asked"),
    [
        (PauseAll(), "torrent-stop", {}),
        (ResumeAll(), "torrent-start", {}),
        (AlternativeLimits(on=False), "session-set", {"alt-speed-enabled": False}),
        (
            GlobalLimits(download=1500, upload=0),
            "session-set",
            {"speed-limit-down-enabled": True, "speed-limit-down": 2, "speed-limit-up-enabled": False},
        ),
    ],
    ids=repr,
)
def test_controls(control: AnyControl, method: str, asked: dict[str, Any]) -> None:
    """The client as a whole; without ids a command is for all."""
    assert edits.control(control) == (method, asked)


def test_limits_are_told_in_bytes() -> None:
    """kB/s, of which 4.1 tells fractions; the switch says whether there is a limit at all."""
    told = wire.SpeedLimits(
        alt_speed_enabled=True,
        speed_limit_down=1.5,
        speed_limit_down_enabled=True,
        speed_limit_up=100,
        speed_limit_up_enabled=False,
    )
    assert edits.client_limits(told) == Limits(download=1500, upload=None, alternative=True)


def sent(replay: Replay, method: str) -> list[dict[str, Any]]:
    """The arguments of every request of this method that was not a greeting."""
    calls = [call for call in replay.calls if call["method"] == method]
    return [call["arguments"] for call in calls if call["headers"].get("x-transmission-session-id")]


async def test_a_change_that_is_seen(adapter: TransmissionAdapter, replay: Replay) -> None:
    """One request with the torrent's hash, however its id is written."""
    await adapter.alter(MULTI.upper(), SetLimits(download=256_000))
    assert sent(replay, "torrent-set") == [{"ids": [MULTI], "downloadLimited": True, "downloadLimit": 256}]


async def test_success_without_effect_is_told(adapter: TransmissionAdapter, replay: Replay, recorded: Recorded) -> None:
    """Transmission says "success" and does nothing: that is no success."""
    recorded.is_obedient = False
    with pytest.raises(Problem, match="client_refused"):
        await adapter.alter(MULTI, SetLimits(download=256_000))
    assert len(sent(replay, "torrent-set")) == 1


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Rename(name="x"), "unsupported"),
        (AddPeers(peers=("127.0.0.1:1",)), "unsupported"),
        (ForceStart(on=False), "unsupported"),
        (SetLimits(seeding_time=60, download=1), "unsupported"),
        (SetLimits(upload=-1), "limit_invalid"),
        (EditTrackers(add=(KEY,)), "tracker_invalid"),
        (EditTrackers(add=(ONE, f"ftp://host/{KEY}")), "tracker_invalid"),
    ],
    ids=repr,
)
async def test_what_no_transmission_does(
    adapter: TransmissionAdapter, replay: Replay, edit: AnyEdit, code: str
) -> None:
    """Refused without a request, also where only a part of it cannot be done, in words without pass keys."""
    with pytest.raises(Problem) as refused:
        await adapter.alter(MULTI, edit)
    assert (refused.value.code, KEY in str(refused.value)) == (code, False)
    assert not replay.calls


async def test_what_is_not_there(adapter: TransmissionAdapter, replay: Replay) -> None:
    """It would say success to it."""
    with pytest.raises(Problem, match="not_found"):
        await adapter.alter("0" * 40, Reannounce())
    assert not sent(replay, "torrent-reannounce")


async def test_a_pause_of_all_insists(adapter: TransmissionAdapter, replay: Replay, recorded: Recorded) -> None:
    """3.00 starts what it was checking when it was told to stop: it is told again until all stay stopped."""
    recorded.deaf = 3
    await adapter.control(PauseAll())
    assert {row["status"] for row in recorded.rows.values()} == {0}
    assert all("ids" not in asked for asked in sent(replay, "torrent-stop"))


@pytest.mark.parametrize("options", [{"first_last": True}, {"tags": ("a",)}], ids=repr)
async def test_an_add_that_it_cannot_do_adds_nothing(
    adapter: TransmissionAdapter, replay: Replay, options: dict[str, Any]
) -> None:
    """Known before the add."""
    with pytest.raises(Problem) as refused:
        await adapter.add(NewDownload(magnet=f"magnet:?xt=urn:btih:{OTHER}", **options))
    assert (refused.value.code, refused.value.status) == ("unsupported", 501)
    assert not sent(replay, "torrent-add")


async def test_an_add_in_order(adapter: TransmissionAdapter, replay: Replay, recorded: Recorded) -> None:
    """Only 4.1 can, and is told after the add, with the limits."""
    new = NewDownload(magnet=f"magnet:?xt=urn:btih:{OTHER}", sequential=True, upload_limit=1000)
    if recorded.folder == OLD:
        with pytest.raises(Problem, match="unsupported"):
            await adapter.add(new)
        assert not sent(replay, "torrent-add")
        return
    await adapter.add(new)
    assert sent(replay, "torrent-set") == [
        {"ids": [OTHER], "uploadLimited": True, "uploadLimit": 1, "sequential_download": True}
    ]


async def test_category_and_tags_of_an_add(adapter: TransmissionAdapter, replay: Replay, recorded: Recorded) -> None:
    """The category first; with the add from 4.0 on, right after it before."""
    await adapter.add(NewDownload(magnet=f"magnet:?xt=urn:btih:{OTHER}", category="tv", tags=("hd",)))
    where = "torrent-set" if recorded.folder == OLD else "torrent-add"
    assert [asked.get("labels") for asked in sent(replay, where)] == [["tv", "hd"]]


async def test_its_limits(adapter: TransmissionAdapter, recorded: Recorded) -> None:
    """From its session, as both versions tell it."""
    recorded.session["arguments"] |= {"speed-limit-down-enabled": True, "speed-limit-down": 300}
    found = await adapter.limits()
    assert (found.download, found.upload, found.alternative) == (300_000, None, False)

"""Edits as requests to qBittorrent, without one, and its adapter over answers that it gives to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contract.adapter_suite import SAMPLES
from sluice_client_poller.adapters.port import NewDownload
from sluice_client_poller.adapters.qbittorrent.edits import KINDS, Row, Seen, own_settings
from sluice_client_poller.adapters.qbittorrent.wire import FileEntry
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, Problem
from sluice_common.model.edits import (
    AddPeers,
    AlternativeLimits,
    AnyEdit,
    ChooseFiles,
    EditTrackers,
    ForceStart,
    GlobalLimits,
    Limits,
    Move,
    OwnSettings,
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
from support.recorded_qbittorrent import API, RecordedQbittorrent, adapter_of, count, plain
from support.replay import Answer, Replay

OLD, NEW = "qbittorrent-4.5.2", "qbittorrent-5.1.0"
MULTI = "7202b0b5e451bfb8bd36e75ee472fe36018698ff"
SECRET = "passkey=0123456789"
TRACKER = f"https://tracker.test/announce?{SECRET}"
SPELT = "https://tracker.test/a%2Fb|c/announce"
EVERY = (
    ForceStart(),
    Reannounce(),
    QueueMove(to=Place.UP),
    SetCategory(category="films"),
    SetTags(tags=("a",)),
    SetLimits(download=1024),
    Move(save_path="/moved"),
    Rename(name="Another"),
    ChooseFiles(unwanted=(1,)),
    EditTrackers(add=(TRACKER,)),
    AddPeers(peers=("127.0.0.1:1",)),
)
FILES = tuple(FileEntry(name=f"{number}.mkv", size=1, priority=number) for number in (0, 1, 6))


def seen(files: tuple[FileEntry, ...] = FILES, trackers: frozenset[str] = frozenset(), **row: Any) -> Seen:
    """A torrent that is downloading, but for what is named."""
    told: dict[str, Any] = {"hash": MULTI, "name": "N", "state": "downloading", "save_path": "/d", "priority": 2}
    return Seen(row=Row(**(told | row)), files=files, trackers=trackers)


def asked(edit: AnyEdit, before: Seen) -> dict[str, dict[str, str]]:
    """What is sent for an edit: the fields by verb."""
    KINDS[type(edit)].check(edit)
    return {request.verb: request.fields for request in KINDS[type(edit)].requests(edit, before)}


def test_every_kind_is_in_the_table() -> None:
    """A kind that is added later must say what is sent for it."""
    assert set(KINDS) == {type(edit) for edit in EVERY} == set(AnyEdit.__args__)


@pytest.mark.parametrize(
    ("edit", "before", "sent"),
    [
        (ForceStart(), seen(), {"setForceStart": {"value": "true"}}),
        (ForceStart(on=False), seen(force_start=True), {"setForceStart": {"value": "false"}}),
        (ForceStart(on=False), seen(force_start=True, state="pausedDL"), {}),
        (ForceStart(on=False), seen(state="stoppedUP"), {}),
        (QueueMove(to=Place.TOP), seen(), {"topPrio": {}}),
        (QueueMove(to=Place.UP), seen(), {"increasePrio": {}}),
        (QueueMove(to=Place.DOWN), seen(), {"decreasePrio": {}}),
        (QueueMove(to=Place.BOTTOM), seen(), {"bottomPrio": {}}),
        (SetCategory(category=None), seen(), {"setCategory": {"category": ""}}),
        (SetTags(tags=("b", "c")), seen(tags="a, b"), {"addTags": {"tags": "c"}, "removeTags": {"tags": "a"}}),
        (SetTags(tags=()), seen(tags="a, b"), {"removeTags": {"tags": "a,b"}}),
        (SetTags(tags=()), seen(), {}),
        (SetLimits(upload=0), seen(), {"setUploadLimit": {"limit": "0"}}),
        (Rename(name=" a\r\nb "), seen(), {"rename": {"name": "a b"}}),
        (ChooseFiles(wanted=(0, 2)), seen(), {"filePrio": {"id": "0", "priority": "1"}}),
        (ChooseFiles(unwanted=(0, 2, 1)), seen(), {"filePrio": {"id": "1|2", "priority": "0"}}),
        (EditTrackers(add=(TRACKER, TRACKER)), seen(), {"addTrackers": {"urls": TRACKER}}),
        (EditTrackers(add=(TRACKER,)), seen(trackers=frozenset({TRACKER})), {}),
        (EditTrackers(remove=(TRACKER,)), seen(), {}),
        (EditTrackers(remove=(TRACKER,)), seen(trackers=frozenset({TRACKER})), {"removeTrackers": {"urls": TRACKER}}),
        (AddPeers(peers=("127.0.0.1:1", "[::1]:2")), seen(), {"addPeers": {"peers": "127.0.0.1:1|[::1]:2"}}),
    ],
)
def test_what_is_sent(edit: AnyEdit, before: Seen, sent: dict[str, dict[str, str]]) -> None:
    """Only what differs from what is there; a stopped one is not started, a higher priority stays."""
    assert asked(edit, before) == sent


def test_a_torrents_own_name_field() -> None:
    """Some calls name the torrent in `hash`, the others take several in `hashes`."""
    one = (Rename(name="x"), ChooseFiles(unwanted=(1,)), EditTrackers(add=(TRACKER,)))
    names = {type(edit): {request.name for request in KINDS[type(edit)].requests(edit, seen())} for edit in EVERY}
    assert {kind for kind, told in names.items() if told == {"hash"}} == {type(edit) for edit in one}


def test_a_removed_tracker_is_spelt_both_ways() -> None:
    """The newest versions decode what they are sent, and a bar separates URLs; older ones take it as it comes."""
    sent = asked(EditTrackers(remove=(SPELT,)), seen(trackers=frozenset({SPELT, TRACKER})))
    assert sent == {"removeTrackers": {"urls": f"{SPELT}|https://tracker.test/a%252Fb%7Cc/announce"}}


@pytest.mark.parametrize(
    ("edit", "ratio", "minutes"),
    [
        (SetLimits(ratio=1.5), "1.5", "90"),
        (SetLimits(ratio=0), "-1", "90"),
        (SetLimits(seeding_time=3600), "2.25", "60"),
        (SetLimits(seeding_time=3601), "2.25", "61"),
        (SetLimits(seeding_time=1), "2.25", "1"),
        (SetLimits(seeding_time=0), "2.25", "-1"),
    ],
)
def test_share_limits(edit: SetLimits, ratio: str, minutes: str) -> None:
    """All of them are sent, as newer versions want; what is left out stays, and a part of a minute counts as one."""
    before = seen(ratio_limit=2.25, seeding_time_limit=90, inactive_seeding_time_limit=7, share_limit_action="Remove")
    assert asked(edit, before) == {
        "setShareLimits": {
            "ratioLimit": ratio,
            "seedingTimeLimit": minutes,
            "inactiveSeedingTimeLimit": "7",
            "shareLimitAction": "Remove",
        }
    }


def test_share_limits_of_an_old_one() -> None:
    """A row without the newer limits means the client's own."""
    (fields,) = asked(SetLimits(ratio=1), seen()).values()
    assert (fields["seedingTimeLimit"], fields["inactiveSeedingTimeLimit"], fields["shareLimitAction"]) == (
        "-2",
        "-2",
        "Default",
    )


@pytest.mark.parametrize(
    ("edit", "before", "code"),
    [
        (QueueMove(to=Place.UP), seen(priority=0), "not_queued"),
        (SetTags(tags=("a,b",)), seen(), "tag_invalid"),
        (SetTags(tags=(" a",)), seen(), "tag_invalid"),
        (SetTags(tags=("",)), seen(), "tag_invalid"),
        (SetLimits(download=-1), seen(), "limit_invalid"),
        (SetLimits(ratio=float("nan")), seen(), "limit_invalid"),
        (SetLimits(ratio=float("inf")), seen(), "limit_invalid"),
        (Move(save_path="relative"), seen(), "save_path_invalid"),
        (Move(save_path=""), seen(), "save_path_invalid"),
        (Rename(name=" \n"), seen(), "name_invalid"),
        (ChooseFiles(wanted=(0, 3)), seen(), "file_unknown"),
        (ChooseFiles(wanted=(-1,)), seen(), "file_unknown"),
        (ChooseFiles(wanted=(0,), unwanted=(0,)), seen(), "file_twice"),
        (ChooseFiles(wanted=(0,)), seen(files=()), "files_unknown"),
        (EditTrackers(add=(TRACKER, f"tracker.test?{SECRET}")), seen(), "tracker_invalid"),
        (EditTrackers(add=(f"http://[?{SECRET}",)), seen(), "tracker_invalid"),
        (EditTrackers(add=(f"{TRACKER}\nhttp://another.test",)), seen(), "tracker_invalid"),
        (AddPeers(peers=()), seen(), "peer_invalid"),
        (AddPeers(peers=("127.0.0.1:1", "::1:2")), seen(), "peer_invalid"),
        (AddPeers(peers=("127.0.0.1:0",)), seen(), "peer_invalid"),
        (AddPeers(peers=("127.0.0.1:65536",)), seen(), "peer_invalid"),
        (AddPeers(peers=("1.2.3.400:1",)), seen(), "peer_invalid"),
        (AddPeers(peers=("peer.test:1",)), seen(), "peer_invalid"),
    ],
)
def test_what_is_not_sent(edit: AnyEdit, before: Seen, code: str) -> None:
    """qBittorrent would pass over it, or take a part; nothing is sent, and no refusal holds a pass key."""
    with pytest.raises(Problem) as refused:
        asked(edit, before)
    assert refused.value.code == code
    assert SECRET not in f"{refused.value} {refused.value.extra}"


@pytest.mark.parametrize(
    ("edit", "after", "is_done"),
    [
        (ForceStart(), seen(force_start=True, state="stalledDL"), False),
        (ForceStart(), seen(force_start=True, state="forcedDL"), True),
        (ForceStart(), seen(force_start=True, state="missingFiles"), True),
        (ForceStart(on=False), seen(force_start=False, state="forcedDL"), False),
        (ForceStart(on=False), seen(force_start=True, state="pausedDL"), True),
        (SetCategory(category="tv"), seen(), False),
        (SetTags(tags=("a",)), seen(tags="a, b"), False),
        (SetLimits(download=1024), seen(dl_limit=1023), False),
        (SetLimits(download=0, upload=0), seen(dl_limit=-1, up_limit=0), True),
        (SetLimits(ratio=10_000), seen(ratio_limit=9999), False),
        (SetLimits(ratio=0.333), seen(ratio_limit=0.33), True),
        (SetLimits(seeding_time=60), seen(seeding_time_limit=-2), False),
        (Move(save_path="/e/"), seen(save_path="/e"), True),
        (Move(save_path="/e"), seen(state="moving"), True),
        (Move(save_path="/e"), seen(), False),
        (Rename(name="N"), seen(), True),
        (ChooseFiles(wanted=(2,), unwanted=(0,)), seen(), True),
        (ChooseFiles(unwanted=(2,)), seen(), False),
        (EditTrackers(add=(SPELT,)), seen(trackers=frozenset({"https://tracker.test/a/b|c/announce"})), True),
        (EditTrackers(add=(TRACKER,)), seen(), False),
        (EditTrackers(remove=(TRACKER,)), seen(trackers=frozenset({TRACKER})), False),
    ],
)
def test_what_shows_that_it_was_done(edit: AnyEdit, after: Seen, is_done: bool) -> None:
    """Its answer does not: it says 200 and cuts off, passes over or does it later."""
    assert KINDS[type(edit)].is_done(edit, after) is is_done


def test_what_is_set_in_one_torrent() -> None:
    """Limits in bytes/s and seconds; what is the whole client's or none is none of its own; of a tracker the host."""
    limited = seen(dl_limit=1024, up_limit=-1, ratio_limit=1.5, seeding_time_limit=90, trackers=frozenset({TRACKER}))
    own = OwnSettings(download_limit=1024, ratio_limit=1.5, seeding_time_limit=5400, trackers=("tracker.test",))
    assert own_settings(limited) == own
    assert own_settings(seen(ratio_limit=-2, seeding_time_limit=-1, up_limit=0)) == OwnSettings()


async def test_what_is_set_is_asked_of_one_torrent(replay: Replay) -> None:
    """Its trackers without those lines that are none; what the client does not hold is not found."""
    adapter = adapter_of(replay.url)
    assert (await adapter.settings(MULTI)).trackers == ()
    with pytest.raises(Problem, match="not_found"):
        await adapter.settings("0" * 40)
    assert posted(replay) == []
    await adapter.close()


@pytest.fixture
def recorded() -> RecordedQbittorrent:
    """A recorded qBittorrent that was just started."""
    return RecordedQbittorrent(SAMPLES / OLD)


@pytest.fixture
def replay(recorded: RecordedQbittorrent) -> Iterator[Replay]:
    """That qBittorrent behind HTTP; what it has no answer for does nothing, in vain or not."""

    def answer(call: dict[str, Any]) -> Answer:
        if call["method"] == API + "torrents/trackers":
            return Answer(body=b'[{"url": "** [DHT] **", "tier": -1}]')
        told = recorded(call)
        return plain("") if told.status == 404 and call["verb"] == "POST" else told

    with Replay(answer) as running:
        yield running


def instead(replay: Replay, method: str, answer: Answer) -> None:
    """Another answer to one call."""
    sound = replay.answer
    replay.answer = lambda call: answer if call["method"] == API + method else sound(call)


def posted(replay: Replay) -> list[str]:
    """What was sent besides log-ins."""
    sent = [call["method"].removeprefix(API) for call in replay.calls if call["verb"] == "POST"]
    return [method for method in sent if method != "auth/login"]


@pytest.mark.parametrize("edit", EVERY, ids=lambda edit: edit.__struct_config__.tag)
async def test_an_edit_names_one_torrent(replay: Replay, edit: AnyEdit) -> None:
    """What the client does not hold is not found, and `all` is no name: nothing is sent."""
    adapter = adapter_of(replay.url)
    for download_id in ("0" * 40, "all", f"{MULTI}|{'0' * 40}"):
        with pytest.raises(Problem) as refused:
            await adapter.alter(download_id, edit)
        assert (refused.value.code, refused.value.status) == ("not_found", 404)
    assert posted(replay) == []
    await adapter.close()


@pytest.mark.parametrize("edit", EVERY, ids=lambda edit: edit.__struct_config__.tag)
async def test_what_an_old_version_lacks(replay: Replay, recorded: RecordedQbittorrent, edit: AnyEdit) -> None:
    """A call that is not there is a clear refusal; a torrent that left in between is not found."""
    recorded.torrents[MULTI]["priority"] = 1
    recorded.categories = {"films": {"name": "films", "savePath": ""}}
    sound = replay.answer
    missing = plain("Not Found", 404)
    replay.answer = lambda call: (
        missing if call["verb"] == "POST" and call["method"] != API + "auth/login" else sound(call)
    )
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem) as refused:
        await adapter.alter(MULTI, edit)
    assert (refused.value.code, refused.value.status) == ("unsupported", 501)

    def leaves(call: dict[str, Any]) -> Answer:
        if call["verb"] == "POST":
            recorded.torrents.pop(MULTI, None)
            return missing
        return sound(call)

    replay.answer = leaves
    with pytest.raises(Problem) as refused:
        await adapter.alter(MULTI, edit)
    assert (refused.value.code, refused.value.status) == ("not_found", 404)
    await adapter.close()


@pytest.mark.parametrize(
    "edit",
    [edit for edit in EVERY if not isinstance(edit, Reannounce | QueueMove | AddPeers)],  # theirs cannot be read
    ids=lambda edit: edit.__struct_config__.tag,
)
async def test_a_200_is_no_promise(replay: Replay, edit: AnyEdit) -> None:
    """What the client said yes to and did not do is a refusal, without an announce URL."""
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem) as refused:
        await adapter.alter(MULTI, edit)
    assert (refused.value.code, refused.value.status) == ("client_refused", 409)
    assert "tracker.test" not in f"{refused.value} {refused.value.extra}"
    await adapter.close()


async def test_a_queue_that_is_off(replay: Replay, recorded: RecordedQbittorrent) -> None:
    """The refusal says what to switch on."""
    recorded.torrents[MULTI]["priority"] = -1
    instead(replay, "torrents/topPrio", plain("Torrent queueing must be enabled", 409))
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem, match="switch on torrent queueing") as refused:
        await adapter.alter(MULTI, QueueMove(to=Place.TOP))
    assert (refused.value.code, refused.value.status) == ("queueing_off", 409)
    await adapter.close()


@pytest.mark.parametrize("status", [400, 403, 409])
async def test_a_folder_that_is_refused(replay: Replay, status: int) -> None:
    """In the client's words. Its 403 is of the folder and not of our session, which goes on."""
    instead(replay, "torrents/setLocation", plain("Cannot write to directory", status))
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem, match="Cannot write to directory") as refused:
        await adapter.alter(MULTI, Move(save_path="/read-only"))
    assert (refused.value.code, refused.value.status) == ("client_refused", 409)
    assert count(replay, "auth/login") == 1
    await adapter.close()


async def test_a_403_of_another_program(replay: Replay) -> None:
    """A proxy's page is not the client's word about a folder."""
    page = Answer(body=b"<html>no</html>", status=403, content_type="text/html")
    instead(replay, "torrents/setLocation", page)
    adapter = adapter_of(replay.url)
    with pytest.raises(ClientProtocolError, match="not in qBittorrent's words"):
        await adapter.alter(MULTI, Move(save_path="/moved"))
    await adapter.close()


async def test_a_session_that_ends_during_a_move(replay: Replay) -> None:
    """The plain word for it is about the session, there too."""
    instead(replay, "torrents/setLocation", plain("Forbidden", 403))
    adapter = adapter_of(replay.url)
    with pytest.raises(ClientAuthFailed):
        await adapter.alter(MULTI, Move(save_path="/moved"))
    assert count(replay, "auth/login") == 2
    await adapter.close()


async def test_a_refusal_of_trackers_is_not_repeated(replay: Replay) -> None:
    """The client's words may hold what it was sent."""
    instead(replay, "torrents/addTrackers", plain(f"Invalid: {TRACKER} {SECRET}", 400))
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem) as refused:
        await adapter.alter(MULTI, EditTrackers(add=(TRACKER,)))
    assert refused.value.code == "client_refused"
    assert SECRET not in str(refused.value)
    await adapter.close()


async def test_peers_that_are_not_dialled(replay: Replay) -> None:
    """It says how many it does not take."""
    adapter = adapter_of(replay.url)
    edit = AddPeers(peers=("127.0.0.1:1", "127.0.0.1:2"))
    instead(replay, "torrents/addPeers", Answer(body=json.dumps({MULTI: {"added": 1, "failed": 1}}).encode()))
    with pytest.raises(Problem, match="does not dial 1 of") as refused:
        await adapter.alter(MULTI, edit)
    assert refused.value.code == "client_refused"
    instead(replay, "torrents/addPeers", Answer(body=json.dumps({MULTI: {"added": 2, "failed": 0}}).encode()))
    await adapter.alter(MULTI, edit)
    await adapter.close()


async def test_a_category_is_made_first(replay: Replay, recorded: RecordedQbittorrent) -> None:
    """One that the client does not take changes nothing."""
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem) as refused:
        await adapter.alter(MULTI, SetCategory(category="a//b"))
    assert refused.value.code == "category_invalid"
    assert posted(replay) == ["torrents/createCategory"]
    await adapter.close()


@pytest.mark.parametrize(("folder", "stop", "start"), [(OLD, "pause", "resume"), (NEW, "stop", "start")])
async def test_all_of_them(folder: str, stop: str, start: str) -> None:
    """The only commands that are sent for `all`, under the version's names."""
    with Replay(RecordedQbittorrent(SAMPLES / folder)) as replay:
        adapter = adapter_of(replay.url)
        await adapter.control(PauseAll())
        await adapter.control(ResumeAll())
        await adapter.close()
        sent = [(call["method"], call["form"]) for call in replay.calls if call["form"].get("hashes")]
    assert sent == [(f"{API}torrents/{verb}", {"hashes": "all"}) for verb in (stop, start)]


class Speeds:
    """The settings of a qBittorrent; without `has_mode` it cannot be told which limits rule, only to change over."""

    def __init__(self, replay: Replay, *, has_mode: bool = True) -> None:
        self.alternative = False
        self.preferences = {"dl_limit": 0, "up_limit": 0, "proxy_password": "not ours"}
        self._has_mode = has_mode
        self._sound = replay.answer
        replay.answer = self

    def __call__(self, call: dict[str, Any]) -> Answer:
        """The answer to one request."""
        match call["method"].removeprefix(API):
            case "app/preferences":
                return Answer(body=json.dumps(self.preferences).encode())
            case "app/setPreferences":
                self.preferences |= {name: value // 1024 * 1024 for name, value in _sent(call).items()}
            case "transfer/speedLimitsMode":
                return plain(str(int(self.alternative)))
            case "transfer/setSpeedLimitsMode" if self._has_mode:
                self.alternative = call["form"]["mode"] == "1"
            case "transfer/setSpeedLimitsMode":
                return plain("Not Found", 404)
            case "transfer/toggleSpeedLimitsMode":
                self.alternative = not self.alternative
            case _:
                return self._sound(call)
        return plain("")


def _sent(call: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = json.loads(call["form"]["json"])
    return found


@pytest.mark.parametrize("has_mode", [True, False])
async def test_alternative_limits(replay: Replay, has_mode: bool) -> None:
    """As asked for, however often: a toggle, all that old versions have, is not sent where they already are so."""
    speeds = Speeds(replay, has_mode=has_mode)
    adapter = adapter_of(replay.url)
    for on in (False, True, True, False):
        await adapter.control(AlternativeLimits(on=on))
        assert speeds.alternative is on
        assert (await adapter.limits()).alternative is on
    assert count(replay, "transfer/toggleSpeedLimitsMode") == (0 if has_mode else 2)
    await adapter.close()


async def test_global_limits(replay: Replay) -> None:
    """The ordinary ones, whichever rule; it drops what is less than a KiB/s, so that they are sent in whole ones."""
    speeds = Speeds(replay)
    speeds.alternative = True
    adapter = adapter_of(replay.url)
    await adapter.control(GlobalLimits(download=1, upload=2049))
    assert await adapter.limits() == Limits(download=1024, upload=3072, alternative=True)
    await adapter.control(GlobalLimits(download=0))
    assert await adapter.limits() == Limits(download=None, upload=3072, alternative=True)
    with pytest.raises(Problem, match="limit_invalid"):
        await adapter.control(GlobalLimits(download=-5))
    await adapter.close()


async def test_limits_that_are_not_taken(replay: Replay) -> None:
    """It answers 200 to settings that it passes over."""
    instead(replay, "app/preferences", Answer(body=b'{"dl_limit": 0, "up_limit": 0}'))
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem, match="client_refused"):
        await adapter.control(GlobalLimits(upload=4096))
    instead(replay, "transfer/speedLimitsMode", plain("0"))
    with pytest.raises(Problem, match="client_refused"):
        await adapter.control(AlternativeLimits(on=True))
    await adapter.close()


async def test_what_an_add_with_options_sends(replay: Replay) -> None:
    """Each in the API's words, and nothing for what was not asked for."""
    adapter = adapter_of(replay.url)
    magnet = f"magnet:?xt=urn:btih:{'1' * 40}"
    options = {"tags": ("a", "b"), "sequential": True, "first_last": True, "download_limit": 1000, "upload_limit": 2000}
    await adapter.add(NewDownload(magnet=magnet, **options))  # type: ignore[arg-type]
    (form,) = [call["form"] for call in replay.calls if call["method"] == API + "torrents/add"]
    assert form == {
        "urls": magnet,
        "paused": "false",
        "stopped": "false",
        "tags": "a,b",
        "sequentialDownload": "true",
        "firstLastPiecePrio": "true",
        "dlLimit": "1000",
        "upLimit": "2000",
    }
    await adapter.close()


async def test_an_add_with_tags_that_cannot_be(replay: Replay) -> None:
    """Old versions pass over them and would add without; a comma would make two of one. Nothing is added."""
    adapter = adapter_of(replay.url)
    new = NewDownload(magnet=f"magnet:?xt=urn:btih:{'1' * 40}", tags=("a,b",))
    with pytest.raises(Problem, match="tag_invalid"):
        await adapter.add(new)
    instead(replay, "app/webapiVersion", plain("2.6.1"))
    with pytest.raises(Problem, match="unsupported"):
        await adapter.add(NewDownload(magnet=new.magnet, tags=("a",)))
    assert posted(replay) == []
    await adapter.close()

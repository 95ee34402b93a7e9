"""qBittorrent's adapter over the answers that it gives to edits: what it refuses, lacks, or leaves undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contract.adapter_suite import SAMPLES
from contract.qbittorrent.edit_cases import EVERY, SECRET, TRACKER
from sluice_client_poller.adapters.port import NewDownload
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, Problem
from sluice_common.model.edits import (
    AddPeers,
    AlternativeLimits,
    AnyEdit,
    EditTrackers,
    GlobalLimits,
    Limits,
    Move,
    PauseAll,
    Place,
    QueueMove,
    Reannounce,
    ResumeAll,
    SetCategory,
)
from support.recorded_qbittorrent import (
    API,
    MULTI,
    NEW,
    OLD,
    RecordedQbittorrent,
    adapter_of,
    count,
    instead,
    plain,
    posted,
)
from support.replay import Answer, Replay


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

"""qBittorrent's log-ins and commands over recorded replies: whom it refuses, and what it answers to an add."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from contract.adapter_suite import SAMPLES, WRONG_PASSWORD
from sluice_client_poller.adapters.port import NewDownload
from sluice_client_poller.adapters.qbittorrent import access
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, Problem
from support.hurried import Hurried
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
    polls,
    recorded_answer,
)
from support.replay import Answer, Replay
from support.torrents import raw_torrent

MAGNET = f"magnet:?xt=urn:btih:{'1' * 40}&dn=New"


async def test_a_refused_log_in_is_spaced_out(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """Five refusals ban the address, ours and that of whoever shares it: we ask seldom, and ever more so."""
    clock = Hurried()
    adapter = adapter_of(replay.url, WRONG_PASSWORD, clock)
    asked = []
    for pause in (0.0, access.AUTH_PAUSE + 1, 2 * access.AUTH_PAUSE + 1):
        clock.ahead += pause
        for _ in range(3):
            with pytest.raises(ClientAuthFailed, match="refused the user name or password") as refused:
                await adapter.poll()
            assert WRONG_PASSWORD not in str(refused.value)
        asked.append(count(replay, "auth/login"))
    assert asked == [1, 2, 3]
    clock.ahead += 2 * access.AUTH_PAUSE
    with pytest.raises(ClientAuthFailed):
        await adapter.poll()
    assert count(replay, "auth/login") == 3
    assert recorded.failed == 3
    await adapter.close()


async def test_a_ban_is_told_and_left_alone(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """While we are banned even the right password is refused: once, and then not for a while."""
    recorded.failed = 5
    clock = Hurried()
    adapter = adapter_of(replay.url, clock=clock)
    for _ in range(3):
        with pytest.raises(ClientAuthFailed, match="banned"):
            await adapter.poll()
    assert len(replay.calls) == 1
    recorded.failed, clock.ahead = 0, access.AUTH_PAUSE + 1
    assert (await adapter.poll()).rows
    await adapter.close()


@pytest.mark.parametrize("password", ["right", None])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html><h1>403 Forbidden</h1></html>", status=403, content_type="text/html"),
        Answer(body=b'{"error": "forbidden"}', status=403),
        Answer(body=b"", status=403, content_type="text/plain"),
        Answer(body=b"<h1>401: Unauthorized</h1>", status=401, content_type="text/html; charset=ISO-8859-1"),
        Answer(body=b'{"code": "key_required"}', status=401, content_type="application/problem+json"),
    ],
    ids=["page", "json", "nothing", "page that wants a log-in", "another API"],
)
async def test_a_refusal_by_another_program_is_no_wrong_password(answer: Answer, password: str | None) -> None:
    """Whoever listens there is not qBittorrent: the URL is to be mended, not the password."""
    with Replay(lambda _: answer) as replay:
        adapter = adapter_of(replay.url, password)
        with pytest.raises(ClientProtocolError, match="does not look like qBittorrent"):
            await adapter.poll()
        await adapter.close()


async def test_who_forbids_the_log_in_is_another_program() -> None:
    """qBittorrent lets everybody try, but for who is banned, which it says in its user's language."""
    with Replay(lambda _: plain("Forbidden", 403)) as replay:
        adapter = adapter_of(replay.url)
        with pytest.raises(ClientProtocolError, match="does not look like qBittorrent"):
            await adapter.poll()
        await adapter.close()
    with Replay(lambda _: plain("Ihre IP-Adresse wurde gebannt.", 403)) as replay:
        adapter = adapter_of(replay.url)
        with pytest.raises(ClientAuthFailed):
            await adapter.poll()
        await adapter.close()


async def test_a_page_in_front_of_it_gets_no_password(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """A proxy that forbids in the middle of a session: nobody logs in again because of it."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    page = Answer(body=b"<html>403</html>", status=403, content_type="text/html")
    replay.answer = lambda _: page
    with pytest.raises(ClientProtocolError, match="does not look like qBittorrent"):
        await adapter.poll()
    assert count(replay, "auth/login") == 1
    replay.answer = recorded
    assert (await adapter.poll()).rows
    await adapter.close()


async def test_an_expired_session_is_renewed_once(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """By one of the calls that notice it; a client that forbids everything all the same is not asked for ever."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    recorded.forget_sessions()
    await asyncio.gather(*(adapter.read(MULTI) for _ in range(4)))
    assert count(replay, "auth/login") == 2
    assert {call["cookie"] for call in replay.calls if call["method"] == API + "auth/login"} == {None}
    forbidden = plain("Forbidden", 403)
    replay.answer = lambda call: recorded(call) if call["method"] == API + "auth/login" else forbidden
    with pytest.raises(ClientAuthFailed, match="host name"):
        await adapter.poll()
    assert count(replay, "auth/login") == 3
    await adapter.close()


async def test_the_log_in_of_newer_versions(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """5.2 answers by status, and calls its cookie after its port: whatever it is called, it is echoed."""
    recorded.accepted = Answer(body=b"", status=204, headers=(("set-cookie", "QBT_SID_8080=a+/b=; HttpOnly"),))
    recorded.refused = plain("Unauthorized", 401)
    (poll,) = await polls(adapter_of(replay.url), 1)
    assert (len(poll.rows), replay.calls[-1]["cookie"]) == (5, "QBT_SID_8080=a+/b=")
    with pytest.raises(ClientAuthFailed, match="refused the user name"):
        await polls(adapter_of(replay.url, WRONG_PASSWORD), 1)


async def test_without_a_log_in(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """A client that trusts our address needs no password, and its session's cookie comes with any answer."""
    recorded.needs_log_in = False

    def answer(call: dict[str, Any]) -> Answer:
        told = recorded(call)
        return Answer(body=told.body, status=told.status, headers=(("Set-Cookie", "SID=trusted; path=/"),))

    replay.answer = answer
    adapter = adapter_of(replay.url, None)
    first, second = await adapter.poll(), await adapter.poll()
    assert (first.whole, first.restarted, second.whole) == (True, True, False)
    assert (replay.calls[-1]["cookie"], count(replay, "auth/login")) == ("SID=trusted", 0)
    recorded.forget_sessions()  # nothing but a full list where a part was asked for tells of its restart
    third, fourth = await polls(adapter, 2)
    assert (third.whole, third.restarted, fourth.whole) == (True, True, False)
    replay.answer, recorded.needs_log_in = recorded, True
    recorded.forget_sessions()
    with pytest.raises(ClientAuthFailed, match="no password is configured"):
        await polls(adapter_of(replay.url, None), 1)


@pytest.mark.parametrize(("folder", "stop", "start"), [(OLD, "pause", "resume"), (NEW, "stop", "start")])
async def test_commands_have_the_versions_names(folder: str, stop: str, start: str) -> None:
    """5.x stops and starts what 4.x pauses and resumes."""
    with Replay(RecordedQbittorrent(SAMPLES / folder)) as replay:
        adapter = adapter_of(replay.url)
        await adapter.pause(MULTI.upper())
        await adapter.resume(MULTI)
        await adapter.recheck(MULTI)
        await adapter.remove(MULTI, with_data=True)
        await adapter.close()
        sent = [(call["method"].removeprefix(API), call["form"]) for call in replay.calls if call["verb"] == "POST"]
    hashes = {"hashes": MULTI}
    deleted = ("torrents/delete", hashes | {"deleteFiles": "true"})
    assert sent[1:] == [*((f"torrents/{verb}", hashes) for verb in (stop, start, "recheck")), deleted]


@pytest.mark.parametrize("download_id", ["0" * 40, "all", "", f"{MULTI}|{'0' * 40}"])
async def test_a_command_names_one_torrent(replay: Replay, download_id: str) -> None:
    """qBittorrent takes any name without a word, and `all` for every torrent: none of that is sent."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    for command in (
        adapter.pause(download_id),
        adapter.recheck(download_id),
        adapter.remove(download_id, with_data=True),
        adapter.files(download_id),
    ):
        with pytest.raises(Problem) as refusal:
            await command
        assert (refusal.value.code, refusal.value.status) == ("not_found", 404)
    assert await adapter.read(download_id) is None
    assert [call["method"] for call in replay.calls if call["verb"] == "POST"] == [API + "auth/login"]
    await adapter.close()


async def test_what_an_add_sends(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """Both words for paused, a save path only with manual management, the magnet in one line as libtorrent reads it."""
    adapter = adapter_of(replay.url)
    assert await adapter.add(NewDownload(magnet=MAGNET, paused=True)) == "1" * 40
    assert replay.calls[-2]["form"] == {"urls": MAGNET, "paused": "true", "stopped": "true"}
    magnet = f"MAGNET:?xt.1=URN:BTIH:{'E' * 40}&dn=a b\nhttp://evil.test"
    await adapter.add(NewDownload(magnet=magnet, save_path="/d", category="tv"))
    await adapter.close()
    (form,) = [call["form"] for call in replay.calls if "savepath" in call["form"]]
    assert form.pop("urls") == f"magnet:?xt=urn:btih:{'e' * 40}&dn=a%20b%20http://evil.test"
    assert form == {"paused": "false", "stopped": "false", "savepath": "/d", "autoTMM": "false", "category": "tv"}
    assert recorded.categories == {"tv": {"name": "tv", "savePath": ""}}


async def test_a_category_that_is_refused_adds_nothing(replay: Replay) -> None:
    """It is made first, so that nothing lands without it; one that is there is not made again."""
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem) as refusal:
        await adapter.add(NewDownload(magnet=MAGNET, category="a//b"))
    assert (refusal.value.code, refusal.value.status) == ("category_invalid", 400)
    assert count(replay, "torrents/add") == 0
    for digit in "12":
        await adapter.add(NewDownload(magnet=MAGNET.replace("1" * 40, digit * 40), category="tv"))
    await adapter.close()
    assert count(replay, "torrents/createCategory") == 2


async def test_a_duplicate_under_another_name(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """`Fails.` for the v1 hash of a hybrid that is listed by its v2 hash and that we have not polled yet."""
    v1 = "3" * 40
    recorded.torrents["4" * 40] = recorded.torrents[MULTI] | {"infohash_v1": v1, "infohash_v2": "4" * 64}
    instead(replay, "torrents/add", plain("Fails."))
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem) as refusal:
        await adapter.add(NewDownload(magnet=MAGNET.replace("1" * 40, v1)))
    await adapter.close()
    assert (refusal.value.code, refusal.value.extra) == ("duplicate", {"id": "4" * 40})


async def test_a_name_that_changed_since_the_last_poll(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """A hybrid magnet whose metadata just came is still found by its old name; what is gone is asked for once."""
    magnet, gone, v2 = "a" * 40, MULTI, "2" * 64
    adapter = adapter_of(replay.url)
    await adapter.poll()
    recorded.torrents[v2[:40]] = recorded.torrents.pop(magnet) | {"infohash_v1": magnet, "infohash_v2": v2}
    del recorded.torrents[gone]
    found = await adapter.read(magnet)
    assert found is not None
    assert found.id == v2[:40]
    asked = count(replay, "torrents/info")
    assert await adapter.read(gone) is None
    assert count(replay, "torrents/info") == asked + 1
    await adapter.close()


async def test_the_very_name_beats_an_alias(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """A v1 torrent beside the hybrid with the same v1 hash: a command never takes the one for the other."""
    plain_id, v2 = "f" * 40, "a" * 64
    recorded.torrents[plain_id] = recorded.torrents[MULTI] | {"infohash_v1": plain_id}
    recorded.torrents[v2[:40]] = recorded.torrents[MULTI] | {"infohash_v1": plain_id, "infohash_v2": v2}
    adapter = adapter_of(replay.url)
    await adapter.poll()
    found = await adapter.read(plain_id)
    assert found is not None
    assert found.id == plain_id
    await adapter.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (recorded_answer(SAMPLES / OLD / "add_duplicate.txt"), "its log does"),
        (plain("Conflict", 409), "its log does"),
        (recorded_answer(SAMPLES / OLD / "add_garbage.txt"), "not a valid torrent"),
        (recorded_answer(SAMPLES / NEW / "add_garbage.txt"), "not a valid torrent"),
    ],
)
async def test_what_it_does_not_take(recorded: RecordedQbittorrent, replay: Replay, answer: Answer, words: str) -> None:
    """A refusal of what is no duplicate is the torrent's fault, in the client's words where it has any."""
    instead(replay, "torrents/add", answer)
    adapter = adapter_of(replay.url)
    with pytest.raises(Problem, match=words) as refusal:
        await adapter.add(NewDownload(torrent=raw_torrent("New", b"data").data))
    await adapter.close()
    assert (refusal.value.code, refusal.value.status) == ("torrent_invalid", 400)


async def test_an_add_is_verified(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """`Ok.` is no promise: what does not come into the list was not added. 5.2 answers in JSON."""
    adapter = adapter_of(replay.url)
    instead(replay, "torrents/add", plain("Ok."))
    with pytest.raises(ClientProtocolError, match="does not list it"):
        await adapter.add(NewDownload(magnet=MAGNET))
    told = Answer(body=json.dumps({"added_torrent_ids": [MULTI], "success_count": 1}).encode())

    def answer(call: dict[str, Any]) -> Answer:
        found = recorded(call)
        return told if call["method"] == API + "torrents/add" else found

    replay.answer = answer
    assert await adapter.add(NewDownload(magnet=MAGNET)) == "1" * 40
    await adapter.close()


async def test_about(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """Version, default folder, categories with folders of their own; none where an old API does not list them."""
    recorded.categories = {"tv": {"name": "tv", "savePath": "/tv"}, "x": {"name": "x", "savePath": ""}}
    adapter = adapter_of(replay.url)
    about = await adapter.about()
    assert (about.version, about.save_path, about.categories) == ("4.5.2", "/downloads", {"tv": "/tv", "x": None})
    instead(replay, "torrents/categories", plain("Not Found", 404))
    assert (await adapter.about()).categories == {}
    await adapter.add(NewDownload(magnet=MAGNET, category="tv"))
    await adapter.close()

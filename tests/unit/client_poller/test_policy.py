"""What a policy may touch, and when it tries again what failed."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from random import Random
from typing import cast

import msgspec
import pytest
from typing_extensions import override

from sluice_client_poller.commands import Commands
from sluice_client_poller.policy import LOOK_EVERY, RETRY_AT_MOST, StallPolicy, may_be_touched, still_stalls
from sluice_client_poller.session import Session
from sluice_common.contracts import rpc
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings, StalledSettings
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import IntentKind, State
from support.poll_machine import Time

DAY = 86400.0
OWNERS = {"tv": "sluice", "tv-sonarr": "sonarr"}
CLIENT = ClientSettings(type="deluge", url="http://127.0.0.1:1", owners=OWNERS, stalled=StalledSettings(action="pause"))


class OneDay(Time):
    """A day that passes as it is slept through."""

    @override
    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        if self.passed > DAY:
            raise EOFError


class Stuck:
    """Session and commands of one download that stays stalled, and that no command can change."""

    def __init__(self, clock: Time) -> None:
        self._clock = clock
        self.tries: list[tuple[float, str]] = []

    def quiet_for(self, seconds: float) -> list[Download]:
        return [Download(client="c", id="a", category="tv", state=State.DOWNLOADING, private=False)]

    async def ask(self, row: Download) -> Download | None:
        return row

    async def do(self, verb: str, body: object, request: rpc.Request) -> object:
        self.tries.append((self._clock.passed, request.request_id))
        raise Problem("client_refused", 409, "it will not")


async def test_what_fails_is_tried_less_and_less_often() -> None:
    """After a minute or so, then seldom, but never given up; every try is a request of its own."""
    clock, numbers = OneDay(), itertools.count()
    stuck = Stuck(clock)
    session, does = cast(Session, stuck), cast(Commands, stuck)
    policy = StallPolicy(session, does, CLIENT, clock=clock, random=Random(1), new_id=lambda: f"{next(numbers)}")
    with pytest.raises(EOFError):
        await policy.run()
    times, requests = zip(*stuck.tries, strict=True)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert 30 <= waits[0] <= 60 + LOOK_EVERY
    assert RETRY_AT_MOST / 2 <= min(waits[8:]) <= max(waits) <= RETRY_AT_MOST + LOOK_EVERY
    assert len(set(requests)) == len(requests)


KNOWN = Download(client="c", id="a", epoch="c1", category="tv", state=State.DOWNLOADING, done=5, private=False)


@pytest.mark.parametrize(
    ("changes", "still"),
    [
        ({}, True),
        ({"down_speed": 0}, True),
        ({"down_speed": 1}, False),
        ({"done": 6}, False),
        ({"state": State.PAUSED}, False),
        ({"state": State.QUEUED}, False),
        ({"state": State.CHECKING}, False),
        ({"epoch": "c2"}, False),
        ({"category": "tv-sonarr"}, False),
        ({"private": True}, False),
        ({"private": None}, False),
    ],
)
def test_what_got_on_since_it_was_looked_at_is_left_alone(changes: dict[str, object], still: bool) -> None:
    """It moves again, was paused or added anew, became another owner's, or turned out to be private."""
    assert still_stalls(KNOWN, msgspec.structs.replace(KNOWN, **changes), {"tv": "sluice"}) is still


def test_what_is_gone_is_left_alone() -> None:
    """Nothing is there to be touched."""
    assert not still_stalls(KNOWN, None, {"tv": "sluice"})


@pytest.mark.parametrize(
    ("category", "state", "done", "private", "may"),
    [
        ("tv", State.DOWNLOADING, 5, False, True),
        ("tv", State.DOWNLOADING, None, False, True),
        ("tv", State.DOWNLOADING, 0, True, True),
        ("tv", State.DOWNLOADING, 0, None, True),
        ("tv", State.FETCHING_METADATA, None, None, True),
        ("tv", State.FETCHING_METADATA, None, True, True),
        ("tv", State.DOWNLOADING, None, None, False),
        ("tv", State.DOWNLOADING, None, True, False),
        ("tv", State.DOWNLOADING, 5, True, False),
        ("tv", State.DOWNLOADING, 5, None, False),
        ("tv-sonarr", State.DOWNLOADING, 0, False, False),
        ("unheard-of", State.DOWNLOADING, 0, False, False),
        (None, State.DOWNLOADING, 0, False, False),
    ],
)
def test_what_may_be_touched(
    category: str | None, state: State, done: int | None, private: bool | None, may: bool
) -> None:
    """A hit-and-run on a private tracker costs an account, and what is not known may be one; another owner's downloads
    are not ours to touch."""
    row = Download(client="c", id="a", category=category, state=state, done=done, private=private)
    assert may_be_touched(row, OWNERS) is may


def test_what_is_being_removed_is_left_alone() -> None:
    """Whoever wants it gone has said so already."""
    intent = Intent(IntentKind.CANCEL, "me", "r", datetime(2026, 1, 1, tzinfo=UTC), with_data=False)
    row = Download(client="c", id="a", category="tv", state=State.DOWNLOADING, private=False)
    assert may_be_touched(row, OWNERS)
    assert not may_be_touched(msgspec.structs.replace(row, intent=intent), OWNERS)

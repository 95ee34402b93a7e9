"""What adapters of every kind share: what they refuse, how they read words, files and speeds."""

from __future__ import annotations

import pytest

from sluice_client_poller.adapters.checks import refuse_files, refuse_limits, refuse_trackers
from sluice_client_poller.adapters.padding import is_padding
from sluice_client_poller.adapters.throttle import is_throttled, is_used_up
from sluice_client_poller.adapters.words import plain_magnet, scrub
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import ChooseFiles, Limits

HASH = "ab" * 20
KEY = "0123456789pass"
TRACKERS = (f"http://one.test/{KEY}", f"HTTPS://[2001:db8::1]/{KEY}", f"udp://two.test:1/{KEY}")


@pytest.mark.parametrize(
    "url",
    [
        f"one.test/{KEY}",
        f"ftp://one.test/{KEY}",
        f"http:///{KEY}",
        f"http://[{KEY}",
        f"http://one.test/{KEY} b",
        f"http://one.test/{KEY}\n",
        f"http://one.test/{KEY}\x1f",
        "",
    ],
)
def test_what_is_no_tracker(url: str) -> None:
    """Refused wherever it stands, in words without pass keys."""
    refuse_trackers(TRACKERS)
    with pytest.raises(Problem) as refused:
        refuse_trackers((*TRACKERS, url))
    assert (refused.value.code, refused.value.status) == ("tracker_invalid", 400)
    assert str(refused.value) == (
        "tracker_invalid: a tracker's address begins with http://, https:// or udp:// and names a host;"
        " one of these does not"
    )
    assert KEY not in f"{refused.value} {refused.value.extra}"


@pytest.mark.parametrize(
    ("edit", "count", "refusal"),
    [
        (ChooseFiles(), 0, ("files_unknown", 409, "its files are not known yet; wait for its metadata")),
        (ChooseFiles(wanted=(2,)), 2, ("file_unknown", 400, "it has 2 files, numbered from 0; choose among them")),
        (ChooseFiles(unwanted=(-1,)), 1, ("file_unknown", 400, "it has 1 files, numbered from 0; choose among them")),
        (ChooseFiles(wanted=(0, 1), unwanted=(1,)), 2, ("file_twice", 400, "a file is wanted or not, not both")),
    ],
)
def test_files_that_cannot_be_chosen(edit: ChooseFiles, count: int, refusal: tuple[str, int, str]) -> None:
    """The refusal says what would be right."""
    refuse_files(ChooseFiles(wanted=(0,), unwanted=(1,)), 2)
    with pytest.raises(Problem) as refused:
        refuse_files(edit, count)
    assert (refused.value.code, refused.value.status, refused.value.detail) == refusal


def test_limits_below_nothing() -> None:
    """0 lifts a limit, None leaves it."""
    refuse_limits(None, 0, 0.5)
    with pytest.raises(Problem) as refused:
        refuse_limits(None, 1, -0.5)
    assert (refused.value.code, refused.value.status) == ("limit_invalid", 400)
    assert refused.value.detail == "a limit is 0, which lifts it, or more"


@pytest.mark.parametrize(
    ("path", "size", "is_one"),
    [
        (".pad/12", 12, True),
        ("Show/.pad/12", 12, True),
        ("Show/.pad/12", 13, False),
        ("Show/.pad/12.mkv", 12, False),
        ("Show.pad/12", 12, False),
    ],
)
def test_padding(path: str, size: int, is_one: bool) -> None:
    """Only what is called by its size."""
    assert is_padding(path, size) is is_one


@pytest.mark.parametrize(
    ("limit", "speed", "used_up"),
    [(100, 80, True), (100, 79, False), (100, 0, False), (100, None, False), (0, 5, False), (None, 5, False)],
)
def test_a_limit_that_is_used_up(limit: int | None, speed: int | None, used_up: bool) -> None:
    """From four fifths of it on, where there is one."""
    assert is_used_up(limit, speed) is used_up
    assert is_throttled(Limits(download=limit, upload=1), speed) is used_up


def test_alternative_limits_may_throttle() -> None:
    """What they allow is not told."""
    assert is_throttled(Limits(alternative=True), 0)
    assert not is_throttled(Limits(alternative=False), 0)
    assert not is_throttled(Limits(alternative=None), 0)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (f"no peers at https://me:{KEY}@one.test:1/{KEY}/announce?a=b#c, again", "no peers at one.test again"),
        (f"UDP://one.test/{KEY} and wss://two.test:1", "one.test and two.test"),
        (f"bad MAGNET:?xt=urn:btih:00&tr=http://one.test/{KEY} here", "bad magnet:… here"),
        ("nothing to hide: 12:30, a/b", "nothing to hide: 12:30, a/b"),
    ],
)
def test_words_carry_no_pass_keys(words: str, left: str) -> None:
    """Addresses become their hosts, magnets nothing."""
    assert scrub(words) == left


@pytest.mark.parametrize(
    ("uri", "plain"),
    [
        (
            f" MAGNET:?dn=A%20b&xt=urn%3Abtih%3A{HASH.upper()}&xt.1=urn:btmh:1220{'0' * 64}&&tr=udp%3A%2F%2Fx?a=b ",
            f"magnet:?xt=urn:btih:{HASH}&dn=A%20b&tr=udp%3A%2F%2Fx?a=b",
        ),
        (f"magnet:?XT=urn:btih:{HASH}&dn=next=1", f"magnet:?xt=urn:btih:{HASH}&dn=next=1"),
    ],
)
def test_plain_magnets(uri: str, plain: str) -> None:
    """Deluge only knows a literal `xt=urn:btih:`; names and trackers pass unchanged."""
    assert plain_magnet(uri, HASH) == plain

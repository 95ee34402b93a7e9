"""Which download is meant, and what may be added."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from sluice_cli import named
from sluice_cli.downloads import MAX_TORRENT_BYTES, source_fields
from sluice_cli.failure import Failure, WrongUsage
from sluice_cli.which import Which, pick

ROWS = [
    {"client": "one", "id": "abc1", "name": "A"},
    {"client": "one", "id": "abc12", "name": "B"},
    {"client": "two", "id": "abc1", "name": "C"},
    {"client": "two", "id": "def/é", "name": "D"},
]


def test_a_unique_beginning_names_a_download() -> None:
    """In any case; a whole id beats the beginning of another; CLIENT/ID tells clients apart."""
    assert pick("DEF", ROWS) == Which("two", "def/é", "D")
    assert pick("one/abc1", ROWS) == Which("one", "abc1", "A")
    assert pick("two/a", ROWS) == Which("two", "abc1", "C")
    assert pick("zzz", ROWS) is None
    assert pick("three/abc1", ROWS) is None


def test_several_that_fit_are_named() -> None:
    """Nothing is done to any of them, and the message shows how to tell them apart."""
    with pytest.raises(Failure, match=r"3 downloads: one/abc1 \(A\)"):
        pick("abc", ROWS)
    with pytest.raises(Failure, match="2 downloads"):
        pick("abc1", ROWS)


def test_an_id_is_one_part_of_a_path() -> None:
    """An id cannot reach another route."""
    assert Which("two", "def/é?x").path == "/downloads/two/def%2F%C3%A9%3Fx"


def test_sources(tmp_path: Path) -> None:
    """A magnet, a URL, and the bytes of a file."""
    torrent = tmp_path / "a.torrent"
    torrent.write_bytes(b"d4:infode")
    assert source_fields(" MAGNET:?xt=1") == {"magnet": "MAGNET:?xt=1"}
    assert source_fields("HTTPS://x/y") == {"url": "HTTPS://x/y"}
    assert source_fields(str(torrent)) == {"torrent": base64.b64encode(b"d4:infode").decode()}


def test_what_is_no_source(tmp_path: Path) -> None:
    """A typing error, a directory and a film are refused before anything is sent."""
    film = tmp_path / "film.mkv"
    with film.open("wb") as file:
        file.truncate(MAX_TORRENT_BYTES + 1)
    for source in ("magnt:?x", str(tmp_path), str(film), "", "a\x00b"):
        with pytest.raises(WrongUsage):
            source_fields(source)


def test_imports_and_media_items_by_a_unique_beginning() -> None:
    """From four characters on, in any case; a whole id beats every beginning; what fits several is not chosen."""
    rows = [{"id": "17", "name": "Z"}, {"id": "abcdef0123", "name": "A"}, {"id": "abcd", "name": "B"},
            {"id": "abce" * 8, "name": "C"}]  # fmt: skip
    assert named.pick("ABCDE", rows, named.IMPORT) == named.Named("abcdef0123", "abcdef01")
    assert named.pick("abcd", rows, named.IMPORT).id == "abcd"
    assert named.pick("17", rows, named.IMPORT).id == "17"
    for text, told in (("abc", "too short"), ("zzzz", "no import's id begins with 'zzzz'"), ("", "too short")):
        with pytest.raises(Failure, match=told):
            named.pick(text, rows, named.IMPORT)
    with pytest.raises(Failure, match=r"2 imports: 12345678a \(A\), 12345678b \(B\)"):
        named.pick("1234", [{"id": "12345678a", "name": "A"}, {"id": "12345678b", "name": "B"}], named.IMPORT)

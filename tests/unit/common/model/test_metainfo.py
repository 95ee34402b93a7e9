"""Reading .torrents and magnets from strangers: the hashes are libtorrent's, and nothing but a Problem comes out."""

from __future__ import annotations

import base64
from pathlib import Path

import libtorrent as lt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice_common.kit.errors import Problem
from sluice_common.model.metainfo import MAX_TORRENT_BYTES, Magnet, Metainfo, parse_magnet, parse_torrent
from support.torrents import Version, bencode, hostile_torrents, make_content, make_torrent, raw_torrent

HASH = "0123456789abcdef0123456789abcdef01234567"
HASH_V2 = "ab" * 32
INFO: dict[str | bytes, object] = {"name": "a.mkv", "piece length": 16384, "length": 5, "pieces": b"x" * 20}


def torrent(**changes: object) -> bytes:
    """A small v1 .torrent whose info has these keys changed; None takes one away."""
    info = INFO | {key.replace("_", " "): value for key, value in changes.items()}
    return bencode({"info": {key: value for key, value in info.items() if value is not None}})


def hashes_by_libtorrent(data: bytes) -> tuple[str, str | None]:
    """What libtorrent calls it: the v1 hash or the truncated v2 one, and the v2 hash."""
    hashes = lt.load_torrent_buffer(data).info_hashes
    v2 = str(hashes.v2) if hashes.has_v2() else None
    return str(hashes.v1) if hashes.has_v1() else str(hashes.get_best()), v2


@pytest.mark.parametrize("version", ["v1", "v2", "hybrid"])
@pytest.mark.parametrize("files", [40_000, {"a.mkv": 50_000, "Sub/b.srt": 700, "empty.txt": 0}])
def test_hashes_and_files_are_what_libtorrent_made(
    tmp_path: Path, version: Version, files: dict[str, int] | int
) -> None:
    """A torrent's id is the one its client will use, and its files are the content's, without padding."""
    content = make_content(tmp_path, "Show.S01", files)
    made = make_torrent(content, version=version, private=True, trackers=["http://tracker.test/announce?passkey=x"])
    read = parse_torrent(made.data)
    assert (read.info_hash, read.info_hash_v2) == hashes_by_libtorrent(made.data)
    assert read.info_hash == made.id
    assert (read.name, read.size, read.private) == ("Show.S01", content.size, True)
    assert sorted(read.files) == sorted(content.files)
    magnet = parse_magnet(made.magnet)
    assert (magnet.info_hash, magnet.info_hash_v2, magnet.trackers) == (read.info_hash, read.info_hash_v2, 1)


def test_the_hash_is_over_the_raw_bytes() -> None:
    """Keys out of order hash as they came, which is what every client does."""
    data = b"d4:infod6:pieces20:" + b"x" * 20 + b"12:piece lengthi16384e4:name5:a.mkv6:lengthi5eee"
    assert parse_torrent(data).info_hash == hashes_by_libtorrent(data)[0]


@pytest.mark.parametrize("kind", sorted(hostile_torrents()))
def test_hostile_names_are_data(kind: str) -> None:
    """A name that climbs out or is no file name is neither refused nor repaired: it is only a string here."""
    made = hostile_torrents()[kind]
    read = parse_torrent(made.data)
    assert read.info_hash == made.id
    assert read.name == made.name
    assert all(path.startswith(made.name) for path, _ in read.files)


def test_a_climbing_path_is_kept_verbatim() -> None:
    """The importer confines names; whoever shows them shows what the torrent says."""
    read = parse_torrent(raw_torrent("Harmless", [(["..", "..", "x.mkv"], b"12345")]).data)
    assert read.files == (("Harmless/../../x.mkv", 5),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"<html><body>Not found</body></html>",
        b"i5e",
        b"de",
        b"d4:infoi5ee",
        b"d4:infodee",
        b"d4:info" + b"d" * 200,
        b"l" * 100_000,
        b"d4:info" + b"le" * 400_000 + b"e",
        bencode({"info": INFO})[:-1],
        bencode({"info": INFO}) + b"d",
        b"d4:infod4:name1:a4:name1:bee",
        b"i99999999999999999999999999e",
        b"999999999999999999999999:a",
        b"-1:a",
        b"i-0e",
        b"i007e",
        torrent(name=None),
        torrent(name=b""),
        torrent(name=[]),
        torrent(length=-1),
        torrent(length=None),
        torrent(length="5"),
        torrent(piece_length=0),
        torrent(pieces=b"x" * 19),
        torrent(pieces=b"x" * 40),
        torrent(pieces=None),
        torrent(length=None, files=[]),
        torrent(length=None, files=[5]),
        torrent(length=None, files=[{"length": 5, "path": []}]),
        torrent(length=None, files=[{"length": 5, "path": [5]}]),
        torrent(length=None, files=[{"path": ["a"]}]),
        torrent(meta_version=2),
        torrent(meta_version=2, file_tree={"a": {"": {"length": 5, "pieces root": b"r" * 32}, "b": {}}}),
        torrent(meta_version=2, file_tree={"other.mkv": {"": {"length": 5, "pieces root": b"r" * 32}}}),
        torrent(meta_version=2, pieces=None, file_tree={"a.mkv": {"": {"length": 5}}}),
        torrent(meta_version=2, pieces=None, file_tree={"": {"": {"length": 0}}}),
        b"x" * (MAX_TORRENT_BYTES + 1),
    ],
    ids=lambda data: f"{data[:24]!r}-{len(data)}",
)
def test_what_is_not_a_torrent_is_refused(data: bytes) -> None:
    """Each refusal is a 400 with a stable code and says what is wrong."""
    with pytest.raises(Problem) as refusal:
        parse_torrent(data)
    assert (refusal.value.code, refusal.value.status) == ("torrent_invalid", 400)


def test_a_line_end_after_a_torrent_is_accepted() -> None:
    """Some trackers append one; clients do not mind."""
    assert parse_torrent(torrent() + b"\r\n").size == 5


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_a_problem(data: bytes) -> None:
    """No input from a stranger ends in another exception."""
    try:
        assert isinstance(parse_torrent(data), Metainfo)
    except Problem as problem:
        assert problem.code == "torrent_invalid"  # noqa: PT017 - either outcome is right


VALUES = st.recursive(
    st.integers(-(2**70), 2**70) | st.binary(max_size=40) | st.sampled_from([b"", b"..", b"x" * 20]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([b"", b"length", b"path", b"attr", b"pieces root", b"a"]), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [b"name", b"name.utf-8", b"pieces", b"piece length", b"length", b"files", b"file tree", b"meta version", b"private"]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES), st.booleans())
def test_well_formed_nonsense_raises_nothing_but_a_problem(changes: dict[bytes, object], plausible: bool) -> None:
    """Bencoded values of the wrong kind in every place are refused as such."""
    base = {(key.encode() if isinstance(key, str) else key): value for key, value in INFO.items()} if plausible else {}
    try:
        assert isinstance(parse_torrent(bencode({"info": {**base, **changes}})), Metainfo)
    except Problem as problem:
        assert problem.code == "torrent_invalid"  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (f"magnet:?xt=urn:btih:{HASH}", Magnet(info_hash=HASH, info_hash_v2=None, name=None, trackers=0)),
        (
            f"MAGNET:?dn=A+b%20c&xt=urn:btih:{HASH.upper()}&tr=udp%3A%2F%2Fx&tr.1=http://y",
            Magnet(info_hash=HASH, info_hash_v2=None, name="A b c", trackers=2),
        ),
        (
            f"magnet:?xt=urn:btih:{base64.b32encode(bytes.fromhex(HASH)).decode().lower()}",
            Magnet(info_hash=HASH, info_hash_v2=None, name=None, trackers=0),
        ),
        (
            f"magnet:?xt=urn:btmh:1220{HASH_V2}",
            Magnet(info_hash=HASH_V2[:40], info_hash_v2=HASH_V2, name=None, trackers=0),
        ),
        (
            f"magnet:?xt.1=urn:btih:{HASH}&xt.2=urn:btmh:1220{HASH_V2}",
            Magnet(info_hash=HASH, info_hash_v2=HASH_V2, name=None, trackers=0),
        ),
    ],
)
def test_magnets(uri: str, expected: Magnet) -> None:
    """Hex, base32 and multihash info-hashes in any spelling give the id that the client will use."""
    assert parse_magnet(uri) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "magnet:",
        "magnet:?",
        "magnet:?dn=No.Hash",
        "magnet:?xt=urn:btih:",
        f"magnet:?xt=urn:btih:{HASH[:-1]}",
        f"magnet:?xt=urn:btih:{'!' * 32}",
        f"magnet:?xt=urn:btih:{'é' * 32}",
        f"magnet:?xt=urn:btmh:1114{HASH}",
        f"magnet:?xt=urn:btih:{HASH}&xt=urn:btih:{'0' * 40}",
        f"http://example.test/?xt=urn:btih:{HASH}",
        f"magnet:?xt=urn:btih:{HASH}&dn={'x' * 70_000}",
    ],
)
def test_what_is_not_a_magnet_is_refused(uri: str) -> None:
    """A magnet without one info-hash is a 400 that says so."""
    with pytest.raises(Problem) as refusal:
        parse_magnet(uri)
    assert (refusal.value.code, refusal.value.status) == ("magnet_invalid", 400)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["", "magnet:?", f"magnet:?xt=urn:btih:{HASH}&", "magnet:?xt=urn:btih:"]))
def test_random_text_raises_nothing_but_a_problem(text: str, prefix: str) -> None:
    """No link from a stranger ends in another exception."""
    try:
        assert isinstance(parse_magnet(prefix + text), Magnet)
    except Problem as problem:
        assert problem.code == "magnet_invalid"  # noqa: PT017 - either outcome is right

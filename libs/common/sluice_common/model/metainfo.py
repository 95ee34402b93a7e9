"""What a .torrent or a magnet says about itself: hashes, names, sizes. Pure and bounded; nothing here touches a disk.

The input comes from strangers. Every refusal is a `Problem`; names are decoded and otherwise left as they are
(`../`, absolute, NUL, 300 bytes): whoever makes a path out of them confines it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import parse_qsl

import msgspec

from sluice_common.kit.errors import Problem

MAX_TORRENT_BYTES = 5 * 1024 * 1024
MAX_MAGNET_CHARS = 64 * 1024
_MAX_DEPTH = 100  # of nesting, as in libtorrent; a v2 file tree nests once a folder
_MAX_VALUES = 300_000  # a torrent of 40,000 files has this many; reading them takes half a second
_MAX_DIGITS = 19  # of an int64
_SHA1 = 20
_SHA256 = 32
_BTMH_SHA256 = "1220"  # multihash: the code of SHA2-256 and its length, then 64 hex digits (BEP 9, BEP 52)


class Metainfo(msgspec.Struct, frozen=True, kw_only=True):
    """A .torrent. `info_hash` is the v1 hash, or the truncated v2 one where there is no v1; hashes are lower-case hex.

    `files` are `(path, bytes)` in the torrent's order without padding, each path beginning with `name`. `size` is
    their sum. Names are as the torrent has them, undecodable bytes replaced.
    """

    info_hash: str
    info_hash_v2: str | None
    name: str
    size: int
    files: tuple[tuple[str, int], ...]
    private: bool


class Magnet(msgspec.Struct, frozen=True, kw_only=True):
    """A magnet link. The hashes are as in `Metainfo`; `name` is what it shows, None where it shows none."""

    info_hash: str
    info_hash_v2: str | None
    name: str | None
    trackers: int


def parse_torrent(data: bytes) -> Metainfo:
    """Read a .torrent (v1, v2 or hybrid). Raises `Problem("torrent_invalid", 400, …)` and nothing else."""
    if len(data) > MAX_TORRENT_BYTES:
        _refuse(f"it is larger than {MAX_TORRENT_BYTES} bytes")
    reader = _Bencode(data)
    root = reader.whole()
    info = root.get(b"info") if isinstance(root, dict) else None
    if reader.info is None or not isinstance(info, dict):
        _refuse("it has no info section; is it an HTML page or another file?")
    raw = data[reader.info]
    name = _name(info)
    listed = _listed(info, name)
    v2 = hashlib.sha256(raw).hexdigest() if info.get(b"meta version") == 2 else None
    v1 = hashlib.sha1(raw, usedforsecurity=False).hexdigest() if listed is not None else None
    files = _agreed(listed, _tree(info, name) if v2 is not None else None)
    return Metainfo(
        info_hash=v1 or (v2 or "")[: 2 * _SHA1],
        info_hash_v2=v2,
        name=name,
        size=sum(size for _, size in files),
        files=files,
        private=info.get(b"private") == 1,
    )


def parse_magnet(uri: str) -> Magnet:
    """Read a magnet link with a v1 (hex or base32) or v2 info-hash. Raises `Problem("magnet_invalid", 400, …)`."""
    scheme, _, query = uri.strip().partition("?")
    if scheme.lower() != "magnet:" or len(uri) > MAX_MAGNET_CHARS:
        _refuse_magnet("a magnet link begins with 'magnet:?' and is shorter than 64 kB")
    fields = [(key.partition(".")[0], value) for key, value in parse_qsl(query, errors="replace")]
    topics = [value for key, value in fields if key == "xt"]
    v1 = _only(topic for topic in map(_btih, topics) if topic)
    v2 = _only(topic for topic in map(_btmh, topics) if topic)
    if v1 is None and v2 is None:
        _refuse_magnet("it has no info-hash (xt=urn:btih:… or xt=urn:btmh:…); copy the whole link")
    return Magnet(
        info_hash=v1 or (v2 or "")[: 2 * _SHA1],
        info_hash_v2=v2,
        name=next((value for key, value in fields if key == "dn"), None),
        trackers=sum(key == "tr" for key, _ in fields),
    )


def _refuse(why: str) -> NoReturn:
    raise Problem("torrent_invalid", 400, f"this is not a usable .torrent: {why}")


def _refuse_magnet(why: str) -> NoReturn:
    raise Problem("magnet_invalid", 400, f"this is not a usable magnet link: {why}")


def _only(found: Iterator[str]) -> str | None:
    different = set(found)
    if len(different) > 1:
        _refuse_magnet("it names more than one info-hash")
    return different.pop() if different else None


def _btih(topic: str) -> str | None:
    prefix, digest = topic[:9].lower(), topic[9:]
    if prefix != "urn:btih:":
        return None
    if re.fullmatch(r"[0-9a-fA-F]{40}", digest):
        return digest.lower()
    try:
        return base64.b32decode(digest.upper()).hex() if len(digest) == 32 else None
    except (binascii.Error, ValueError):
        return None


def _btmh(topic: str) -> str | None:
    prefix, digest = topic[:9].lower(), topic[9:].lower()
    if prefix != "urn:btmh:" or not digest.startswith(_BTMH_SHA256) or not re.fullmatch(r"[0-9a-f]{68}", digest):
        return None
    return digest[len(_BTMH_SHA256) :]


def _name(info: dict[bytes, object]) -> str:
    """libtorrent prefers `name.utf-8`; a name is mandatory."""
    name = info.get(b"name.utf-8", info.get(b"name"))
    if not isinstance(name, bytes) or not name:
        _refuse("it has no name")
    return name.decode("utf-8", "replace")


def _listed(info: dict[bytes, object], name: str) -> tuple[tuple[str, int], ...] | None:
    """The v1 files without padding, or None where there is no v1 part."""
    pieces, piece_length = info.get(b"pieces"), info.get(b"piece length")
    if not isinstance(piece_length, int) or piece_length <= 0:
        _refuse("its piece length is not a positive number")
    if pieces is None:
        return None
    entries = list(_entries(info, name))
    total = sum(size for _, size, _ in entries)
    if not isinstance(pieces, bytes) or len(pieces) != _SHA1 * -(-total // piece_length):
        _refuse("its piece hashes do not fit its files")
    return tuple((path, size) for path, size, padding in entries if not padding)


def _entries(info: dict[bytes, object], name: str) -> Iterator[tuple[str, int, bool]]:
    files = info.get(b"files")
    if files is None:
        yield name, _length(info.get(b"length")), False
        return
    if not isinstance(files, list) or not files:
        _refuse("its file list is empty")
    for entry in files:
        if not isinstance(entry, dict):
            _refuse("an entry of its file list is not a dictionary")
        parts = entry.get(b"path.utf-8", entry.get(b"path"))
        if not isinstance(parts, list) or not parts:
            _refuse("a file has no path")
        attributes = entry.get(b"attr")
        yield _join(name, parts), _length(entry.get(b"length")), isinstance(attributes, bytes) and b"p" in attributes


def _join(name: str, parts: list[object]) -> str:
    decoded = [name]
    for part in parts:
        if not isinstance(part, bytes):
            _refuse("a file's path is not text")
        decoded.append(part.decode("utf-8", "replace"))
    return "/".join(decoded)


def _length(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        _refuse("a file's length is not a number")
    return value


def _tree(info: dict[bytes, object], name: str) -> tuple[tuple[str, int], ...]:
    """The v2 files (BEP 52): a tree of names whose leaf, under the empty name, holds the file."""
    tree = info.get(b"file tree")
    if not isinstance(tree, dict) or not tree:
        _refuse("its file tree is empty")
    found = list(_leaves(tree, ()))
    single = len(found) == 1 and found[0][0] == (name,)
    return tuple((name if single else "/".join((name, *parts)), size) for parts, size in found)


def _leaves(tree: dict[bytes, object], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    for part, below in tree.items():
        if not isinstance(below, dict) or not below:
            _refuse("its file tree has an empty branch")
        if part == b"":
            _refuse("a file of its file tree has no name")
        path = (*above, part.decode("utf-8", "replace"))
        if b"" not in below:
            yield from _leaves(below, path)
            continue
        leaf = below[b""]
        if len(below) > 1 or not isinstance(leaf, dict):
            _refuse("its file tree has something that is both a file and a folder")
        size, root = _length(leaf.get(b"length")), leaf.get(b"pieces root")
        if size and not (isinstance(root, bytes) and len(root) == _SHA256):
            _refuse("a file of its file tree has no hash")
        yield path, size


def _agreed(
    listed: tuple[tuple[str, int], ...] | None, tree: tuple[tuple[str, int], ...] | None
) -> tuple[tuple[str, int], ...]:
    """One list of files. A hybrid whose two halves differ would give two clients different files: refused."""
    if listed is not None and tree is not None and sorted(listed) != sorted(tree):
        _refuse("its v1 and v2 parts list different files")
    files = listed if listed is not None else tree
    if files is None:
        _refuse("it has neither v1 nor v2 hashes")
    return files


class _Bencode:
    """A strict reader of one bencoded value, bounded in depth and count, that remembers where `info` lies.

    The info-hash is over the bytes as they came, so unsorted keys are read as they are; keys that stand twice are
    refused, because two readers could choose differently.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._left = _MAX_VALUES
        self.info: slice | None = None

    def whole(self) -> object:
        """The value; only white space may follow, as some trackers append a line's end."""
        value = self._value(0)
        if self._data[self._at :].strip():
            _refuse("something follows its end")
        return value

    def _value(self, depth: int) -> object:
        self._left -= 1
        if depth > _MAX_DEPTH or self._left < 0:
            _refuse("it is nested too deeply or holds too many values")
        match self._data[self._at : self._at + 1]:
            case b"i":
                self._at += 1
                return self._number(b"e")
            case b"l":
                self._at += 1
                return list(self._items(depth))
            case b"d":
                self._at += 1
                return self._dictionary(depth)
            case _:
                return self._bytes()

    def _items(self, depth: int) -> Iterator[object]:
        while not self._ended():
            yield self._value(depth + 1)

    def _dictionary(self, depth: int) -> dict[bytes, object]:
        found: dict[bytes, object] = {}
        while not self._ended():
            key = self._bytes()
            if key in found:
                _refuse("a key stands twice")
            begin = self._at
            found[key] = self._value(depth + 1)
            if depth == 0 and key == b"info":
                self.info = slice(begin, self._at)
        return found

    def _ended(self) -> bool:
        if self._data[self._at : self._at + 1] != b"e":
            return False
        self._at += 1
        return True

    def _number(self, end: bytes) -> int:
        stop = self._data.find(end, self._at, self._at + _MAX_DIGITS + 2)
        digits = self._data[self._at : stop]
        if stop < 0 or not re.fullmatch(rb"0|-?[1-9][0-9]*", digits):
            _refuse("it is not bencoded; is it an HTML page or another file?")
        self._at = stop + 1
        return int(digits)

    def _bytes(self) -> bytes:
        length = self._number(b":")
        begin, self._at = self._at, self._at + length
        if length < 0 or self._at > len(self._data):
            _refuse("it is cut off or not bencoded")
        return self._data[begin : self._at]

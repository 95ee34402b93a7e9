"""Torrents for tests: content on disk with hashes of its own, its .torrent and magnet, and crafted hostile ones.

Only builds values and files; nothing here connects or runs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import libtorrent as lt
import msgspec

Version = Literal["v1", "v2", "hybrid"]
PIECE = 16 * 1024
_FLAGS: dict[Version, int] = {
    "v1": lt.create_torrent.v1_only,
    "v2": lt.create_torrent.v2_only,
    "hybrid": 0,
}


class Content(msgspec.Struct, frozen=True):
    """Files under `parent`, all within `name` (a folder, or the single file); their paths are relative to `parent`."""

    parent: Path
    name: str
    files: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """All bytes."""
        return sum(size for _, size in self.files)


class Torrent(msgspec.Struct, frozen=True):
    """What a person adds: the .torrent's bytes or the magnet. `id` is its v1 hash, or the truncated v2 one."""

    id: str
    data: bytes
    magnet: str
    name: str


def make_content(parent: Path, name: str, files: Mapping[str, int] | int) -> Content:
    """Random bytes under `parent/name`: a single file of `files` bytes, or a folder of `{path: size}`.

    The bytes are random, so that no two tests share an info-hash in one client.
    """
    sizes = {name: files} if isinstance(files, int) else {f"{name}/{path}": size for path, size in files.items()}
    for path, size in sizes.items():
        target = parent / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(os.urandom(size))
    return Content(parent, name, tuple(sorted(sizes.items())))


def make_torrent(
    content: Content,
    *,
    trackers: Sequence[str] = (),
    version: Version = "v1",
    private: bool = False,
    piece_size: int = PIECE,
) -> Torrent:
    """The .torrent and magnet of `content`, as libtorrent makes them. `piece_size` in bytes, a power of two."""
    creator = lt.create_torrent(lt.list_files(str(content.parent / content.name)), piece_size, _FLAGS[version])
    creator.set_priv(private)
    for tracker in trackers:
        creator.add_tracker(tracker)
    lt.set_piece_hashes(creator, str(content.parent))
    data = lt.bencode(creator.generate())
    params = lt.load_torrent_buffer(data)
    hashes = params.info_hashes
    best = hashes.v1 if hashes.has_v1() else hashes.get_best()
    return Torrent(id=str(best), data=data, magnet=lt.make_magnet_uri(params), name=content.name)


def bencode(value: object) -> bytes:
    """Bencode ints, bytes, strings (UTF-8), lists and dicts; keys are sorted as the format wants."""
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return bencode(value.encode())
        case list():
            return b"l" + b"".join(bencode(item) for item in value) + b"e"
        case dict():
            pairs = sorted((key.encode() if isinstance(key, str) else key, item) for key, item in value.items())
            return b"d" + b"".join(bencode(key) + bencode(item) for key, item in pairs) + b"e"
        case _:
            raise TypeError(f"bencode has no {type(value).__name__}")


def raw_torrent(name: str | bytes, files: Sequence[tuple[Sequence[str | bytes], bytes]] | bytes) -> Torrent:
    """A v1 .torrent with exactly these names, however hostile: one file's bytes, or `[(path parts, bytes), …]`."""
    info: dict[str, object] = {"name": name, "piece length": PIECE}
    if isinstance(files, bytes):
        body = files
        info["length"] = len(files)
    else:
        body = b"".join(data for _, data in files)
        info["files"] = [{"length": len(data), "path": list(parts)} for parts, data in files]
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
    info["pieces"] = b"".join(hashlib.sha1(piece, usedforsecurity=False).digest() for piece in pieces)
    digest = hashlib.sha1(bencode(info), usedforsecurity=False).hexdigest()
    shown = name if isinstance(name, str) else name.decode(errors="replace")
    return Torrent(id=digest, data=bencode({"info": info}), magnet=f"magnet:?xt=urn:btih:{digest}", name=shown)


def sparse_torrent(parent: Path, name: str, pieces: int) -> Torrent:
    """A file of `pieces` MiB that takes no room on the disk, and its .torrent: long to check, quick to make.

    The info-hash is of this name and size: one client holds such a torrent once.
    """
    with (parent / name).open("wb") as file:
        file.truncate(pieces << 20)
    digest = hashlib.sha1(bytes(1 << 20), usedforsecurity=False).digest()
    info = {"name": name, "piece length": 1 << 20, "length": pieces << 20, "pieces": digest * pieces}
    info_hash = hashlib.sha1(bencode(info), usedforsecurity=False).hexdigest()
    data = bencode({"info": info})
    return Torrent(id=info_hash, data=data, magnet=f"magnet:?xt=urn:btih:{info_hash}", name=name)


def hostile_torrents(body: bytes | None = None) -> dict[str, Torrent]:
    """Torrents whose names try to get out of the folder they are put in, or cannot be file names at all.

    Each has one file, with the bytes of `body`; random ones where none are given.
    """
    body = os.urandom(PIECE) if body is None else body
    return {
        "climbing_file": raw_torrent("Harmless", [(["..", "..", "climbed.mkv"], body)]),
        "climbing_name": raw_torrent("../../climbed.mkv", body),
        "absolute_file": raw_torrent("Harmless", [(["/tmp/absolute.mkv"], body)]),
        "absolute_name": raw_torrent("/tmp/absolute.mkv", body),
        "slash_in_part": raw_torrent("Harmless", [(["a/../../b.mkv"], body)]),
        "nul": raw_torrent("nul\0byte.mkv", body),
        "control": raw_torrent("bell\x07\x1b[2J\n.mkv", body),
        "long": raw_torrent("L" * 296 + ".mkv", body),
        "not_utf8": raw_torrent(b"\xff\xfe\x80.mkv", body),
        "dot": raw_torrent(".", [([".", "..", ""], body)]),
    }

"""Torrents made here: content on disk with hashes of its own, its .torrent and its magnet.

Only builds values and files; nothing here connects or runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import libtorrent as lt

Version = Literal["v1", "v2", "hybrid"]
PIECE = 16 * 1024
_FLAGS: dict[Version, int] = {
    "v1": lt.create_torrent.v1_only,
    "v2": lt.create_torrent.v2_only,
    "hybrid": 0,
}


@dataclass(frozen=True)
class Content:
    """Files under `parent`, all within `name` (a folder, or the single file); their paths are relative to `parent`."""

    parent: Path
    name: str
    files: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """All bytes."""
        return sum(size for _, size in self.files)


@dataclass(frozen=True)
class Torrent:
    """What a person adds: the .torrent's bytes or the magnet. `id` is its v1 hash, or the truncated v2 one."""

    id: str
    data: bytes
    magnet: str
    name: str


def make_content(parent: Path, name: str, files: Mapping[str, int] | int) -> Content:
    """Random bytes under `parent/name`: a single file of `files` bytes, or a folder of `{path: size}`.

    The bytes are random, so that no two of them share an info-hash in one client.
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

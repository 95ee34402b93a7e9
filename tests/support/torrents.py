"""Torrents for tests: those of the sandbox, and crafted hostile ones.

Only builds values and files; nothing here connects or runs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from sluice_embedded.sandbox.torrents import PIECE, Content, Torrent, Version, bencode, make_content, make_torrent

__all__ = [
    "PIECE",
    "Content",
    "Torrent",
    "Version",
    "bencode",
    "hostile_torrents",
    "make_content",
    "make_torrent",
    "raw_torrent",
    "sparse_torrent",
]


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

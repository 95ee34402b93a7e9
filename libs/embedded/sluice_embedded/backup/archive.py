"""The file: a tar in gzip, which any machine can look into. Written once from front to back, read twice.

`sluice-backup` (the format's number) comes first, so that a foreign file is known at once; then the configuration
(`files/…`, with the clients' passwords that `sluice init` stored) and the tables in pieces
(`tables/<schema>.<table>/<number>`, PostgreSQL's text format of COPY); then `manifest.json` with the checksum of every
other member. Nothing is ever extracted by the name that a member gives itself: names are compared, never used as paths.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

import msgspec

from sluice_embedded.backup.manifest import BackupRefused, Manifest, Member

FORMAT = 2  # 1 had no passwords of clients
MARK, MANIFEST = "sluice-backup", "manifest.json"
CONFIG, API_KEY = "files/sluice.yaml", "files/api-key"
PIECE = 4 * 1024 * 1024
_LARGEST = 16 * 1024 * 1024
_LEVEL = 6
_TABLE = re.compile(r"tables/([a-z][a-z0-9_]*\.[a-z_][a-z0-9_]*)/(\d{6})")
_SECRET = re.compile(r"files/secrets/client-([a-z0-9][a-z0-9_-]{0,31})-password")
_BLANK = bytes(tarfile.BLOCKSIZE)


class Writer:
    """Writes an archive to a file that is open for writing; `close` makes it whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._gzip = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, filename="", mtime=0)
        self._tar = tarfile.TarFile(fileobj=self._gzip, mode="w", format=tarfile.USTAR_FORMAT)
        self.members: dict[str, Member] = {}
        self._write(MARK, f"{MARK} {FORMAT}\n".encode())

    def add(self, name: str, content: bytes) -> None:
        """A further member."""
        self._write(name, content)
        self.members[name] = Member(len(content), hashlib.sha256(content).hexdigest())

    def add_piece(self, table: str, number: int, content: bytes) -> None:
        """The piece `number` (from 0, without gaps) of the table `schema.name`."""
        self.add(f"tables/{table}/{number:06}", content)

    def add_secret(self, client: str, content: bytes) -> None:
        """The password that Sluice keeps for a client."""
        self.add(_secret(client), content)

    def close(self, manifest: Manifest) -> None:
        """The manifest, which gets our members, and the end."""
        whole = msgspec.structs.replace(manifest, members=self.members)
        self._write(MANIFEST, msgspec.json.format(msgspec.json.encode(whole), indent=1))
        self._tar.close()
        self._gzip.close()

    def _write(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))


def check(path: Path) -> Manifest:
    """The manifest of an archive of which every byte was checked. BackupRefused for whatever is not as it was made."""
    seen: dict[str, Member] = {}
    manifest: Manifest | None = None
    for name, content in _members(path):
        if manifest is not None or name in seen:
            _damaged(path, f"{name!r} stands where it should not")
        if name == MANIFEST:
            manifest = _manifest(path, content)
        else:
            seen[name] = Member(len(content), hashlib.sha256(content).hexdigest())
    if manifest is None:
        _damaged(path, "it ends too early")
    if seen != manifest.members:
        wrong = sorted(
            key for key in seen.keys() | manifest.members.keys() if seen.get(key) != manifest.members.get(key)
        )
        _damaged(path, f"the checksum of {wrong[0]!r} is wrong, or it is missing")
    _check_pieces(path, manifest)
    return manifest


def _check_pieces(path: Path, manifest: Manifest) -> None:
    """Pieces are of tables that the manifest knows, in their order and without a gap."""
    following: dict[str, int] = {}
    for name in manifest.members:
        found = _TABLE.fullmatch(name)
        if found is None and name not in (CONFIG, API_KEY) and _SECRET.fullmatch(name) is None:
            _damaged(path, f"{name!r} has no business in it")
        if found is not None:
            table, number = found[1], int(found[2])
            if table not in manifest.tables or number != following.get(table, 0):
                _damaged(path, f"{name!r} stands where it should not")
            following[table] = number + 1


def pieces(path: Path, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """(`schema.table`, bytes) of a checked archive, front to back; each checked again, since time has passed."""
    for name, content in _members(path):
        found = _TABLE.fullmatch(name)
        if found is not None:
            yield found[1], _same(path, manifest, name, content)


def secrets(manifest: Manifest) -> dict[str, str]:
    """Client to the member with its password."""
    found = (_SECRET.fullmatch(name) for name in manifest.members)
    return {one[1]: one[0] for one in found if one is not None}


def _secret(client: str) -> str:
    return f"files/secrets/client-{client}-password"


def file_in(path: Path, manifest: Manifest, name: str) -> bytes | None:
    """The content of CONFIG, of API_KEY or of one of `secrets`; None where the archive has none."""
    if name not in manifest.members:
        return None
    return next((_same(path, manifest, name, content) for found, content in _members(path) if found == name), None)


def _same(path: Path, manifest: Manifest, name: str, content: bytes) -> bytes:
    if name not in manifest.members or hashlib.sha256(content).hexdigest() != manifest.members[name].sha256:
        _damaged(path, "it changed while it was read")
    return content


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every member behind the mark, to the very end of the file."""
    try:
        with gzip.open(path, "rb") as stream:
            if not _is_marked(path, stream):
                raise BackupRefused(f"{path} is not a backup that Sluice made")
            while (block := _read(path, stream, tarfile.BLOCKSIZE)) != _BLANK:
                yield _member(path, stream, block)
            while rest := stream.read(tarfile.RECORDSIZE):
                if rest.strip(b"\0"):
                    _damaged(path, "something stands behind its end")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        _damaged(path, str(error), error)
    except OSError as error:
        raise BackupRefused(f"cannot read {path}: {error.strerror or error}") from error


def _is_marked(path: Path, stream: gzip.GzipFile) -> bool:
    try:
        name, content = _member(path, stream, _read(path, stream, tarfile.BLOCKSIZE))
    except (gzip.BadGzipFile, BackupRefused):
        return False
    mark, _, number = content.partition(b" ")
    if name != MARK or mark != MARK.encode() or not number.strip().isdigit():
        return False
    if int(number) > FORMAT:
        raise BackupRefused(f"{path} was made by a newer Sluice (format {int(number)}): restore it with that version")
    return True


def _member(path: Path, stream: gzip.GzipFile, block: bytes) -> tuple[str, bytes]:
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.TarError, ValueError) as error:
        _damaged(path, str(error), error)
    if info.type != tarfile.REGTYPE or not 0 <= info.size <= _LARGEST:
        _damaged(path, f"{info.name!r} is no file of ours")
    padded = -(-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    return info.name, _read(path, stream, padded)[: info.size]


def _read(path: Path, stream: gzip.GzipFile, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        _damaged(path, "it ends too early")
    return content


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        _damaged(path, str(error), error)


def _damaged(path: Path, why: str, cause: BaseException | None = None) -> NoReturn:
    raise BackupRefused(f"{path} is damaged and cannot be used: {why}") from cause

"""A backup is read whole and as it was written, or refused: whatever was done to the file."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec
import pytest

from sluice_embedded.backup import archive
from sluice_embedded.backup.make import secret_files
from sluice_embedded.backup.manifest import BackupRefused, Manifest, Table
from sluice_embedded.backup.newfile import new_file
from sluice_embedded.backup.owners import OWNERS

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TABLES = {"library.files": Table(("id", "path"), 2), "library.none": Table(("id",), 0)}


def _write(path: Path, tables: dict[str, Table] | None = None) -> Path:
    with path.open("wb") as file:
        writer = archive.Writer(file)
        writer.add(archive.CONFIG, b"clients: {}\n")
        writer.add_piece("library.files", 0, b"1\ta\n2")
        writer.add_piece("library.files", 1, b"\tb\n")
        writer.close(Manifest(made_at=NOW, sluice="1", postgres="18.4", tables=tables or TABLES))
    return path


def _content(path: Path) -> tuple[Manifest, list[tuple[str, bytes]], bytes | None]:
    manifest = archive.check(path)
    return manifest, list(archive.pieces(path, manifest)), archive.file_in(path, manifest, archive.CONFIG)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Rows in their order, the configuration to the byte, and any tar can list it."""
    path = _write(tmp_path / "b.tar.gz")
    manifest, pieces, config = _content(path)
    assert pieces == [("library.files", b"1\ta\n2"), ("library.files", b"\tb\n")]
    assert (config, archive.file_in(path, manifest, archive.API_KEY)) == (b"clients: {}\n", None)
    assert (manifest.tables, manifest.rows, manifest.made_at) == (TABLES, 2, NOW)
    with tarfile.open(path) as tar:
        assert tar.getnames()[0] == "sluice-backup"
        assert tar.getnames()[-1] == "manifest.json"


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    """A copy that was cut short at any byte is not restored by half."""
    whole = _write(tmp_path / "b.tar.gz").read_bytes()
    cut = tmp_path / "cut.tar.gz"
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(BackupRefused):
            archive.check(cut)


def test_no_changed_byte_changes_what_is_restored(tmp_path: Path) -> None:
    """A flipped byte is refused; where it means nothing (gzip's own header), the content is the same."""
    path = _write(tmp_path / "b.tar.gz")
    whole, right, random = path.read_bytes(), _content(path), Random(7)
    changed, refused = tmp_path / "changed.tar.gz", 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= random.randrange(1, 256)
        changed.write_bytes(damaged)
        try:
            assert _content(changed) == right
        except BackupRefused:
            refused += 1
    assert refused > len(whole) * 0.95


def _tar(*members: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name != "sluice-backup":
                change(info)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


MARK = ("sluice-backup", b"sluice-backup 1\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a backup"),
        (b"hello", "is not a backup"),
        (gzip.compress(b"hello", mtime=0), "is not a backup"),
        (_tar(("etc/passwd", b"x")), "is not a backup"),
        (_tar(("sluice-backup", b"something else")), "is not a backup"),
        (_tar(("sluice-backup", b"sluice-backup 3\n")), "newer Sluice"),
        (_tar(MARK), "ends too early"),
        (_tar(MARK, ("manifest.json", b"{")), "damaged"),
        (_tar(MARK, ("manifest.json", b"[]")), "damaged"),
        (gzip.compress(gzip.decompress(_tar(MARK)) + b"x" * 512, mtime=0), "behind its end"),
    ],
    ids=["empty", "text", "gzip", "tar", "mark", "newer", "short", "json", "list", "behind"],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """What we did not make is said to be so, in a sentence."""
    path = tmp_path / "b.tar.gz"
    path.write_bytes(content)
    with pytest.raises(BackupRefused, match=words):
        archive.check(path)


def _hostile(name: str, change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> bytes:
    """An archive with a valid manifest that lists the hostile member, too."""
    with io.BytesIO() as out:
        writer = archive.Writer(out)
        writer.add(name, b"x")
        manifest = Manifest(made_at=NOW, sluice="1", postgres="18", tables=TABLES, members=writer.members)
    return _tar(MARK, (name, b"x"), ("manifest.json", msgspec.json.encode(manifest)), change=change)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/cron.d/x", "/etc/passwd", "files/../../x", "files/other", "tables/../x/000000",
        "tables/library.files/000001", "tables/library.unknown/000000", 'tables/library.files";drop/000000',
        "manifest.json/x",
    ],
)  # fmt: skip
def test_a_hostile_name_gets_nowhere(tmp_path: Path, name: str) -> None:
    """Only names of ours are known, even where the checksums agree; nothing is ever written by a member's name."""
    path = tmp_path / "b.tar.gz"
    path.write_bytes(_hostile(name))
    with pytest.raises(BackupRefused, match="damaged"):
        archive.check(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, tarfile.XHDTYPE])
def test_only_plain_files_are_members(tmp_path: Path, kind: bytes) -> None:
    """No link, no device, no extended header."""

    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = kind, "/etc/passwd"

    path = tmp_path / "b.tar.gz"
    path.write_bytes(_hostile(archive.CONFIG, change))
    with pytest.raises(BackupRefused, match="damaged"):
        archive.check(path)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """The second of two would win somewhere and the first elsewhere."""
    path = tmp_path / "b.tar.gz"
    path.write_bytes(_tar(MARK, (archive.CONFIG, b"a"), (archive.CONFIG, b"b")))
    with pytest.raises(BackupRefused, match="stands where it should not"):
        archive.check(path)


def test_a_file_that_changes_between_the_two_readings_is_noticed(tmp_path: Path) -> None:
    """What is restored is what was checked."""
    path = _write(tmp_path / "b.tar.gz")
    manifest = archive.check(path)
    with path.open("wb") as file:
        writer = archive.Writer(file)
        writer.add_piece("library.files", 0, b"1\tother\n")
        writer.close(manifest)
    with pytest.raises(BackupRefused, match="changed while it was read"):
        list(archive.pieces(path, manifest))


def test_a_backup_appears_whole_and_private_or_not_at_all(tmp_path: Path) -> None:
    """0600; nothing is left when writing fails; a file that is there, even one that came meanwhile, stays."""
    path = tmp_path / "b"
    with pytest.raises(ZeroDivisionError), new_file(path) as file:
        file.write(bytes(1 // len(b"")))
    assert list(tmp_path.iterdir()) == []
    with new_file(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert (path.read_bytes(), path.stat().st_mode & 0o777, list(tmp_path.iterdir())) == (b"whole", 0o600, [path])
    with pytest.raises(BackupRefused, match="exists already"), new_file(path):
        pass
    path.unlink()
    with pytest.raises(BackupRefused, match="exists already"), new_file(path):
        path.write_bytes(b"of somebody else")
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"of somebody else", [path])
    with pytest.raises(BackupRefused, match="cannot write"), new_file(tmp_path / "not there" / "b"):
        pass


def test_secret_files_are_listed_and_not_taken() -> None:
    """The paths behind `…_file`, wherever they stand; a file that is not YAML has none."""
    config = b"clients: {a: {password_file: /run/a}, b: {password: x}}\napps: [{api_key_file: /run/b}]\n"
    assert secret_files(config) == ("/run/a", "/run/b")
    assert secret_files(b"{") == ()


def test_every_schema_that_a_service_owns_is_kept() -> None:
    """A service that gets migrations gets into the backup."""
    owning = {path.parent.parent.name for path in ROOT.glob("services/*/*/migrations/versions")}
    assert {owner.package for owner in OWNERS} == owning
    assert all(owner.known for owner in OWNERS)

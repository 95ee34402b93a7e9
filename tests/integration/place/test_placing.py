"""Files into a library, on real file systems."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import xxhash

from sluice_importer.place import publish
from sluice_importer.place.attempt import open_attempt
from sluice_importer.place.errors import PlaceFailed
from sluice_importer.place.methods import Method, Watch
from sluice_importer.place.placing import place
from sluice_importer.place.source import not_here
from support.disk import CONTENT, FILE, TARGET, Disk, make_disk

METHODS: list[Method] = ["hardlink", "copy"]


def unread(path: Path) -> tuple[object, ...]:
    """All that a file's inode says, apart from when it was last read, and its content."""
    found = path.stat()
    content = path.read_bytes() if path.is_file() else None
    return found.st_ino, found.st_mode, found.st_uid, found.st_nlink, found.st_mtime_ns, found.st_ctime_ns, content


def test_a_hardlink_shares_the_seeds_inode_and_changes_nothing_of_it(disk: Disk) -> None:
    """Same inode; mode, owner and time are the seed's, and stay."""
    disk.source.chmod(0o640)
    before = disk.source.stat()
    placed = disk.place("hardlink", "require")
    after = disk.target.stat()
    assert (placed.method, placed.adopted, placed.path) == ("hardlink", False, TARGET)
    assert (placed.device, placed.inode) == (after.st_dev, after.st_ino) == (before.st_dev, before.st_ino)
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)
    assert disk.names() == ["Film (2020)", TARGET]


def test_a_copy_has_the_content_the_time_and_a_checksum(disk: Disk) -> None:
    """Another inode with equal bytes, and XXH3-128 of them; progress ends at the size."""
    seen: list[int] = []
    placed = disk.place("copy", watch=Watch(progress=seen.append))
    assert disk.target.read_bytes() == CONTENT
    assert disk.target.stat().st_ino == placed.inode != disk.source.stat().st_ino
    assert disk.target.stat().st_mtime_ns == disk.source.stat().st_mtime_ns
    assert (placed.method, placed.checksum) == ("copy", xxhash.xxh3_128_hexdigest(CONTENT))
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert disk.names() == ["Film (2020)", TARGET]


@pytest.mark.parametrize("method", METHODS)
def test_placing_again_adopts_what_is_there(disk: Disk, method: Method) -> None:
    """A second run gives the same file and touches nothing."""
    first = disk.place(method)
    before = unread(disk.target)
    again = disk.place(method, number=2)
    assert again.adopted
    assert (again.method, again.inode, again.path) == (method, first.inode, first.path)
    assert unread(disk.target) == before


def test_equal_content_is_adopted_and_told_as_the_copy_it_is(disk: Disk) -> None:
    """What somebody copied there by hand is not made twice, and is not called a hard link."""
    disk.target.parent.mkdir()
    disk.target.write_bytes(CONTENT)
    placed = disk.place("hardlink", "require")
    assert (placed.adopted, placed.method) == (True, "copy")
    assert placed.checksum == xxhash.xxh3_128_hexdigest(CONTENT)


@pytest.mark.parametrize("there", [b"another", CONTENT[:-1] + b"X", None])
def test_another_file_at_the_target_is_a_conflict_and_not_touched(disk: Disk, there: bytes | None) -> None:
    """Another size, the same size with other content, or a folder: refused, and all stays as it was."""
    disk.target.parent.mkdir()
    disk.target.mkdir() if there is None else disk.target.write_bytes(there)
    before = unread(disk.target)
    with pytest.raises(PlaceFailed) as failed:
        disk.place()
    assert (failed.value.code, failed.value.transient) == ("conflict", False)
    assert unread(disk.target) == before
    assert disk.names() == ["Film (2020)", TARGET]


def test_a_link_at_the_target_is_a_conflict_even_if_it_points_at_the_source(disk: Disk) -> None:
    """Links in the library are never followed."""
    disk.target.parent.mkdir()
    disk.target.symlink_to(disk.source)
    with pytest.raises(PlaceFailed, match="conflict"):
        disk.place()
    disk.target.unlink()
    disk.target.parent.rmdir()
    disk.target.parent.symlink_to(disk.downloads)
    with pytest.raises(PlaceFailed, match="target_not_a_folder"):
        disk.place()
    assert sorted(path.name for path in disk.downloads.iterdir()) == ["Film.2020"]


def test_what_comes_to_the_target_meanwhile_is_not_replaced(disk: Disk) -> None:
    """Two imports race for one name: the later one adopts or is refused, and leaves no trace."""
    with pytest.raises(PlaceFailed, match="conflict"):
        disk.place("copy", watch=Watch(progress=lambda _: put_there(disk, b"mine")))
    assert disk.target.read_bytes() == b"mine"
    disk.target.unlink()
    placed = disk.place("copy", number=2, watch=Watch(progress=lambda _: put_there(disk, CONTENT)))
    assert placed.adopted
    assert disk.names() == ["Film (2020)", TARGET]


def put_there(disk: Disk, content: bytes) -> None:
    """Somebody else files the target."""
    disk.target.parent.mkdir(exist_ok=True)
    disk.target.write_bytes(content)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS])
def test_without_renameat2_nothing_is_replaced_either(
    disk: Disk, method: Method, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network shares do not know RENAME_NOREPLACE: link and unlink give the same file, and the same refusal."""

    def unknown(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(publish, "rename_noreplace", unknown)
    assert not disk.place(method).adopted
    assert disk.target.read_bytes() == CONTENT
    assert disk.names() == ["Film (2020)", TARGET]
    disk.target.unlink()
    with pytest.raises(PlaceFailed, match="conflict"):
        disk.place("copy", number=2, watch=Watch(progress=lambda _: put_there(disk, b"mine")))
    assert disk.target.read_bytes() == b"mine"


def test_a_link_to_another_file_system_becomes_a_copy_only_where_links_are_preferred(apart: Disk) -> None:
    """`require` says cross_device; `prefer` copies, and the record tells it."""
    with pytest.raises(PlaceFailed) as failed:
        apart.place("hardlink", "require")
    assert (failed.value.code, failed.value.errno, failed.value.transient) == ("cross_device", errno.EXDEV, False)
    assert apart.names() == []
    placed = apart.place("hardlink", "prefer", number=2)
    assert (placed.method, placed.checksum) == ("copy", xxhash.xxh3_128_hexdigest(CONTENT))


def test_a_full_disk_is_said_before_anything_is_copied(small_mount: Path, tmp_path: Path) -> None:
    """ENOSPC from the allocation: no byte copied, nothing left, transient."""
    full = make_disk(tmp_path / "downloads", small_mount / "library")
    copied: list[int] = []
    with full.root, pytest.raises(PlaceFailed) as failed:
        full.place("copy", watch=Watch(progress=copied.append))
    assert (failed.value.code, failed.value.errno, failed.value.transient) == ("disk_full", errno.ENOSPC, True)
    assert copied == []
    assert full.names() == []


def test_a_disk_that_fills_while_copying_leaves_nothing(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where space cannot be taken beforehand a write fails in the middle: the source and library are as before."""

    def unsupported(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    with largest_file(len(CONTENT) // 2), pytest.raises(PlaceFailed) as failed:
        disk.place("copy")
    assert (failed.value.code, failed.value.errno) == ("file_too_large", errno.EFBIG)
    assert disk.names() == []
    assert disk.source.read_bytes() == CONTENT


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow past `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_read_only_library_says_so(small_mount: Path, tmp_path: Path) -> None:
    """EROFS has its own code."""
    made = make_disk(tmp_path / "downloads", small_mount / "library")
    subprocess.run(["mount", "-o", "remount,ro", small_mount], check=True)
    with made.root, pytest.raises(PlaceFailed) as failed:
        made.place()
    assert (failed.value.code, failed.value.transient) == ("read_only", True)


@contextmanager
def nobody() -> Iterator[None]:
    """An unprivileged user, if we are root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_library_that_may_not_be_written_says_so(disk: Disk) -> None:
    """EACCES has its own code, and nothing is left."""
    disk.library.chmod(0o555)
    with nobody(), pytest.raises(PlaceFailed) as failed:
        disk.place()
    disk.library.chmod(0o755)
    assert (failed.value.code, failed.value.errno) == ("permission_denied", errno.EACCES)
    assert disk.names() == []


def test_a_link_that_the_system_forbids_becomes_a_copy_only_where_links_are_preferred(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EPERM (another user's file under fs.protected_hardlinks, an immutable file, a file system without links)."""

    def forbidden(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", forbidden)
    with pytest.raises(PlaceFailed) as failed:
        disk.place("hardlink", "require")
    assert (failed.value.code, failed.value.transient) == ("link_not_permitted", False)
    assert disk.place("hardlink", "prefer", number=2).method == "copy"


@pytest.mark.parametrize(
    "file", ["../secret", "/etc/passwd", "Film.2020/../../secret", "a\0b", "", ".", "way/film.mkv"]
)
def test_no_source_outside_the_download_is_opened(disk: Disk, file: str) -> None:
    """Climbing, absolute paths, NUL, and a link on the way: refused before anything is read."""
    (disk.downloads.parent / "secret").write_bytes(CONTENT)
    (disk.downloads / "way").symlink_to(disk.source.parent)
    with pytest.raises(PlaceFailed) as failed:
        disk.place(file=file)
    assert failed.value.code == "unsafe_source"
    assert "\0" not in failed.value.path
    assert disk.names() == []


def test_only_regular_files_are_sources(disk: Disk) -> None:
    """A link, a pipe (which would block for ever) and a folder are refused without being opened."""
    (disk.downloads / "link.mkv").symlink_to(disk.source)
    os.mkfifo(disk.downloads / "pipe.mkv")
    for file in ("link.mkv", "pipe.mkv", "Film.2020"):
        with pytest.raises(PlaceFailed, match="unsafe_source"):
            disk.place(file=file)


def test_a_source_that_is_not_all_here_is_told_apart(disk: Disk) -> None:
    """Missing and incomplete are transient, with codes of their own; a file of the right size is here."""
    assert not_here(disk.downloads, FILE, len(CONTENT)) is None
    missing = not_here(disk.downloads, "Film.2020/other.mkv", 1)
    incomplete = not_here(disk.downloads, FILE, len(CONTENT) + 1)
    assert missing is not None
    assert incomplete is not None
    assert (missing.code, missing.transient) == ("source_missing", True)
    assert (incomplete.code, incomplete.transient) == ("source_incomplete", True)


def test_a_source_that_changes_while_it_is_copied_is_not_placed(disk: Disk) -> None:
    """A seed that is written to in the middle gives no file of two halves."""

    def touch(_: int) -> None:
        os.utime(disk.source)

    with pytest.raises(PlaceFailed) as failed:
        disk.place("copy", watch=Watch(progress=touch))
    assert (failed.value.code, failed.value.transient) == ("source_changed", True)
    assert disk.names() == []


def test_a_copy_can_be_stopped(disk: Disk) -> None:
    """What `check` raises ends the copy, and nothing is left of it."""

    class Stop(Exception):
        """The worker wants to stop."""

    copied: list[int] = []

    def stop() -> None:
        if copied:
            raise Stop

    with pytest.raises(Stop):
        disk.place("copy", watch=Watch(check=stop, progress=copied.append))
    assert 0 < copied[-1] < len(CONTENT)
    assert disk.names() == []


@pytest.mark.parametrize(
    "target", ["../out.mkv", "/out.mkv", ".sluice-root", ".sluice-import-1/x", "a/../b", "", "a\0"]
)
def test_a_target_that_leaves_the_library_is_refused(disk: Disk, target: str) -> None:
    """The plan makes none; the disk's room does not trust it."""
    with pytest.raises(PlaceFailed, match="unsafe_target"):
        disk.place(target=target)
    assert disk.names() == []


def test_an_empty_file_is_placed_by_every_method(disk: Disk) -> None:
    """No allocation, no chunk, still a file."""
    (disk.downloads / "empty.srt").touch()
    for number, method in enumerate(METHODS):
        with open_attempt(disk.root, "import", number) as attempt:
            place(attempt, disk.downloads, "empty.srt", 0, f"{method}.srt", method=method)
    assert disk.names() == ["copy.srt", "hardlink.srt"]

"""A link that is tried on real mounts, as a real other user: every refusal has its own cause, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sluice_common.contracts.doctor import Finding
from sluice_common.kit.settings import LibrarySettings
from sluice_importer.doctor.disk import look_at_library
from sluice_importer.doctor.findings import FinishedFile
from sluice_importer.place.root import init_root, open_root
from sluice_importer.place.trial import clear_scratch, open_scratch

CONTENT = b"a finished film"
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root mounts, and becomes somebody else")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that other users can get to, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="sluice-trial-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def look(downloads: Path, library: Path, **settings: str) -> dict[str, Finding]:
    """What is found of a library `films` and one finished file, by check."""
    file = FinishedFile(client="deluge", theirs="/d", root=downloads, path="film.mkv", size=len(CONTENT))
    configured = LibrarySettings.model_validate({"kind": "movies", "root": library, **settings})
    found = look_at_library("films", configured, {"deluge": [file]}, iter(f"{n:016x}" for n in range(9)).__next__)
    assert [path.name for path in library.iterdir() if path.name != ".sluice-root"] == []
    assert (downloads / "film.mkv").stat().st_nlink == 1
    return {finding.check: finding for finding in found}


def prepare(downloads: Path, library: Path) -> None:
    """A finished file and a marked library."""
    downloads.mkdir(parents=True, exist_ok=True)
    library.mkdir(parents=True, exist_ok=True)
    (downloads / "film.mkv").write_bytes(CONTENT)
    init_root(library, "films")


def told(found: dict[str, Finding]) -> dict[str, tuple[str, str | None]]:
    return {check: (finding.status.value, finding.code) for check, finding in found.items()}


FINE = {"library.marker": ("ok", None), "library.writable": ("ok", None)}


@contextmanager
def mounted(*words: object) -> Iterator[None]:
    """`mount` with these words; the last is the mount point, unmounted at the end."""
    subprocess.run(["mount", *map(str, words)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(words[-1])], check=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """The kernel sees an unprivileged user in us; only for root."""
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_one_file_system_and_one_user(place: Path) -> None:
    """The link is made and taken away; `method: copy` only reads."""
    prepare(place / "d", place / "l")
    assert told(look(place / "d", place / "l")) == {**FINE, "library.link": ("ok", None)}
    found = look(place / "d", place / "l", method="copy")
    assert told(found) == {**FINE, "library.link": ("ok", None)}
    assert "method: copy" in found["library.link"].detail


def test_several_files_of_several_clients(place: Path) -> None:
    """Each is tried by itself: the one before leaves no name behind on which the next would fail."""
    prepare(place / "d", place / "l")
    prepare(place / "e", place / "l")
    files = {
        client: [
            FinishedFile(client=client, theirs=folder, root=place / folder, path="film.mkv", size=len(CONTENT))
            for folder in ("d", "e")
        ]
        for client in ("deluge", "other")
    }
    found = look_at_library("films", LibrarySettings(kind="movies", root=place / "l"), files, lambda: "0" * 16)
    assert [(one.subject, one.status) for one in found if one.check == "library.link"] == [
        ("deluge → films", "ok"),
        ("other → films", "ok"),
    ]


@pytest.mark.parametrize(("link", "status"), [("require", "failed"), ("prefer", "warning")])
def test_two_file_systems(place: Path, link: str, status: str) -> None:
    """Both are named with where they are mounted; where a link is only preferred it is a warning."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        prepare(place / "d", Path(memory) / "l")
        found = look(place / "d", Path(memory) / "l", link=link)
    assert told(found) == {**FINE, "library.link": (status, "two_file_systems")}
    assert "/dev/shm" in found["library.link"].detail
    assert ("copied instead" in found["library.link"].detail) == (link == "prefer")


@needs_root
def test_one_file_system_through_two_mounts(place: Path) -> None:
    """A bind mount of each folder: the advice names their parent, which is to be mounted instead."""
    prepare(place / "disk/torrents", place / "disk/media")
    for name in ("downloads", "library"):
        (place / name).mkdir()
    with (
        mounted("--bind", place / "disk/torrents", place / "downloads"),
        mounted("--bind", place / "disk/media", place / "library"),
    ):
        found = look(place / "downloads", place / "library", link="require")
    assert told(found) == {**FINE, "library.link": ("failed", "two_mounts")}
    assert f"{place}/disk)" in found["library.link"].advice
    with mounted("--bind", place / "disk", place / "library"):
        assert told(look(place / "library/torrents", place / "library/media"))["library.link"] == ("ok", None)


@needs_root
def test_a_read_only_file_system(place: Path) -> None:
    """It is told of the library, and no link is tried."""
    (place / "l").mkdir()
    with mounted("-t", "tmpfs", "-o", "size=1m", "sluice-test", place / "l"):
        prepare(place / "d", place / "l")
        subprocess.run(["mount", "-o", "remount,ro", place / "l"], check=True)
        found = look(place / "d", place / "l")
    assert told(found) == {**FINE, "library.writable": ("failed", "read_only")}
    assert str(place / "l") in found["library.writable"].advice


@needs_root
def test_a_file_of_another_user(place: Path) -> None:
    """fs.protected_hardlinks: owner, mode and both uids are told; writable for our group, the link can be made."""
    prepare(place / "d", place / "l")
    (place / "l").chmod(0o777)
    with as_nobody():
        found = look(place / "d", place / "l", link="require")
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() == "0":  # the kernel's own default
        assert told(found) == {**FINE, "library.link": ("ok", None)}
        return
    assert told(found) == {**FINE, "library.link": ("failed", "protected_hardlinks")}
    assert "uid 65534" in found["library.link"].detail
    assert "same user (uid 0)" in found["library.link"].advice
    assert "UMASK 002" in found["library.link"].advice
    os.chown(place / "d/film.mkv", 0, 65534)
    (place / "d/film.mkv").chmod(0o664)
    with as_nobody():
        assert told(look(place / "d", place / "l"))["library.link"] == ("ok", None)


@needs_root
def test_a_library_of_another_user(place: Path) -> None:
    """Owner and mode of its root, and our uid."""
    prepare(place / "d", place / "l")
    with as_nobody():
        found = look(place / "d", place / "l")
    assert told(found) == {**FINE, "library.writable": ("failed", "permission_denied")}
    assert "uid 0, gid 0, mode 0755" in found["library.writable"].detail
    assert "uid 65534 may write it" in found["library.writable"].advice


@needs_root
def test_a_root_without_marker_that_cannot_be_written(place: Path) -> None:
    """Both are told, what must be mended first at first; another user's root and a read-only one are told apart."""
    (place / "l").mkdir()
    settings = LibrarySettings(kind="movies", root=place / "l")

    def found() -> list[Finding]:
        return look_at_library("films", settings, {}, lambda: "0" * 16)

    with as_nobody():
        first, second = found()
    assert (first.check, first.code) == ("library.writable", "permission_denied")
    assert "uid 65534 may write it" in first.advice
    assert (second.check, second.code) == ("library.marker", "marker_missing")
    assert "library.writable first" in second.advice
    assert "libraries init films" in second.advice
    with mounted("-t", "tmpfs", "-o", "ro,size=1m", "sluice-test", place / "l"):
        assert [one.code for one in found()] == ["read_only", "marker_missing"]
    assert [one.code for one in found()] == ["marker_missing"]
    assert list((place / "l").iterdir()) == []


@pytest.mark.parametrize(("link", "status"), [("require", "failed"), ("prefer", "warning")])
def test_before_anything_finished(place: Path, link: str, status: str) -> None:
    """A file of ours in the client's folder shows two file systems at once; where it can be linked that is said, and
    is no verdict yet. Of a client that could not be asked only a refusal is told. Nothing is left in either folder."""
    prepare(place / "d", place / "l")
    (place / "d/film.mkv").unlink()

    def found(root: Path, folder: Path) -> Finding:
        settings = LibrarySettings.model_validate({"kind": "movies", "root": root, "link": link})
        folders = {"deluge": [folder]}
        *_, last = look_at_library("films", settings, {"deluge": []}, lambda: "0" * 16, folders)
        *_, silent = look_at_library("films", settings, {"deluge": []}, lambda: "0" * 16, folders, {"deluge"})
        assert silent == last if last.status != "unknown" else silent.check == "library.writable"
        assert [path.name for path in root.iterdir()] == [".sluice-root"]
        return last

    untested = found(place / "l", place / "d")
    assert (untested.check, untested.subject) == ("library.link", "deluge → films")
    assert (untested.status, untested.code) == ("unknown", "no_file")
    assert f"a file of ours in {place / 'd'} can be hardlinked" in untested.detail
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        init_root(Path(memory), "films")
        apart = found(Path(memory), place / "d")
    assert (apart.status, apart.code) == (status, "two_file_systems")
    assert list((place / "d").iterdir()) == []


@needs_root
def test_before_anything_finished_in_a_folder_that_is_not_ours(place: Path) -> None:
    """Where we may not write, nothing is tried, and that is said with what will be."""
    (place / "l").mkdir()
    init_root(place / "l", "films")
    (place / "l").chmod(0o777)
    (place / "d").mkdir()
    settings = LibrarySettings(kind="movies", root=place / "l", link="require")
    with as_nobody():
        *_, last = look_at_library("films", settings, {}, lambda: "0" * 16, {"deluge": [place / "d"]})
    assert (last.status, last.code) == ("unknown", "no_file")
    assert last.detail.startswith("not tested yet")
    assert last.detail.endswith(f"will be hardlinked into {place / 'l'}")


@needs_root
def test_an_immutable_file(place: Path) -> None:
    """The other meaning of EPERM is not taken for the first, where the file system knows immutable files."""
    prepare(place / "d", place / "l")
    if subprocess.run(["chattr", "+i", place / "d/film.mkv"], capture_output=True, check=False).returncode != 0:
        assert told(look(place / "d", place / "l"))["library.link"] == ("ok", None)
        return
    try:
        found = look(place / "d", place / "l", link="require")
    finally:
        subprocess.run(["chattr", "-i", place / "d/film.mkv"], check=True)
    assert told(found)["library.link"] == ("failed", "link_not_permitted")
    assert "chattr -i" in found["library.link"].advice


def test_a_root_that_is_not_there_or_not_ours(place: Path) -> None:
    """Missing, without a marker, with another's: three causes, and nothing is written into any of them."""
    prepare(place / "d", place / "l")
    for code, change in (
        ("marker_of_another", lambda: (place / "l/.sluice-root").write_text("other\n")),
        ("marker_missing", lambda: (place / "l/.sluice-root").unlink()),
    ):
        change()
        before = sorted(place.joinpath("l").iterdir())
        assert told(look(place / "d", place / "l")) == {"library.marker": ("failed", code)}
        assert sorted(place.joinpath("l").iterdir()) == before
    file = FinishedFile(client="deluge", theirs="/d", root=place / "d", path="film.mkv", size=len(CONTENT))
    gone = LibrarySettings(kind="movies", root=place / "nowhere")
    (finding,) = look_at_library("films", gone, {"deluge": [file]}, lambda: "0" * 16)
    assert (finding.check, finding.code) == ("library.root", "root_missing")


_CRASH = """
import sys, time
from pathlib import Path
from sluice_importer.place.root import open_root
from sluice_importer.place.trial import open_scratch
with open_root(Path(sys.argv[1]), "films") as root, open_scratch(root, lambda: "ab" * 8) as scratch:
    open(f"/proc/self/fd/{scratch}/trial", "w").close()
    print("there", flush=True)
    time.sleep(600)
"""


def test_what_a_killed_run_left_is_taken_away_by_the_next(place: Path) -> None:
    """While it lives its directory is let alone; once it was killed the next run removes it."""
    prepare(place / "d", place / "l")
    process = subprocess.Popen([sys.executable, "-c", _CRASH, place / "l"], stdout=subprocess.PIPE, text=True)
    left = place / "l" / ".sluice-doctor-xabababababababab"
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        with open_root(place / "l", "films") as root:
            clear_scratch(root)
            assert (left / "trial").exists()
            process.send_signal(signal.SIGKILL)
            process.wait(30)
            assert (left / "trial").exists()
            with open_scratch(root, lambda: "cd" * 8):
                assert not left.exists()
    finally:
        process.kill()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
    assert [path.name for path in (place / "l").iterdir()] == [".sluice-root"]


def test_nobody_elses_directory_is_touched(place: Path) -> None:
    """An import's attempt, and what only looks like ours, stay."""
    prepare(place / "d", place / "l")
    names = [".sluice-doctor-1", ".sluice-doctor-xyz", ".sluice-import-1", "doctor"]
    for name in names:
        (place / "l" / name).mkdir()
    with open_root(place / "l", "films") as root:
        clear_scratch(root)
    assert sorted(path.name for path in (place / "l").iterdir()) == sorted([*names, ".sluice-root"])

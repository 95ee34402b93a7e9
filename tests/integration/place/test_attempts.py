"""The attempt's directory is a fence: who lost it changes nothing."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from sluice_common.kit.errors import Fenced
from sluice_importer.place.attempt import leftovers, open_attempt, sweep
from sluice_importer.place.methods import Method, Watch
from sluice_importer.place.placing import place
from support.disk import CONTENT, FILE, TARGET, Disk


def test_an_attempt_leaves_no_directory(disk: Disk) -> None:
    """Whether it ends well or not."""
    with open_attempt(disk.root, "import", 1):
        assert leftovers(disk.root) == [("import", 1)]
    with pytest.raises(RuntimeError), open_attempt(disk.root, "import", 2):
        raise RuntimeError
    assert disk.names() == []


def test_a_successor_takes_away_what_earlier_attempts_left(disk: Disk) -> None:
    """Only of its own import, and nothing that merely looks like it."""
    for name in (".sluice-import-1", ".sluice-import-2", ".sluice-other-1", ".sluice-import-x", "Film (2020)"):
        (disk.library / name / "folder").mkdir(parents=True)
        (disk.library / name / "file").write_bytes(b"half")
    sweep(disk.root, "import", up_to=2)
    assert sorted(path.name for path in disk.library.iterdir()) == [
        ".sluice-import-x",
        ".sluice-other-1",
        ".sluice-root",
        "Film (2020)",
    ]


def test_an_earlier_attempt_does_not_start_beside_a_later_one(disk: Disk) -> None:
    """It is fenced, and leaves the later one's directory alone."""
    with open_attempt(disk.root, "import", 3):
        with pytest.raises(Fenced), open_attempt(disk.root, "import", 2):
            pass
        assert leftovers(disk.root) == [("import", 3)]


@pytest.mark.parametrize("method", ["hardlink", "copy"])
@pytest.mark.parametrize("folder_exists", [False, True])
def test_a_zombie_makes_neither_file_nor_folder(disk: Disk, method: Method, folder_exists: bool) -> None:
    """The successor swept: every step of the one before is Fenced, and the library is as it was."""
    if folder_exists:
        disk.target.parent.mkdir()
    with ExitStack() as stack:
        zombie = stack.enter_context(open_attempt(disk.root, "import", 1))
        sweep(disk.root, "import", up_to=1)
        before = disk.names()
        with pytest.raises(Fenced):
            place(zombie, disk.downloads, FILE, len(CONTENT), TARGET, method=method)
        assert disk.names() == before
    assert disk.source.stat().st_nlink == 1


def test_a_zombie_that_slept_before_publishing_makes_no_folder(disk: Disk) -> None:
    """Its folders are made inside its directory too, so that they are fenced with it."""

    def take_over(copied: int) -> None:
        if copied == len(CONTENT):
            sweep(disk.root, "import", up_to=1)

    with pytest.raises(Fenced):
        disk.place("copy", watch=Watch(progress=take_over))
    assert disk.names() == []


@pytest.mark.parametrize("step", range(1, 7))
def test_a_zombie_that_slept_in_the_middle_of_a_copy_publishes_nothing(disk: Disk, step: int) -> None:
    """Taken over at any of its looks around, it ends Fenced or finds the successor's file, and changes nothing."""
    looks = 0

    def take_over() -> None:
        nonlocal looks
        looks += 1
        if looks == step:
            disk.place("hardlink", number=2)

    try:
        placed = disk.place("copy", number=1, watch=Watch(check=take_over))
    except Fenced:
        placed = None
    assert (placed is not None and placed.adopted) == (step == 1)
    assert looks >= step
    assert disk.names() == ["Film (2020)", TARGET]
    assert disk.target.stat().st_ino == disk.source.stat().st_ino
    assert disk.source.stat().st_nlink == 2


@pytest.mark.parametrize("import_id", ["", "../x", "a/b", ".", "a\0", "-a", "a" * 65])
def test_an_id_that_is_no_name_is_refused(disk: Disk, import_id: str) -> None:
    """The id becomes part of a directory's name."""
    with pytest.raises(ValueError, match="not an import's id"), open_attempt(disk.root, import_id, 1):
        pass

"""A root is used only while its marker says whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice_common.kit.errors import Problem
from sluice_importer.place.errors import RootUnavailable
from sluice_importer.place.root import MARKER, init_root, open_root


def test_a_marked_root_opens(tmp_path: Path) -> None:
    """`init_root` marks it, once and again."""
    init_root(tmp_path, "films")
    init_root(tmp_path, "films")
    assert (tmp_path / MARKER).read_text() == "films\n"
    with open_root(tmp_path, "films") as root:
        assert (root.path, root.library_id) == (tmp_path, "films")
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]


def test_an_unmarked_root_says_how_to_mark_it(tmp_path: Path) -> None:
    """What an unmounted share looks like: transient, with the command."""
    with pytest.raises(RootUnavailable, match="sluice libraries init films") as failed:
        open_root(tmp_path, "films")
    assert (failed.value.code, failed.value.transient) == ("root_unavailable", True)


def test_another_librarys_root_is_not_used_nor_taken(tmp_path: Path) -> None:
    """Two libraries mixed up in the configuration change nothing."""
    init_root(tmp_path, "films")
    with pytest.raises(RootUnavailable, match="'films'"):
        open_root(tmp_path, "tv")
    with pytest.raises(Problem, match="root_taken"):
        init_root(tmp_path, "tv")
    assert (tmp_path / MARKER).read_text() == "films\n"


def test_a_root_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A missing directory is more likely a missing mount than a new library."""
    for call in (init_root, open_root):
        with pytest.raises(RootUnavailable):
            call(tmp_path / "absent", "films")
    assert list(tmp_path.iterdir()) == []


def test_a_marker_that_is_a_link_is_not_believed(tmp_path: Path) -> None:
    """The marker is a file of the root itself."""
    (tmp_path / "elsewhere").write_text("films\n")
    (tmp_path / MARKER).symlink_to("elsewhere")
    with pytest.raises(RootUnavailable):
        open_root(tmp_path, "films")


def test_half_a_marker_of_a_crash_does_not_count(tmp_path: Path) -> None:
    """The marker is written aside and then named."""
    (tmp_path / f"{MARKER}.new").write_text("fil")
    with pytest.raises(RootUnavailable):
        open_root(tmp_path, "films")
    init_root(tmp_path, "films")
    open_root(tmp_path, "films").close()

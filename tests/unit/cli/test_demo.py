"""What the demo shows: pure text from a scene; and its directory, which is nobody else's."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sluice_cli.demo.home import home
from sluice_cli.demo.scene import Placed, Scene, Step, Title, draw, lines
from sluice_cli.demo.screen import Screen
from sluice_cli.failure import Failure

NAME = "Some.Show.S01E01.1080p.WEB-DL.x264-GRP.mkv"


def row(state: str = "downloading", progress: float = 0.0, importing: str = "none") -> dict[str, Any]:
    return {"state": state, "progress": progress, "down_speed": 350_000, "import": {"state": importing}}


def scene(*rows: dict[str, Any] | None) -> Scene:
    steps = [Step("A swarm of our own", 0.4), Step("A real Deluge", 1.5), Step("Sluice", 7.7)]
    return Scene(steps, [Title("Episode", NAME, each) for each in rows])


def placed(same: bool = True) -> Placed:
    return Placed("tv/Some Show/S.mkv", Path("/demo/media/tv/Some Show/S.mkv"), 4_000_000, 2_671_303_111, 2, same)


def drawn(shown: Scene, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(draw(shown))
    return capture.get()


def test_a_pipe_gets_every_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A line is told when it becomes true, and not again with every change of a speed."""
    with Screen(Console(file=io.StringIO()), scene(None)) as screen:
        screen.show()
        for progress in (0.0, 0.1, 0.3, 0.31, 1.0):
            screen.scene.titles[0].row = row(progress=progress)
            screen.show()
    told = capsys.readouterr().out.splitlines()
    assert told[:3] == ["A swarm of our own (0.4 s)", "A real Deluge (1.5 s)", "Sluice (7.7 s)"]
    assert told[3:] == [f"{NAME}: downloading, {quarter} %" for quarter in (0, 25, 100)]


def test_what_is_not_there_yet_is_not_told() -> None:
    """A step counts once it has its time, a title once it was added."""
    start = Scene([Step("A swarm of our own"), Step("Sluice", 3.0)], [Title("Episode", NAME)])
    assert list(lines(start)) == ["Sluice (3.0 s)"]


def test_a_copy_is_never_called_a_hardlink() -> None:
    """The words come from what the disk says, in a pipe and in a terminal."""
    for same, word in ((True, "hardlinked: the same 3.8 MiB"), (False, "a copy, 3.8 MiB")):
        shown = scene(row("seeding", 1.0, "imported"))
        shown.titles[0].placed = placed(same)
        assert word in "\n".join(lines(shown))
        assert word in drawn(shown)
        assert ("hardlinked" in drawn(shown)) is same


def test_the_picture_fits_a_small_terminal() -> None:
    """Both titles at their end are 24 lines at most at 80 columns: what does not fit cannot be drawn over."""
    shown = scene(row("seeding", 1.0, "imported"), row("seeding", 1.0, "imported"))
    for title in shown.titles:
        title.placed = placed()
    shown.seconds = 17.0
    picture = drawn(shown)
    assert len(picture.splitlines()) < 24
    assert "Both are in the library, 17.0 s after the first magnet." in picture
    assert picture.count("still seeding") == 2


def test_the_directory_goes_unless_it_is_to_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --keep nothing is left; with it, only the directory that was named is used."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with home(None) as place:
        assert place.top.parent == tmp_path
        (place.media / "tv/file").write_text("x")
    assert not list(tmp_path.iterdir())
    with home(tmp_path / "kept") as place:
        (place.media / "tv/file").write_text("x")
    assert (tmp_path / "kept/media/tv/file").exists()


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """--keep never writes into a directory that has something in it, and leaves that as it is."""
    (tmp_path / "mine").write_text("x")
    with pytest.raises(Failure, match="is not empty"), home(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]

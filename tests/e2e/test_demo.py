"""The demo as its user has it: a process that shows the whole path and leaves nothing."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from support.deluge import ENVIRONMENT
from support.waiting import wait

IN_THE_LIBRARY = re.compile(r"^(.+): in the library as (.+)$", re.MULTILINE)
MANY_SECONDS = 120.0


class Demo:
    """One run of the demo, whose temporary files are to be in `temporary`. What it says goes through a pipe, or with
    `terminal` through a terminal."""

    def __init__(self, temporary: Path, *options: str, deluge: Path = ENVIRONMENT, terminal: bool = False) -> None:
        self._place = temporary.parent
        self._heard = b""
        reading, writing = os.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(
            (sys.executable, "-m", "sluice_cli.demo", "--deluge", str(deluge), *options),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            env={**os.environ, "TMPDIR": str(temporary), "TERM": "xterm", "SLUICE_GATEWAY__PORT": "a user's own"},
            start_new_session=True,
        )
        os.close(writing)
        self._reader = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._reader.start()

    def _read(self, descriptor: int) -> None:
        """Until nobody has the other end any more, which is EIO at a terminal."""
        with os.fdopen(descriptor, "rb", buffering=0) as pipe, contextlib.suppress(OSError):
            while heard := pipe.read(65536):
                self._heard += heard

    def said(self) -> str:
        """All of it so far, without what drives a terminal."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._heard.decode(errors="replace"))

    def await_words(self, words: str) -> None:
        """Wait until it has said so."""
        wait(
            lambda: words in self.said() or self.process.poll() is not None,
            seconds=MANY_SECONDS,
            what=lambda: f"{words!r}; it said:\n{self.said()}",
        )
        wait(lambda: words in self.said(), what=self.said)

    def ended(self) -> int:
        """Its exit code once it has ended, and all of its words are here."""
        wait(lambda: self.process.poll() is not None, seconds=MANY_SECONDS, what=self.said)
        self._reader.join(timeout=MANY_SECONDS)
        return self.process.wait()

    def running(self) -> dict[int, str]:
        """The command lines by pid of what works in its directories or was told of them; a zombie does neither."""
        found = {int(entry.name): _doing(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
        return {pid: doing for pid, doing in found.items() if f"{self._place}/" in doing}

    def await_nothing_running(self) -> None:
        """The kernel takes a moment for children whose parent had to be killed."""
        wait(lambda: not self.running(), seconds=60, what=lambda: str(self.running()))


def _doing(process: Path) -> str:
    with contextlib.suppress(OSError):
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return f"{process.joinpath('cwd').readlink()}/ {command}"
    return ""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """An empty directory that PostgreSQL's own user can pass through when the tests run as root."""
    with TemporaryDirectory(prefix="sluice-test-demo-") as place:
        Path(place).chmod(0o711)
        temporary = Path(place) / "tmp"
        temporary.mkdir(mode=0o711)
        yield temporary


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    """Demos of a test are put in here, so that none outlives it."""
    started: list[Demo] = []
    yield started
    for demo in started:
        demo.process.kill()
        demo.process.wait()
        for pid in demo.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        demo.await_nothing_running()


def test_both_titles_are_hardlinked_and_it_ends(temporary: Path, demos: list[Demo]) -> None:
    """An episode and a movie are in the library, the very files that Deluge seeds; 0, and nothing runs any more."""
    kept = temporary.parent / "kept"
    demos.append(demo := Demo(temporary, "--once", "--keep", str(kept)))
    assert demo.ended() == 0, demo.said()
    placed = dict(IN_THE_LIBRARY.findall(demo.said()))
    assert sorted(Path(path).relative_to(kept / "media").parts[0] for path in placed.values()) == ["movies", "tv"]
    for name, path in placed.items():
        assert Path(path).samefile(kept / "deluge/downloads" / name), demo.said()
        assert Path(path).read_bytes() == (kept / "swarm/content" / name).read_bytes()
    assert "Both are in the library" in demo.said()
    for secret in (kept / "deluge-password", kept / "data/api-key"):
        assert secret.stat().st_mode & 0o077 == 0
        assert secret.read_text().strip() not in demo.said()
    demo.await_nothing_running()
    assert not list(temporary.iterdir())


def test_in_a_terminal_it_stays_until_ctrl_c(temporary: Path, demos: list[Demo]) -> None:
    """One can look around as long as one likes; Ctrl-C is a good end, after which there is no process and no file."""
    demos.append(demo := Demo(temporary, terminal=True))
    demo.await_words("Ctrl-C stops everything")
    assert len(list(temporary.iterdir())) == 1
    assert demo.process.poll() is None
    demo.process.send_signal(signal.SIGINT)
    assert demo.ended() == 0, demo.said()
    demo.await_nothing_running()
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("words", ["A swarm of our own", ": downloading"])
def test_ctrl_c_in_the_middle_leaves_nothing(temporary: Path, demos: list[Demo], words: str) -> None:
    """Stopped while the servers start or the downloads run: no process, no file, and an exit code that says so."""
    demos.append(demo := Demo(temporary))
    demo.await_words(words)
    demo.process.send_signal(signal.SIGINT)
    demo.process.send_signal(signal.SIGINT)
    assert demo.ended() == 130, demo.said()
    demo.await_nothing_running()
    assert not list(temporary.iterdir())


def test_a_killed_demo_leaves_nothing_running(temporary: Path, demos: list[Demo]) -> None:
    """SIGKILL cannot be answered, but every child, and every child of Sluice, ends with its parent."""
    demos.append(demo := Demo(temporary))
    demo.await_words("Sluice, with its own")
    assert len(demo.running()) > 5, "it would prove nothing"
    demo.process.kill()
    demo.process.wait()
    demo.await_nothing_running()


def test_a_deluge_that_dies_is_told(temporary: Path, demos: list[Demo]) -> None:
    """What ended is said with its last words, not waited for; then everything else is ended, too."""
    demos.append(demo := Demo(temporary))
    demo.await_words("A real Deluge")
    for pid, doing in demo.running().items():
        if "bin/deluged " in doing and "setpriv" not in doing:
            os.kill(pid, signal.SIGKILL)
    assert demo.ended() == 1
    assert "The demo failed: deluged ended" in demo.said()
    demo.await_nothing_running()
    assert not list(temporary.iterdir())


def test_without_a_deluge_it_says_what_to_do(temporary: Path, demos: list[Demo]) -> None:
    """No Deluge is no traceback, but a sentence with the command that installs it."""
    demos.append(demo := Demo(temporary, deluge=temporary / "nothing"))
    assert demo.ended() == 1
    assert "`make demo` installs" in demo.said()
    assert "Traceback" not in demo.said()
    assert not list(temporary.iterdir())

"""guessit in a process of its own: asked only for what is open, killed when it takes too long, gone when we are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sluice_names import Form, Release, parse
from sluice_names.guess import fill, is_open
from sluice_names.worker import Guesser

OPEN = "Never.Where.05.Down.Street.avi"
# Says that it is ready, notes each start, and answers only what does not contain "hang".
STUCK = """
import sys, time
with open(sys.argv[1], "a") as starts:
    starts.write("start\\n")
print("ready", flush=True)
for line in sys.stdin:
    if "hang" in line:
        time.sleep(3600)
    print('{"title": "Answered", "absolute_episodes": [5]}', flush=True)
"""


@pytest.fixture
def stuck(tmp_path: Path) -> tuple[str, ...]:
    """The command of a worker that hangs on purpose."""
    return (sys.executable, "-c", STUCK, str(tmp_path / "starts"))


def is_running(pid: int) -> bool:
    """Whether a child of ours is there and not yet reaped."""
    return Path(f"/proc/{pid}").exists()


def test_a_number_that_our_rules_leave_open_is_asked_of_guessit() -> None:
    """The real one, in its process: a number with a leading zero is believed."""
    with Guesser(deadline=60) as guesser:
        release = guesser.complete(OPEN, parse(OPEN))
        assert (release.title, release.absolute_episodes, release.form) == ("Never Where", (5,), Form.EPISODE)
        assert guesser.kills == 0


def test_what_our_rules_know_is_not_asked() -> None:
    """No process is even started."""
    with Guesser(command=("/nonexistent",)) as guesser:
        for name in (
            "Foo Bar 360",
            "Harrow.Lane.S01E01.1080p",
            "The.Glass.Orchard.2019",
            "holiday video.mp4",
            "a" * 40,
        ):
            assert guesser.complete(name, parse(name)) == parse(name)


def test_a_name_that_keeps_it_busy_is_given_up_and_the_next_is_answered(stuck: tuple[str, ...], tmp_path: Path) -> None:
    """It is killed, started again for the next name, and the name itself stays as our rules read it."""
    with Guesser(deadline=0.2, command=stuck) as guesser:
        assert guesser.complete("hang 05", parse("hang 05")) == parse("hang 05")
        assert guesser.kills == 1
        assert guesser.complete(OPEN, parse(OPEN)).title == "Answered"
    assert (tmp_path / "starts").read_text().count("start") == 2


def test_after_five_kills_nothing_is_asked_any_more(stuck: tuple[str, ...], tmp_path: Path) -> None:
    """A thousand hostile names cost five deadlines, not a thousand."""
    with Guesser(deadline=0.05, command=stuck) as guesser:
        for number in range(1000):
            guesser.complete(f"hang {number} 05", parse(f"hang {number} 05"))
        assert guesser.kills == 5
    assert (tmp_path / "starts").read_text().count("start") == 5


def test_its_process_ends_with_its_context(stuck: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left behind, also where the block raises."""
    pids: list[int] = []
    popen = subprocess.Popen.__init__

    def noted(self: subprocess.Popen[bytes], *given: object, **named: object) -> None:
        popen(self, *given, **named)  # type: ignore[call-overload]
        pids.append(self.pid)

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)

    def use() -> None:
        with Guesser(command=stuck) as guesser:
            guesser.complete(OPEN, parse(OPEN))
            assert is_running(pids[0])
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        use()
    assert not is_running(pids[0])


def test_a_worker_that_cannot_start_costs_nothing_but_its_answers() -> None:
    """The names stay as our rules read them."""
    with Guesser(command=(sys.executable, "-c", "raise SystemExit(1)")) as guesser:
        assert guesser.complete(OPEN, parse(OPEN)) == parse(OPEN)
        assert guesser.kills == 1


def test_what_our_rules_found_stays() -> None:
    """A guess fills what is open and changes nothing else."""
    ours = Release(title="Show 05", group="ours", languages=("de",))
    filled = fill(
        ours, Release(title="Show", absolute_episodes=(5,), group="theirs", languages=("en",), edition="uncut")
    )
    assert (filled.title, filled.group, filled.languages, filled.edition) == ("Show", "ours", ("de",), "uncut")
    assert is_open(ours)
    assert not is_open(filled)

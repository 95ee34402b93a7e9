"""`make bench`: every benchmark, one part after another; a part that was measured before is not measured again.

    PYTHONPATH=tests .venv/bin/python -m bench [--smoke] [--again] [--only idle scale takeover] [--sizes 1000 …]

Figures are JSON lines, in a file per part; `bench.report` makes docs/benchmarks.md of them.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import clients, finished, fleets, idle, report, scale, takeover
from bench.figures import Sheet, machine
from bench.product import Installation, installed
from support.clients import ClientMissing

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("qbittorrent", "transmission")
SIZES = (1000, 5000, 10_000)
FLEETS = (1, 20, 100)
IDLE_SIZE = 10_000
SHARED = 100  # clients of the pollers of which one is killed
ROOMS = ("clients", "fleets", "finished", "idle", "scale", "takeover")
_SMOKE_ROWS = 100

Part = tuple[str, Callable[[Installation, Path], Sheet]]


def parts(given: argparse.Namespace) -> list[Part]:
    """Everything that was asked for: the name of each part's file, and how it is measured."""
    chosen: list[Part] = []
    if "clients" in given.only:
        chosen += [_client_part(kind, size, smoke=given.smoke) for size in given.sizes for kind in given.kinds]
    if "fleets" in given.only:
        chosen += [_fleet_part(count, smoke=given.smoke) for count in given.fleets]
    if "finished" in given.only:
        count = 1 if given.smoke else 20
        measure = partial(finished.measure, count)
        chosen.append((Sheet("finished", "qbittorrent", count).name, measure))
    if "idle" in given.only:
        chosen += _idle_parts(given)
    if "scale" in given.only:
        chosen += [_scale_part(count, smoke=given.smoke) for count in given.fleets]
    if "takeover" in given.only:
        chosen.append(_takeover_part(smoke=given.smoke))
    return chosen


def _client_part(kind: str, size: int, *, smoke: bool) -> Part:
    length = clients.Length(samples=1, idle=1, samples_beside=1, idle_beside=1) if smoke else clients.Length()

    def measure(installation: Installation, directory: Path) -> Sheet:
        return clients.measure(kind, size, installation, directory, length)

    return Sheet("clients", kind, size).name, measure


def _fleet_part(count: int, *, smoke: bool) -> Part:
    rows, length = (_SMOKE_ROWS, fleets.Length(pages=3, seconds=2)) if smoke else (fleets.ROWS, fleets.Length())

    def measure(installation: Installation, directory: Path) -> Sheet:
        return fleets.measure(count, rows, installation, length)

    return Sheet("fleets", f"{count}-clients", rows).name, measure


def _idle_parts(given: argparse.Namespace) -> Iterator[Part]:
    """Those of a folder that is not there are said to be left out; so are those of programs that are not there."""
    count = _SMOKE_ROWS if given.smoke else IDLE_SIZE
    length = idle.Length(rest=0, settle=0.5, settle_watched=0.5, seconds=1, pause=0.5) if given.smoke else idle.Length()
    for subject in idle.SUBJECTS:
        if subject.kind not in given.kinds:
            continue
        if subject.newer and not given.trixie.is_dir():
            print(f"idle, newer {subject.kind}: not run: needs make trixie ({given.trixie})", file=sys.stderr)
            continue
        root = given.trixie if subject.newer else None
        try:
            sheet = Sheet("idle", f"{subject.kind}-{idle.version_of(subject.kind, root)}", count)
        except RuntimeError as missing:  # not installed, or half a folder
            print(f"idle, {subject.kind}: {missing}", file=sys.stderr)
            continue
        yield sheet.name, partial(idle.measure, subject, root, sheet, length)


def _scale_part(count: int, *, smoke: bool) -> Part:
    length = scale.Length(settle=1, seconds=3, probed=2) if smoke else scale.Length()

    def measure(installation: Installation, directory: Path) -> Sheet:
        return scale.measure(count, fleets.ROWS, installation, length)

    return Sheet("scale", f"{count}-clients", fleets.ROWS).name, measure


def _takeover_part(*, smoke: bool) -> Part:
    count, length = (10, takeover.Length(rounds=1, settle=1)) if smoke else (SHARED, takeover.Length())

    def measure(installation: Installation, directory: Path) -> Sheet:
        return takeover.measure(count, directory, length)

    return takeover.sheet_of(count).name, measure


def run(chosen: list[Part], figures: Path, *, again: bool) -> bool:
    """Measure what is not there yet. A part that fails is told, and does not keep the others from it."""
    sound, began = True, time.monotonic()
    with ExitStack() as stack:
        installation: Installation | None = None
        for name, measure in chosen:
            if (figures / name).exists() and not again:
                print(f"{name}: measured before", file=sys.stderr)
                continue
            if installation is None:
                figures.mkdir(parents=True, exist_ok=True)
                (figures / report.MACHINE).write_text(f"{machine()}\n")
            installation = installation or stack.enter_context(installed())
            sound &= _measure(name, measure, installation, figures)
            print(f"{name}: {time.monotonic() - began:.0f} s since the start", file=sys.stderr)
    return sound


def _measure(name: str, measure: Callable[[Installation, Path], Sheet], home: Installation, figures: Path) -> bool:
    try:
        with TemporaryDirectory(prefix="sluice-bench-", ignore_cleanup_errors=True) as directory:
            measure(home, Path(directory)).write(figures)
    except ClientMissing as missing:
        print(f"{name}: {missing}", file=sys.stderr)
    except Exception as error:  # whatever broke this part, the others are worth their time
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    return True


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--smoke", action="store_true", help="once, and small: whether it runs, no figures to quote")
    parser.add_argument("--again", action="store_true", help="measure also what was measured before")
    parser.add_argument("--only", nargs="+", choices=ROOMS, default=ROOMS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="of real clients")
    parser.add_argument("--sizes", nargs="+", type=int, help="torrents in a real client")
    parser.add_argument("--fleets", nargs="+", type=int, help="clients in a fleet")
    parser.add_argument("--trixie", type=Path, default=ROOT / "build" / "trixie", help="the folder of `make trixie`")
    parser.add_argument("--figures", type=Path, default=ROOT / "build" / "bench", help="where the JSON lines go")
    parser.add_argument("--page", type=Path, help="where the page goes")
    given = parser.parse_args()
    given.sizes = given.sizes or ([_SMOKE_ROWS] if given.smoke else SIZES)
    given.fleets = given.fleets or ([1] if given.smoke else FLEETS)
    if given.smoke and given.figures == parser.get_default("figures"):
        given.figures = given.figures / "smoke"
    given.page = given.page or (given.figures / "page.md" if given.smoke else ROOT / "docs" / "benchmarks.md")
    return given


def main() -> int:
    """Measure, and write the page."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it started ends with it
    given = arguments()
    print(machine(), file=sys.stderr)
    with idle.clients_of(None):  # what is called this machine's client is that, whatever the tests are told to run
        sound = run(parts(given), given.figures, again=given.again or given.smoke)
    report.write(given.figures, given.page)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())

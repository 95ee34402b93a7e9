"""Breaks the pure rooms on purpose, one small change at a time, and lists what the tests did not notice.

    .venv/bin/python tests/tools/mutate.py [PATTERN …]      # e.g. 'sluice_client_poller.holds*'

mutmut knows packages below `src/` only, so it works on a copy that has them there. Each survivor is printed as what it
changed. It is either a test that is missing, or stands with its reason in tests/tools/survivors.txt; exit code 1 for
any other, and for a reason that no survivor needs any more.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
POLLER, CONTRACTS = "tests/unit/client_poller", "tests/unit/common/contracts"
ROOMS = {
    "sluice_common/contracts/frames.py": (f"{CONTRACTS}/test_frames.py", f"{CONTRACTS}/test_frame_parts.py"),
    "sluice_client_poller/settle.py": (f"{POLLER}/test_settle.py",),
    "sluice_client_poller/holds.py": (f"{POLLER}/test_holds.py",),
    "sluice_client_poller/derive.py": (f"{POLLER}/test_derive.py",),
    "sluice_client_poller/pace.py": (f"{POLLER}/test_pace.py",),
    "sluice_client_poller/known.py": (f"{POLLER}/test_known.py",),
    "sluice_client_poller/ticks.py": (f"{POLLER}/test_ticks.py",),
    "sluice_client_poller/stalls.py": (f"{POLLER}/test_stalls.py",),
    "sluice_client_poller/picture.py": (f"{POLLER}/test_picture.py", f"{POLLER}/test_picture_names.py"),
    "sluice_client_poller/adapters/qbittorrent/mirror.py": (f"{POLLER}/adapters/test_qbittorrent_mirror.py",),
    "sluice_client_poller/adapters/transmission/mirror.py": (f"{POLLER}/adapters/test_transmission.py",),
    "sluice_client_poller/adapters/deluge/epochs.py": (f"{POLLER}/adapters/test_deluge.py",),
    "sluice_client_poller/adapters/checks.py": (f"{POLLER}/adapters/test_shared.py",),
    "sluice_client_poller/adapters/padding.py": (f"{POLLER}/adapters/test_shared.py",),
    "sluice_client_poller/adapters/throttle.py": (f"{POLLER}/adapters/test_shared.py",),
    "sluice_client_poller/adapters/words.py": (f"{POLLER}/adapters/test_shared.py",),
    "sluice_client_poller/adapters/versions.py": (f"{POLLER}/test_versions.py",),
    "sluice_client_poller/share.py": (f"{POLLER}/test_share.py",),
    "sluice_client_poller/effects.py": (f"{POLLER}/test_effects.py",),
}
UNNOTICED = (": survived", ": no tests", ": suspicious")
CONFIGURATION = """\
[tool.pytest.ini_options]
pythonpath = ["tests", "src"]
addopts = ["--import-mode=importlib", "-p", "no:cacheprovider"]
asyncio_mode = "auto"
timeout = 60

[tool.mutmut]
source_paths = ["src"]
only_mutate = {rooms}
pytest_add_cli_args_test_selection = {tests}
also_copy = ["tests", "src"]
"""


def main(patterns: list[str]) -> int:
    """Run, print the survivors, and say whether any is unexplained."""
    with TemporaryDirectory(prefix="sluice-mutants-") as place:
        copy(Path(place))
        mutmut = [sys.executable, "-m", "mutmut"]
        subprocess.run([*mutmut, "run", *patterns], cwd=place, check=True, stdout=subprocess.DEVNULL)
        told = subprocess.run([*mutmut, "results"], cwd=place, check=True, capture_output=True, text=True).stdout
        names = [line.partition(":")[0].strip() for line in told.splitlines() if line.endswith(UNNOTICED)]
        shown = [
            subprocess.run([*mutmut, "show", name], cwd=place, check=True, capture_output=True, text=True).stdout
            for name in names
        ]
    survivors = dict(zip(names, map(change, names, shown), strict=True))
    explained = reasons()
    unexplained = {name: told for name, told in survivors.items() if told not in explained}
    idle = [] if patterns else sorted(explained - set(survivors.values()))
    print(f"{len(survivors)} survived, {len(unexplained)} of them without a reason in survivors.txt")
    for name, told in unexplained.items():
        print(f"\n{name}\n{told}")
    for told in idle:
        print(f"\nno survivor any more:\n{told}")
    return 1 if unexplained or idle else 0


def change(name: str, shown: str) -> str:
    """A mutant as it stands in survivors.txt: its function, and the lines it takes out and puts in."""
    lines = [line[0] + " " + line[1:].strip() for line in shown.splitlines() if re.match(r"[-+](?![-+]{2} )", line)]
    return "\n".join([name.rpartition("__mutmut_")[0], *lines])


def reasons() -> set[str]:
    """The changes that survivors.txt explains: blocks of a function, its lines, and the reason behind `= `."""
    text = (Path(__file__).parent / "survivors.txt").read_text()
    return {block.partition("\n= ")[0] for block in text.strip().split("\n\n") if not block.startswith("#")}


def copy(place: Path) -> None:
    """The packages below src/, the tests, and a configuration of their own."""
    for package in (*ROOT.glob("libs/*/sluice_*"), *ROOT.glob("services/*/sluice_*")):
        shutil.copytree(package, place / "src" / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests", place / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    rooms, tests = [f"src/{room}" for room in ROOMS], sorted({test for tests in ROOMS.values() for test in tests})
    (place / "pyproject.toml").write_text(CONFIGURATION.format(rooms=rooms, tests=tests))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

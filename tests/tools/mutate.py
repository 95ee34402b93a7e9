"""Breaks the pure rooms on purpose, one small change at a time, and lists what the tests did not notice.

    .venv/bin/python tests/tools/mutate.py [PATTERN …]      # e.g. 'sluice_client_poller.holds*'

mutmut knows packages below `src/` only, so it works on a copy that has them there. A survivor is either a test that is
missing, or stands with its reason in tests/tools/survivors.txt; exit code 1 for any other.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "sluice_common/contracts/frames.py": "tests/unit/common/contracts/test_frames.py",
    "sluice_client_poller/settle.py": "tests/unit/client_poller/test_settle.py",
    "sluice_client_poller/holds.py": "tests/unit/client_poller/test_holds.py",
    "sluice_client_poller/derive.py": "tests/unit/client_poller/test_derive.py",
    "sluice_client_poller/pace.py": "tests/unit/client_poller/test_pace.py",
    "sluice_client_poller/share.py": "tests/unit/client_poller/test_share.py",
}
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
    survivors = {line.partition(":")[0].strip() for line in told.splitlines() if line.endswith(": survived")}
    explained = (Path(__file__).parent / "survivors.txt").read_text().splitlines()
    unexplained = sorted(survivors - {line.split()[0] for line in explained if line and not line.startswith("#")})
    print(f"{len(survivors)} survived, {len(unexplained)} of them without a reason in survivors.txt")
    print("\n".join(unexplained))
    return 1 if unexplained else 0


def copy(place: Path) -> None:
    """The packages below src/, the tests, and a configuration of their own."""
    for package in (*ROOT.glob("libs/*/sluice_*"), *ROOT.glob("services/*/sluice_*")):
        shutil.copytree(package, place / "src" / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests", place / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    rooms, tests = [f"src/{room}" for room in ROOMS], sorted(set(ROOMS.values()))
    (place / "pyproject.toml").write_text(CONFIGURATION.format(rooms=rooms, tests=tests))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

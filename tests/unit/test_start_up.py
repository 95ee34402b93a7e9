"""What a start imports: a service and `up` begin without what only a later call needs. Counted in modules, not time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# With what each costs a process on a small box; four of them start at once.
NEVER_AT_START = {
    "alembic",  # with sqlalchemy 0.7 s and 20 MB, for a schema that is new already
    "sqlalchemy",
    "guessit",  # 0.35 s, for names that our own rules cannot read
    "httpx",  # 0.3 s, for a URL or a client that may not be there
    "pygments",
    "rich",  # 0.1 s, for tables that no service draws
    "typer",
}
ONLY_IN_SERVICES = {"faststream", "litestar", "nats", "prometheus_client", "uvicorn"}


@pytest.mark.parametrize("package", ["sluice_client_poller", "sluice_gateway", "sluice_history", "sluice_importer"])
def test_a_service_starts_without_what_only_a_later_call_needs(package: str) -> None:
    """Importing a service's composition root loads none of the dear modules, directly or through a library."""
    code = f"import sys, {package}.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert NEVER_AT_START & set(done.stdout.split()) == set()


def test_up_starts_without_the_other_verbs(tmp_path: Path) -> None:
    """`sluice up` waits neither for what the other verbs draw and ask with, nor for what its services import."""
    (tmp_path / "sluice.yaml").write_text("no_such_key: 1\n", encoding="utf-8")  # it reads this and ends, with 2
    command = [sys.executable, "-X", "importtime", "-m", "sluice_cli.main", "up", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr[-2000:]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "sluice_embedded.up" in imported
    # Of a library that only was looked for, no inner module is there.
    tops = {name.partition(".")[0] for name in imported if "." in name}
    assert ((NEVER_AT_START - {"typer"}) | ONLY_IN_SERVICES) & tops == set()

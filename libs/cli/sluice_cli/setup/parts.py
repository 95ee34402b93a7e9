"""The services' own programs, run once: a client asked what it is, a root marked. Secrets travel on standard input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from sluice_cli.failure import Failure
from sluice_cli.setup.values import Login
from sluice_common.contracts.doctor import AboutClient

_WITHIN = 60.0


def about(login: Login) -> AboutClient:
    """What the client says of itself, or its `reason`; raises Failure where the program itself does not work."""
    asked: dict[str, str] = {"type": login.type, "url": login.url}
    if login.username is not None:
        asked["username"] = login.username
    if login.password is not None:
        asked["password"] = login.password.get_secret_value()
    if login.password_file is not None:
        asked["password_file"] = str(login.password_file)
    ran = _run("sluice_client_poller.about", stdin=msgspec.json.encode(asked))
    if ran.returncode == 2:
        return AboutClient(reason="settings", message=ran.stderr.decode(errors="replace").strip())
    try:
        return msgspec.json.decode(ran.stdout, type=AboutClient)
    except msgspec.MsgspecError:
        last = (ran.stderr.decode(errors="replace").strip().splitlines() or ["without a word"])[-1]
        raise Failure(f"{login.name} could not be asked: the program that asks ended with {last!r}") from None


def mark(name: str, root: Path) -> None:
    """Write the library's marker, as `sluice libraries init` does; raises Failure."""
    ran = _run("sluice_importer.mark", name, str(root))
    if ran.returncode != 0:
        raise Failure(f"the library {name} cannot be marked: {ran.stderr.decode(errors='replace').strip()}")


def _run(module: str, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", "-m", module, *words]
    try:
        return subprocess.run(command, input=stdin, capture_output=True, timeout=_WITHIN, check=False)  # noqa: S603 - ours
    except subprocess.TimeoutExpired:
        raise Failure(f"{module} did not end within {_WITHIN:g} s") from None

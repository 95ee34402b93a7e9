"""The data directory: what lies where, who may read it, and that only one `up` uses it. No process is started here."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sluice_common.kit.settings import NAME_PATTERN
from sluice_embedded.faults import ExitCode, StartRefused


@dataclass(frozen=True)
class Layout:
    """Paths below the data directory; 0700 or 0600 all of them but what PostgreSQL's own uid must pass through."""

    data: Path

    @property
    def config(self) -> Path:
        """The household's file; it is ours to read, never to write."""
        return self.data / "sluice.yaml"

    @property
    def api_key(self) -> Path:
        """The first API key; the gateway writes it, 0600."""
        return self.data / "api-key"

    @property
    def run_file(self) -> Path:
        """What runs now, for the CLI: URL, key path, pids, ports."""
        return self.data / "run.json"

    @property
    def lock(self) -> Path:
        return self.data / "lock"

    @property
    def ports(self) -> Path:
        return self.data / "ports.json"

    @property
    def secrets(self) -> Path:
        return self.data / "secrets"

    def client_secret(self, client: str) -> Path:
        """The password that `sluice init` was given for a client."""
        return self.secrets / f"client-{client}-password"

    def client_secrets(self) -> dict[str, Path]:
        """Client to the file of its password, of those that are there."""
        files = sorted(self.secrets.glob("client-*-password"))
        found = {path.name.removeprefix("client-").removesuffix("-password"): path for path in files}
        return {client: path for client, path in found.items() if re.fullmatch(NAME_PATTERN, client)}

    @property
    def nats(self) -> Path:
        return self.data / "nats"

    @property
    def postgres(self) -> Path:
        """The cluster is `data` in it, copied programs are `programs`."""
        return self.data / "postgres"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    def log(self, name: str) -> Path:
        """Where the child `name` writes."""
        return self.logs / f"{name}.log"


def default_data(environ: Mapping[str, str], root: bool) -> Path:
    """`/var/lib/sluice` as root, else `~/.local/share/sluice`."""
    return Path("/var/lib/sluice") if root else Path(environ.get("HOME") or Path.home()) / ".local/share/sluice"


@contextmanager
def occupied(layout: Layout, root: bool) -> Iterator[None]:
    """Make the directory and hold it. StartRefused where another `up` holds it, or where it cannot be written."""
    try:
        make(layout, root)
        handle = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(layout.data, error) from error
    with os.fdopen(handle, "r+") as file:
        _lock(file.fileno(), layout.data)
        _probe(layout)
        yield


def make(layout: Layout, root: bool) -> None:
    """The directory and its rooms, closed to others; raises OSError. What is there is left as it is."""
    passable = 0o711 if root else 0o700
    if not layout.data.is_dir():
        layout.data.mkdir(mode=passable, parents=True)
        layout.data.chmod(passable)
    for folder in (layout.secrets, layout.nats, layout.logs):
        folder.mkdir(mode=0o700, exist_ok=True)
    layout.postgres.mkdir(exist_ok=True)
    layout.postgres.chmod(passable)
    if root:
        layout.data.chmod(layout.data.stat().st_mode | 0o001)


def _lock(handle: int, data: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(handle, 32, 0).decode().strip() or "unknown"
        raise StartRefused(
            ExitCode.ALREADY_RUNNING,
            f"Sluice already runs on {data} (process {holder}). Stop it first, or give another with --data DIR.",
        ) from error
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)


def _probe(layout: Layout) -> None:
    try:
        for folder in (layout.data, layout.secrets, layout.nats, layout.postgres, layout.logs):
            probe = folder / ".writable"
            probe.write_bytes(b"x")
            probe.unlink()
    except OSError as error:
        raise _unwritable(layout.data, error) from error


def _unwritable(data: Path, error: OSError) -> StartRefused:
    where = error.filename or data
    return StartRefused(
        ExitCode.DATA_DIRECTORY,
        f"The data directory {data} cannot be used: {where}: {error.strerror}. "
        "Make it writable for this user, or give another with --data DIR.",
    )


def persisted(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`; made and written there, 0600, when there is none yet."""
    try:
        kept = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        kept = ""
    if not kept:
        kept = make()
        write_private(path, kept + "\n")
    return kept


def persisted_port(path: Path, name: str, usable: Callable[[int], bool], choose: Callable[[], int]) -> int:
    """The port kept under `name` in the JSON file `path`; another is chosen and kept when it is missing or unusable."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        kept = {}
    ports = kept if isinstance(kept, dict) else {}
    port = ports.get(name)
    if not isinstance(port, int) or not usable(port):
        port = choose()
        write_private(path, json.dumps({**ports, name: port}) + "\n")
    return port


def write_private(path: Path, text: str | bytes) -> None:
    """Write the file whole or not at all, readable for us alone."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)

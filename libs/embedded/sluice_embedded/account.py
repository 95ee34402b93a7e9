"""Who runs PostgreSQL: ourselves, or, since it refuses root, a free unprivileged uid. No account is created."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

_FIRST_UID = 54_320
_MANY = 1_000


@dataclass(frozen=True)
class Account:
    """A uid and gid to run a child as; None of it when the child runs as we do."""

    uid: int
    gid: int


def choose(root: bool, owner: Account | None, taken: Iterable[int]) -> Account | None:
    """The account for PostgreSQL: None unless we are `root`; the `owner` of its data, if not root; else a free uid."""
    if not root:
        return None
    if owner is not None and owner.uid != 0:
        return owner
    used = set(taken)
    free = next(uid for uid in range(_FIRST_UID, _FIRST_UID + _MANY) if uid not in used)
    return Account(free, free)


def for_directory(data: Path) -> Account | None:
    """The account for the PostgreSQL data directory `data`, which need not exist yet."""
    taken = chain((entry.pw_uid for entry in pwd.getpwall()), (entry.gr_gid for entry in grp.getgrall()))
    return choose(os.geteuid() == 0, _owner(data), taken)


def _owner(path: Path) -> Account | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Account(found.st_uid, found.st_gid)


def named(account: Account | None) -> Account | None:
    """An unprivileged account of /etc/passwd in place of a free uid: initdb insists on a name, postgres does not."""
    if account is None:
        return None
    known = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    entry = next((entry for entry in known if entry.pw_name == "nobody"), known[-1])
    return Account(entry.pw_uid, entry.pw_gid)


def give(top: Path, account: Account | None) -> None:
    """Make `top` and everything in it the account's own; nothing where the account is ours."""
    if account is None:
        return
    os.chown(top, account.uid, account.gid, follow_symlinks=False)
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            os.chown(Path(folder) / name, account.uid, account.gid, follow_symlinks=False)


def first_closed(path: Path) -> Path | None:
    """The topmost directory on the way to and including `path` that other users may not pass through, or None."""
    resolved = path.resolve()
    way = [*reversed(resolved.parents), resolved]
    return next((place for place in way if not place.stat().st_mode & 0o001), None)


_ONLY_UNDER_US = 'test "$PPID" = "$0" && exec "$@"'


def setpriv(death_signal: str, account: Account | None = None) -> tuple[str, ...]:
    """The words before a command that make it die with the thread that starts it, as `account`.

    `death_signal` is without SIG: KILL, or INT for PostgreSQL. The signal fires when the starting *thread* ends. The
    shell closes the gap in which we could die before the signal is set: it runs the command only as our child.
    """
    program = shutil.which("setpriv") or "/usr/bin/setpriv"
    who = () if account is None else (f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups")
    return (program, "--pdeathsig", death_signal, *who, "/bin/sh", "-c", _ONLY_UNDER_US, str(os.getpid()))


def can_run(command: tuple[str, ...], account: Account | None) -> bool:
    """Whether `account` can execute the command; decided by trying it, which also sees ACLs and loader paths."""
    tried = subprocess.run([*setpriv("KILL", account), *command], capture_output=True, check=False, cwd="/")  # noqa: S603 - our own command
    return tried.returncode == 0

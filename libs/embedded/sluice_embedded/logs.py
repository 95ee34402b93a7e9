"""The children's log files: kept small, and their last lines for the terminal. Nothing is logged from here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

CAP = 10 * 1024 * 1024
_TAIL = 16 * 1024


def open_log(path: Path) -> int:
    """A descriptor that appends to the file, 0600."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def rotate(path: Path, cap: int = CAP) -> None:
    """Keep at most `cap` bytes, and one file of before: copied and truncated, since the child holds the file open."""
    if not path.exists() or path.stat().st_size <= cap:
        return
    shutil.copy2(path, path.with_name(path.name + ".1"))
    os.truncate(path, 0)


def tail(path: Path, lines: int = 15, start: int = 0) -> str:
    """The last lines written after the byte `start`, indented for the terminal; empty when there are none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL, start if start <= size else 0))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])

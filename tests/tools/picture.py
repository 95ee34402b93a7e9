"""Draws docs/queue.svg: the table that `sluice queue` prints, on an invented household.

.venv/bin/python tests/tools/picture.py docs/queue.svg
"""

from __future__ import annotations

import re
import sys
from hashlib import sha1
from pathlib import Path
from typing import Any

from rich.console import Console

from sluice_cli import tables

WIDTH = 156


def row(name: str, state: str, done: float, size: int, imported: str, **more: Any) -> dict[str, Any]:
    """One row as the API gives it."""
    base = {
        "id": sha1(name.encode()).hexdigest(),  # noqa: S324 - an info-hash is one
        "client": "deluge",
        "name": name,
        "state": state,
        "progress": done,
        "size": size,
        "done": int(size * done),
        "import": {"state": imported},
        "health": "ok",
        "stale": False,
        "is_complete": done == 1,
    }
    blank = dict.fromkeys(("down_speed", "up_speed", "eta", "reason", "message", "age_seconds"))
    return {**blank, **base, **more}


DOCUMENT = {
    "items": [
        row("Some.Show.S01E02.1080p.WEB-DL.x264-GRP.mkv", "seeding", 1, 1_468_006_400, "imported", up_speed=412_000),
        row(
            "Some.Show.S01E03.1080p.WEB-DL.x264-GRP.mkv",
            "downloading",
            0.62,
            1_512_000_000,
            "none",
            down_speed=11_300_000,
            eta=51,
        ),
        row(
            "Some.Film.2020.2160p.UHD.BluRay.x265-GRP",
            "downloading",
            0.08,
            48_200_000_000,
            "none",
            down_speed=6_100_000,
            eta=7271,
        ),
        row(
            "Unheard.Of.S01.720p.WEB-DL-GRP",
            "seeding",
            1,
            9_800_000_000,
            "blocked",
            **{"import": {"state": "blocked", "reason": "unknown_media"}},
        ),
        row(
            "Old.Film.1971.1080p.BluRay.x264-GRP",
            "paused",
            0.31,
            8_100_000_000,
            "none",
            health="warning",
            reason="tracker_error",
        ),
    ],
    "total": 5,
    "clients": [],
}


def main(target: str) -> None:
    """Draw into the file `target`."""
    console = Console(record=True, width=WIDTH, file=open("/dev/null", "w"))  # noqa: SIM115 - lives as long as we do
    console.print(tables.queue(DOCUMENT))
    picture = console.export_svg(title="sluice queue")
    # A page that is read offline must not ask a stranger for fonts.
    Path(target).write_text(re.sub(r"@font-face\s*{[^}]*}", "", picture))


if __name__ == "__main__":
    main(sys.argv[1])

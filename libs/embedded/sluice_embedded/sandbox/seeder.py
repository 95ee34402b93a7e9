"""The swarm as a program: makes what it is told, seeds it, and says with which magnets. Ended by SIGTERM.

    python -m sluice_embedded.sandbox.seeder DIRECTORY

`DIRECTORY/wanted.json` is `[{"name", "files", "upload_limit"}]`: `files` bytes or `{path: bytes}` as `make_content`
takes them, `upload_limit` bytes/s or null. Once all of it can be downloaded, `DIRECTORY/seeded.json` is there, whole:
`[{"id", "name", "magnet"}]` in the same order. It is a program because libtorrent lives in
Deluge's environment, and not in ours.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from sluice_embedded.sandbox import SEEDED, WANTED
from sluice_embedded.sandbox.swarm import Swarm
from sluice_embedded.sandbox.torrents import make_content


def main(directory: Path) -> None:
    """Seed until a signal ends the process, and the swarm with it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with Swarm() as swarm:
        seeded = []
        for wanted in json.loads((directory / WANTED).read_text()):
            content = make_content(directory / "content", wanted["name"], wanted["files"])
            torrent = swarm.seed(content, upload_limit=wanted["upload_limit"])
            seeded.append({"id": torrent.id, "name": torrent.name, "magnet": torrent.magnet})
        fresh = directory / f"{SEEDED}.new"
        fresh.write_text(json.dumps(seeded))
        fresh.rename(directory / SEEDED)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main(Path(sys.argv[1]))

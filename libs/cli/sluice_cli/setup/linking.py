"""Whether files of a client's folder can be hardlinked into a library: one file system, and one mount of it.

Nothing is tried and nothing is written; `sluice doctor` makes a real link once something was downloaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from sluice_cli.setup import proposals
from sluice_cli.setup.values import Client
from sluice_common.kit.settings import OURS


def folders_here(client: Client) -> list[Path | None]:
    """Where the folders from which we import lie here; None for one that is not here."""
    ours = [category for category, owner in client.owners.items() if owner == OURS]
    return [_here(folder, client) for folder in proposals.folders_of(client.about, ours)]


def _here(folder: str, client: Client) -> Path | None:
    path = proposals.mapped(folder, client.paths) if client.paths else Path(folder)
    return path if path is not None and path.is_dir() else None


def linkable(folders: Sequence[Path | None], root: Path) -> bool | None:
    """Whether all of them link into `root`; None where one is not known, or there is none."""
    if not folders or any(folder is None for folder in folders):
        return None
    places = {_place(path) for path in (root, *folders) if path is not None}
    return None if None in places else len(places) == 1


def _place(path: Path) -> tuple[int, str] | None:
    """Device and mount: the kernel links neither between file systems nor between two mounts of one."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        told = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        mount = re.search(r"^mnt_id:\s*(\d+)$", told, re.M)
        return (os.fstat(descriptor).st_dev, mount[1]) if mount else None
    except OSError:
        return None
    finally:
        os.close(descriptor)

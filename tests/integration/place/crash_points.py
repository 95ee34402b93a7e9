"""Run in a process of its own: place a file, die before every file-system call in turn, let a successor finish.

`crash_points.py METHOD DOWNLOADS LIBRARY`; prints `crashes N` and exits 0 if every one of them ended well.
The calls are those of Python's `posix` module, seen by a profile hook, and our own renameat2.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parents[2]))

from sluice_importer.place.methods import Method
from support.disk import CONTENT, TARGET, Disk, make_disk


def die_at(point: int) -> None:
    """Arrange for SIGKILL before call number `point` from here on."""
    seen = 0

    def look(frame: FrameType, event: str, what: object) -> None:
        nonlocal seen
        is_call = event == "c_call" and getattr(what, "__module__", None) == "posix"
        is_rename = event == "call" and frame.f_code.co_name == "rename_noreplace"
        if is_call or is_rename:
            seen += 1
            if seen == point:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)


def crashed(disk: Disk, method: Method, number: int, point: int) -> bool:
    """Whether a child that places the file died at `point`; False once it got through."""
    child = os.fork()
    if child == 0:
        die_at(point)
        try:
            disk.place(method, number=number)
        finally:
            sys.setprofile(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, f"{method}: attempt {number} failed at {point}"
    return False


def check(disk: Disk, method: Method, point: int) -> None:
    """After a successor: exactly the one right file, no leftovers, the source as it was."""
    placed = disk.place(method, number=9)
    said = f"{method}, point {point}"
    assert disk.names() == ["Film (2020)", TARGET], f"{said}: {disk.names()}"
    assert disk.target.read_bytes() == CONTENT == disk.source.read_bytes(), said
    assert (disk.target.stat().st_ino == disk.source.stat().st_ino) == (placed.method == "hardlink"), said
    assert placed.method == method, said
    assert disk.source.stat().st_nlink == (2 if method == "hardlink" else 1), said


def reset(disk: Disk) -> None:
    """An empty library again."""
    for path in disk.library.iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def main(method: Method, downloads: Path, library: Path) -> None:
    """Every point once, and at every third a second crash, of the successor."""
    disk = make_disk(downloads, library)
    point = 1
    while crashed(disk, method, 1, point):
        if point % 3 == 0:
            crashed(disk, method, 2, point // 2 + 1)
        check(disk, method, point)
        reset(disk)
        point += 1
    print("crashes", point - 1)


if __name__ == "__main__":
    main("copy" if sys.argv[1] == "copy" else "hardlink", Path(sys.argv[2]), Path(sys.argv[3]))

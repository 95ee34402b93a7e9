"""Real clients out of another Debian's folder (`make trixie`), in place of those of this machine.

`SLUICE_CLIENTS_ROOT` names the folder. Its programs run under the folder's own loader and libraries instead of in a
chroot: so they need no root and no mounts, and see the very files that the tests see, with hardlinks across them.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "SLUICE_CLIENTS_ROOT"
_LOADERS = ("lib64/ld-linux-*.so.*", "lib/ld-linux-*.so.*")  # amd64's; the other architectures'
_PRIVATE = ("libproxy",)  # folders of libraries that others find by an absolute path within them


def folder() -> Path | None:
    """The folder; None where tests run the machine's own clients."""
    named = os.environ.get(VARIABLE)
    return Path(named).resolve() if named else None


def command(root: Path, program: str) -> tuple[str, ...]:
    """What starts the folder's program. A test fails where it is not there: whoever named the folder wanted it."""
    path = root / "usr" / "bin" / program
    loader = next((found for pattern in _LOADERS for found in root.glob(pattern)), None)
    if loader is None or not path.is_file():
        raise RuntimeError(f"{VARIABLE} is {root}, which has no {program}; `make trixie` makes such a folder")
    libraries = [str(lib / name) for lib in _libraries(root) for name in (".", *_PRIVATE)]
    return (str(loader), "--library-path", ":".join(libraries), str(path))


def environment() -> dict[str, str]:
    """What the folder's programs need besides: Qt looks for its plugins (TLS) at an absolute path otherwise."""
    root = folder()
    if root is None:
        return {}
    return {"QT_PLUGIN_PATH": ":".join(str(lib / "qt6" / "plugins") for lib in _libraries(root))}


def _libraries(root: Path) -> list[Path]:
    """The folders of shared libraries, one for each architecture: `usr/lib/x86_64-linux-gnu`."""
    return sorted(root.glob("usr/lib/*-linux-*"))

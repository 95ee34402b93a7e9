"""`up` with small programs in the place of services: `run_up.py MODES --data DIR --port N`. Not a test."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from sluice_embedded.services import Service
from sluice_embedded.up import Options, run

_PROGRAM = str(Path(__file__).with_name("small_service.py"))


def main() -> None:
    modes, _, data, _, port = sys.argv[1:]
    services = tuple(
        Service(mode, (sys.executable, _PROGRAM, mode), serves_api=mode == "api") for mode in modes.split(",")
    )
    sys.exit(run(Options(Path(data), port=int(port), compact=False), partial(print, flush=True), services))


if __name__ == "__main__":
    main()

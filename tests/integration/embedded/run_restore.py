"""`sluice restore --replace` that kills itself with SIGKILL at a step: `run_restore.py FILE DATA STEP`. Not a test."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from random import Random

from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_embedded.backup import embedded
from sluice_embedded.layout import Layout
from sluice_embedded.majors import Surroundings
from sluice_embedded.ports import free_ports


def main() -> None:
    file, data, deadly = sys.argv[1:]

    def step(name: str) -> None:
        print(name, flush=True)
        if name == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    around = Surroundings(Layout(Path(data)), SYSTEM_CLOCK, free_ports(Random()), print, step)
    asyncio.run(embedded.restore(Path(file), around, replace=True))


if __name__ == "__main__":
    main()

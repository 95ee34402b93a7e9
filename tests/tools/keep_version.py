"""Keeps what a version must be upgradable from: tests/upgrade/<version>/, its schema and its golden messages.

PYTHONPATH=tests .venv/bin/python tests/tools/keep_version.py 0.1.0
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from support import golden, schema
from support.postgres import PostgresForTest


def main(version: str) -> None:
    """Write the directory anew."""
    target = Path(__file__).parents[1] / "upgrade" / version
    shutil.rmtree(target, ignore_errors=True)
    (target / "messages").mkdir(parents=True)
    for path in golden.DIRECTORY.iterdir():
        if path != golden.FIELDS:
            shutil.copy(path, target / "messages" / path.name)
    (target / "schema.sql").write_text(_schema())


def _schema() -> str:
    server = PostgresForTest()
    try:
        server.start()
        server.create("kept")
        asyncio.run(schema.migrate_all(server.settings("kept")))
        return schema.dump(server.settings("kept"))
    finally:
        server.remove()


if __name__ == "__main__":
    main(sys.argv[1])

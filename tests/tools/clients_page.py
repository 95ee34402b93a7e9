"""Runs the suites of all clients and writes docs/clients.md from what they show.

    PYTHONPATH=tests .venv/bin/python tests/tools/clients_page.py [TYPE …]      # without types: all

Every test must pass: one that fails or is skipped leaves page and report as they were, and is exit code 1. A run adds
the version that ran here (with `SLUICE_CLIENTS_ROOT`, that folder's); what other versions passed stays.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from tempfile import TemporaryDirectory

from clients.asking import adapter_for
from clients.client_suite import KNOWN_VERSION
from support.clients import launch
from support.clients_page import PAGE, REPORT, ROOT, Report, page, read_report, suites, with_run


def main(kinds: list[str]) -> int:
    """Run, and write both files where all is well."""
    ours, known = suites(), read_report() if REPORT.exists() else {}
    report: Report = {kind: known.get(kind, {}) for kind in ours}
    for kind in kinds or ours:
        if not _passes(kind):
            return 1
        report = with_run(report, kind, _version(kind), ours[kind].live.cases())
    REPORT.write_text(json.dumps(report, indent=2, sort_keys=True) + "\n")
    PAGE.write_text(page(report))
    return 0


def _passes(kind: str) -> bool:
    """Whether both suites of this kind ran whole and passed."""
    with TemporaryDirectory() as directory:
        results = Path(directory) / "results.xml"
        recorded = sorted(map(str, (ROOT / "tests/contract").glob(f"test_{kind}_*.py")))
        files = [f"tests/clients/test_{kind}.py", *recorded]
        options = ["-q", "-n", "2", f"--junitxml={results}", "-k", f"not {KNOWN_VERSION}"]
        code = subprocess.run([sys.executable, "-m", "pytest", *options, *files], cwd=ROOT, check=False).returncode
        cases = ElementTree.parse(results).iter("testcase")  # noqa: S314 - pytest has just written it
        skipped = [case for case in cases if case.find("skipped") is not None]
    for case in skipped:
        print(f"skipped, so nothing is shown: {case.get('classname')}::{case.get('name')}")
    return code == 0 and not skipped


def _version(kind: str) -> str:
    """What the real client says that it is."""

    async def ask() -> str:
        with TemporaryDirectory() as directory, launch(kind, Path(directory) / kind) as client:
            async with adapter_for(client) as adapter:
                version = (await adapter.about()).version
                assert version is not None
                return version

    return asyncio.run(ask())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

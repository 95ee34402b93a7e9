"""Runs the suites of all clients and writes docs/clients.md from what they show.

    PYTHONPATH=tests .venv/bin/python tests/tools/clients_page.py [--edits] [TYPE …]      # without types: all

Every test must pass: one that fails or is skipped leaves page and report as they were, and is exit code 1. A run adds
the version that ran here (with `SLUICE_CLIENTS_ROOT`, that folder's); what other versions passed stays. With `--edits`
only the suites of edits run, and the rest of the page stays as it was.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from clients.asking import adapter_for
from clients.client_fixtures import KNOWN_VERSION
from support.clients import launch
from support.clients_page import EDITS_REPORT, PAGE, REPORT, ROOT, Report, page, read_report, suites, with_run


def main(arguments: list[str]) -> int:
    """Run, and write the files where all is well."""
    ours = suites()
    kinds = [kind for kind in arguments if kind != "--edits"] or list(ours)
    report, edits = _known(REPORT, ours), _known(EDITS_REPORT, ours)
    for kind in kinds:
        version = _version(kind)
        if "--edits" not in arguments:
            if not _pass([f"tests/clients/test_{kind}.py", f"tests/contract/{kind}"]):
                return 1
            report = with_run(report, kind, version, ours[kind].live.cases())
        if not _pass([f"tests/clients/test_{kind}_edits.py"]):
            return 1
        edits = with_run(edits, kind, version, ours[kind].edits.cases())
    for path, found in ((REPORT, report), (EDITS_REPORT, edits)):
        path.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    PAGE.write_text(page(report, edits))
    return 0


def _known(path: Path, kinds: Iterable[str]) -> Report:
    known = read_report(path) if path.exists() else {}
    return {kind: known.get(kind, {}) for kind in kinds}


def _pass(files: list[str]) -> bool:
    """Whether these ran whole and passed."""
    with TemporaryDirectory() as directory:
        results = Path(directory) / "results.xml"
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

"""Docker's command line, for tests: what fails says why."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class DockerFailed(AssertionError):
    """A docker command ended badly; tests fail rather than skip where Docker is missing."""


def docker(*words: str | Path, environ: Mapping[str, str] | None = None, cwd: Path = ROOT, seconds: float = 300) -> str:
    """The standard output of `docker …`. Raises DockerFailed with everything it said."""
    done = run_docker(*words, environ=environ, cwd=cwd, seconds=seconds)
    if done.returncode != 0:
        raise DockerFailed(f"docker {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def run_docker(
    *words: str | Path, environ: Mapping[str, str] | None = None, cwd: Path = ROOT, seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """As `docker`, whatever the exit code."""
    try:
        return subprocess.run(
            ["docker", *map(str, words)],
            env={**os.environ, **(environ or {})}, cwd=cwd, timeout=seconds,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise DockerFailed("docker is not installed; these tests need it (`make test` does not run them)") from None


def inspect(kind: str, name: str) -> Any:
    """What `docker inspect` says about one `container`, `image` or `network`."""
    return json.loads(docker("inspect", "--type", kind, name))[0]

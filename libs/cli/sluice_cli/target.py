"""Where the gateway is and which key it wants: options, then the environment, then what `sluice up` wrote down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sluice_cli.failure import START, Failure, Unreachable, WrongUsage
from sluice_common.kit.urls import public

RUN_FILE = "run.json"


@dataclass(frozen=True)
class Target:
    """A gateway; `key` may be empty, then it says itself that it wants one."""

    url: str
    key: str


@dataclass(frozen=True)
class Given:
    """What the user said: `--url`, `--key-file`, the environment, and whether this is root."""

    url: str | None
    key_file: Path | None
    environ: Mapping[str, str]
    root: bool

    @property
    def data(self) -> Path:
        """The data directory."""
        named = self.environ.get("SLUICE_DATA")
        return Path(named) if named else self.usual_data

    @property
    def usual_data(self) -> Path:
        """The data directory where nothing names another."""
        home = self.environ.get("HOME")
        return Path("/var/lib/sluice") if self.root else Path(home or Path.home()) / ".local/share/sluice"


def find(given: Given) -> Target:
    """Raises Unreachable when nothing says where Sluice is, Failure or WrongUsage for what cannot be read."""
    said = given.url or given.environ.get("SLUICE_URL")
    url = _checked(said) if said else None
    key = _given_key(given)
    if url is not None and key is not None:
        return Target(url, key)
    noted = _noted(given.data / RUN_FILE)
    if url is None and noted is None:
        here = f"the data directory is {given.data}, SLUICE_DATA names another"
        raise Unreachable(f"Sluice does not run here: there is no {given.data / RUN_FILE} ({here}); {START}")
    return _joined(url, key, noted or {})


def _joined(url: str | None, key: str | None, noted: Mapping[str, Any]) -> Target:
    """The noted key goes to the noted address and nowhere else."""
    here = _checked(str(noted.get("url", ""))) if noted else None
    chosen = url or here
    assert chosen is not None
    path = noted.get("api_key_path") or noted.get("key_path")
    if key is None and path and chosen == here:
        key = _read_key(Path(str(path)))
    return Target(chosen, key or "")


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise WrongUsage(f"{public(url)!r} is not the URL of a gateway; it looks like http://127.0.0.1:8420")
    return url.rstrip("/")


def _given_key(given: Given) -> str | None:
    if given.key_file is not None:
        return _read_key(given.key_file)
    return (given.environ.get("SLUICE_API_KEY") or "").strip() or None


def _read_key(path: Path) -> str:
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise Failure(f"cannot read the API key in {path}: {why}") from None
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise Failure(f"{path} does not hold an API key; it should be one line")
    return key


def _noted(path: Path) -> Mapping[str, Any] | None:
    """What `sluice up` wrote; None when it does not run."""
    try:
        noted: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return None
    except PermissionError:
        raise Failure(
            f"{path} belongs to another account; give --url and --key-file, or set SLUICE_URL and SLUICE_API_KEY"
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise Failure(f"cannot read {path}: {error}; restart `sluice up`, or give --url and --key-file") from None
    return noted

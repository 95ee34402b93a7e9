"""What the options of `sluice init` say, read: NAME=… words as values. Raises WrongUsage with the option's name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from sluice_cli.failure import WrongUsage
from sluice_cli.setup.values import Library, Login
from sluice_common.kit.settings import NAME_PATTERN, ClientSettings

TYPES: tuple[str, ...] = get_args(ClientSettings.model_fields["type"].annotation)
KINDS = ("series", "movies")


@dataclass(frozen=True)
class Given:
    """The options, all of them optional."""

    clients: Sequence[Login]
    libraries: Sequence[Library]
    paths: dict[str, dict[str, Path]]
    downloads: Sequence[Path]


def read(
    clients: Sequence[str],
    usernames: Sequence[str],
    password_files: Sequence[str],
    libraries: Sequence[str],
    paths: Sequence[str],
    downloads: Sequence[Path],
) -> Given:
    """All options, as the command line gives them."""
    users, files = _by_name("--username", usernames), _by_name("--password-file", password_files)
    logins = [_login(name, words, users, files) for name, words in _by_name("--client", clients).items()]
    _known("--username", users, logins)
    _known("--password-file", files, logins)
    mapped: dict[str, dict[str, Path]] = {}
    for word in paths:
        name, theirs, ours = _path(word)
        mapped.setdefault(name, {})[theirs] = ours
    _known("--path", mapped, logins)
    held = [_library(name, words) for name, words in _by_name("--library", libraries).items()]
    return Given(logins, held, mapped, [path.expanduser().absolute() for path in downloads])


def with_scheme(url: str) -> str:
    """A URL as people say it, `nas:8112`, as one that can be asked."""
    return url if not url or "://" in url else f"http://{url}"


def checked_name(option: str, name: str) -> str:
    """The name, if the configuration takes it."""
    if re.fullmatch(NAME_PATTERN, name) is None:
        raise WrongUsage(f"{option}: {name!r} is no name; it has 1 to 32 of a-z, 0-9, _ and -")
    return name


def _by_name(option: str, words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise WrongUsage(f"{option}: {word!r} should be NAME=…; see `sluice init --help`")
        if checked_name(option, name) in found:
            raise WrongUsage(f"{option}: {name} is given twice")
        found[name] = value
    return found


def _known(option: str, named: dict[str, str] | dict[str, dict[str, Path]], logins: Sequence[Login]) -> None:
    unknown = sorted(named.keys() - {login.name for login in logins})
    if unknown:
        raise WrongUsage(f"{option}: no --client is called {unknown[0]!r}")


def _login(name: str, words: str, users: dict[str, str], files: dict[str, str]) -> Login:
    kind, comma, url = words.partition(",")
    if not comma or kind not in TYPES:
        raise WrongUsage(f"--client: {words!r} should be TYPE,URL, with one of the types {', '.join(TYPES)}")
    file = files.get(name)
    secret = Path(file).expanduser().absolute() if file is not None else None
    return Login(name=name, type=kind, url=with_scheme(url), username=users.get(name), password_file=secret)


def _library(name: str, words: str) -> Library:
    kind, comma, root = words.partition(",")
    if not comma or kind not in KINDS or not root:
        raise WrongUsage(f"--library: {words!r} should be KIND,ROOT, with one of the kinds {', '.join(KINDS)}")
    return Library(name, kind, Path(root).expanduser().absolute())


def _path(word: str) -> tuple[str, str, Path]:
    name, equals, rest = word.partition("=")
    theirs, colon, ours = rest.partition(":")
    if not equals or not colon or not theirs.startswith("/") or not ours:
        raise WrongUsage(f"--path: {word!r} should be NAME=/THEIRS:/OURS")
    return checked_name("--path", name), theirs, Path(ours).expanduser().absolute()

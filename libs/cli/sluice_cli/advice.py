"""What to type where an import waits for a person. Pure: the API's document in, commands out, quoted for a shell."""

from __future__ import annotations

import shlex
from typing import Any

from sluice_cli.words import clean
from sluice_names import Kind, Release, parse

# What stands where the download's name does not tell: for a person to fill in, and no word of a shell's.
_TITLE = "TITLE"
_KIND = "KIND"


def words(row: dict[str, Any]) -> list[str]:
    """What a reason means, and what can be done, where that is no command to be typed as it stands."""
    if (row["state"], row.get("reason")) != ("blocked", "no_media"):
        return []
    return [
        "Nothing in it can be imported: no file is a video that was downloaded; each file's verdict says why not.",
        "Where one is not_wanted: `sluice choose ID --want N`, and when it is there `sluice imports retry IMPORT`.",
        "Where it is no media at all, leave it, or give it a category that is not Sluice's.",
    ]


def commands(row: dict[str, Any], short: str) -> list[str]:
    """For an import that fits no media item: the item made known from what its name says, then the import retried."""
    if (row["state"], row.get("reason")) != ("blocked", "unknown_media"):
        return []
    return [_media_add(parse(str(row["name"]))), f"sluice imports retry {shlex.quote(clean(short))}"]


def _media_add(release: Release) -> str:
    kind = _KIND if release.kind is Kind.UNKNOWN else release.kind.value
    year = f" --year {release.year}" if release.year is not None else ""
    return f"sluice media add {_quoted(clean(release.title or _TITLE))} --kind {kind}{year}"


def _quoted(title: str) -> str:
    """In double quotes, as people write a title; in single ones where a shell would read something in it."""
    risky = set(title) & set('"$`\\!')
    return shlex.quote(title) if risky else f'"{title}"'

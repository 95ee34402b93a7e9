"""The verb `parse`: what is made of release names. Needs no Sluice that runs; nothing is sent anywhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
import typer

from sluice_cli.words import clean
from sluice_names import Quality, Release, parse_path
from sluice_names.worker import Guesser

_STDIN = "-"


def parse(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME…", help="Names or paths of downloads or files; - reads lines.")
    ],
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, in the order given.")] = False,
) -> None:
    """Show what is made of release names; docs/names.md says what is understood.

    A name with folders is read together with them. Nothing is asked of a running Sluice.
    """
    show = as_json if json else as_words
    with Guesser() as guesser:
        try:
            for name in _given(names):
                print(show(guesser.complete(name, parse_path(name))), flush=True)
        except BrokenPipeError:  # whoever read has seen enough; Python would flush once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def as_json(release: Release) -> str:
    """The release as one line of JSON; what the name does not tell is left out."""
    return msgspec.json.encode(document(release)).decode()


def document(release: Release) -> dict[str, Any]:
    """What a name says, by the names that scripts read. Codes: ISO 639-1 for languages, ISO 8601 for the day."""
    told: dict[str, Any] = {
        "kind": release.form.value,
        "title": release.title,
        "year": release.year,
        "season": release.season,
        "seasons": release.seasons,
        "episodes": release.episodes,
        "absolute_episodes": release.absolute_episodes,
        "air_date": release.air_date,
        "quality": _quality(release.quality),
        "codec": release.codec,
        "audio": release.audio,
        "edition": release.edition,
        "languages": release.languages,
        "group": release.group,
        "version": release.version,
        "proper": release.proper or None,
    }
    return {key: value for key, value in told.items() if value not in (None, "", ())}


def as_words(release: Release) -> str:
    """The release in a line for people."""
    title = clean(release.title) if release.title else "(no title)"
    year = f" ({release.year})" if release.year is not None else ""
    quality = " ".join(filter(None, (release.quality.resolution, release.quality.source, release.codec)))
    rest = (
        _numbers(release),
        quality,
        *release.languages,
        release.edition,
        f"by {release.group}" * bool(release.group),
    )
    return "  ".join([f"{release.form.value:<8}{title}{year}", *(clean(word) for word in rest if word)])


def _given(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name != _STDIN:
            yield name
            continue
        for line in sys.stdin.buffer:
            yield line.decode(errors="replace").rstrip("\r\n")


def _quality(quality: Quality) -> dict[str, Any] | None:
    told = {"resolution": quality.resolution, "source": quality.source, "remux": quality.remux or None}
    return {key: value for key, value in told.items() if value is not None} or None


def _numbers(release: Release) -> str:
    if release.air_date is not None and not release.episodes:
        return release.air_date.isoformat()
    if release.absolute_episodes:
        return f"#{_spread(release.absolute_episodes)}"
    season = "" if release.season is None else f"S{release.season:02}"
    return season + (f"E{_spread(release.episodes)}" if release.episodes else "") or (
        f"S{_spread(release.seasons)}" if release.seasons else "all seasons" * release.is_complete
    )


def _spread(numbers: tuple[int, ...]) -> str:
    """`03`, `01-12`, or each of them where some are left out."""
    whole = numbers == tuple(range(numbers[0], numbers[-1] + 1))
    if whole and len(numbers) > 1:
        return f"{numbers[0]:02}-{numbers[-1]:02}"
    return ",".join(f"{number:02}" for number in numbers)

"""The sets of names and what each is expected to say. The form of a line is told in tuning.txt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec

from sluice_names import Release, fold_title, parse, parse_path

HERE = Path(__file__).parent
SETS = ("tuning", "heldout")
# What a name of each kind is, unless its line says otherwise.
FORMS = {
    "single": "episode",
    "multi": "episode",
    "season pack": "season",
    "multi-season": "season",
    "daily": "daily",
    "anime": "episode",
    "anime batch": "",  # of numbered episodes or of a season
    "special": "episode",
    "part": "episode",
    "movie": "movie",
    "edition": "movie",
    "path": "",
    "unknown": "unknown",
}


class Case(msgspec.Struct, frozen=True):
    """A name, its kind and what it should say; None where that is not judged."""

    kind: str
    name: str
    title: str | None
    facts: str


class Verdict(msgspec.Struct, frozen=True):
    """Whether title, numbers and form are right, and of the rest which facts are and are not."""

    title: bool
    numbers: bool
    form: bool
    right: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Title and numbers: what a file is filed by."""
        return self.title and self.numbers and self.form


def cases(which: str) -> Iterator[Case]:
    """Every case of a set."""
    kind = ""
    for line in (HERE / f"{which}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            kind = line[3:]
        elif " >> " in line and not line.startswith("# "):
            name, _, expected = line.rpartition(" >> ")
            title, _, facts = expected.partition("|")
            yield Case(kind, name, None if title.strip() == "?" else title.strip(), facts.strip())


def read(case: Case) -> Release:
    """What we make of it."""
    return parse_path(case.name) if case.kind == "path" else parse(case.name)


def judge(case: Case, release: Release) -> Verdict:
    """Titles count as people compare them; numbers that the line does not give must not be found."""
    facts = dict(_fact(word) for word in _words(case.facts))
    form = facts.pop("k", FORMS[case.kind])
    told = {
        "y": release.year,
        "s": release.season,
        "ss": release.seasons or None,
        "e": release.episodes or None,
        "a": release.absolute_episodes or None,
        "d": release.air_date,
    }
    expected = {key: _value(key, facts[key]) if key in facts else None for key in told}
    if "ss" in facts and not facts["ss"]:
        expected["ss"] = None
    if case.title is None and case.kind == "unknown":
        expected["y"] = told["y"]
    rest = {key: text for key, text in facts.items() if key in "qglxv"}
    right = tuple(key for key, text in rest.items() if _technical(key, release) == text)
    return Verdict(
        title=case.title is None or fold_title(case.title) == fold_title(release.title),
        numbers="?" in facts or told == expected,
        form=form in ("", release.form.value),
        right=right,
        wrong=tuple(key for key in rest if key not in right),
    )


def _words(facts: str) -> list[str]:
    """An edition may hold blanks, so it is the last fact."""
    before, mark, edition = (" " + facts).partition(" x")
    return before.split() + ([f"x{edition}"] if mark else [])


def _fact(word: str) -> tuple[str, str]:
    key = "ss" if word.startswith("ss") else word[0]
    return key, word[len(key) :]


def _value(key: str, text: str) -> object:
    if key == "d":
        return date.fromisoformat(text)
    if key in ("y", "s"):
        return int(text)
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return tuple(numbers)


def _technical(key: str, release: Release) -> str:
    quality = release.quality
    return {
        "q": f"{quality.resolution or ''}/{quality.source or ''}",
        "g": release.group or "",
        "l": ",".join(release.languages),
        "x": release.edition or "",
        "v": str(release.version or ""),
    }[key]

"""Numbers as words, ordinals and Roman numerals. Pure."""

from __future__ import annotations

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_ROMANS = "i ii iii iv v vi vii viii ix x xi xii"
_FRENCH = "un deux trois quatre cinq six sept huit neuf dix"
_NUMBERS = {
    word: number for listed in (_ONES, _ORDINALS, _ROMANS, _FRENCH) for number, word in enumerate(listed.split(), 1)
}

CARDINAL = "|".join(sorted(_ONES.split(), key=len, reverse=True))
ORDINAL = "|".join(sorted(_ORDINALS.split(), key=len, reverse=True))
ROMAN = "|".join(sorted(_ROMANS.split(), key=len, reverse=True))


def number(text: str) -> int | None:
    """`7`, `Seven`, `seventh` and `VII` are 7; None for what is no number."""
    return int(text) if text.isdecimal() else _NUMBERS.get(text.lower())

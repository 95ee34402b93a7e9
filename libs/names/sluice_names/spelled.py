"""Numbers as words, ordinals and Roman numerals. Pure."""

from __future__ import annotations

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_ROMANS = "i ii iii iv v vi vii viii ix x xi xii"
_FRENCH = "un deux trois quatre cinq six sept huit neuf dix"
_NUMBERS = {
    word: number for listed in (_ONES, _ORDINALS, _ROMANS, _FRENCH) for number, word in enumerate(listed.split(), 1)
}

CHINESE = "一二三四五六七八九十"
_DIGITS = {digit: number for number, digit in enumerate(CHINESE, 1)}
CARDINAL = "|".join(sorted(_ONES.split(), key=len, reverse=True))
ORDINAL = "|".join(sorted(_ORDINALS.split(), key=len, reverse=True))
FRENCH = "|".join(word for word in _FRENCH.split() if len(word) > 3)
ROMAN = "|".join(sorted(_ROMANS.split(), key=len, reverse=True))


def number(text: str) -> int | None:
    """`7`, `Seven`, `seventh`, `VII` and `七` are 7; None for what is no number."""
    if text.isdecimal():
        return int(text)
    if all(digit in CHINESE for digit in text):
        return _chinese(text)
    return _NUMBERS.get(text.lower())


def _chinese(text: str) -> int | None:
    """Up to 99: 十 is ten, 十一 eleven, 二十三 twenty-three."""
    tens, ten, ones = text.rpartition("十")
    if len(tens) > 1 or len(ones) > 1 or tens == "十":
        return None
    return (10 * _DIGITS.get(tens, 1) if ten else 0) + _DIGITS.get(ones, 0)

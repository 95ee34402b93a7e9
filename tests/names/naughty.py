"""Names that are meant to break or to keep busy whatever reads them."""

from __future__ import annotations

from collections.abc import Iterator

_LONG = 10_000
# Repeated to 10 kB: what a pattern that can match in two ways would choke on.
_UNITS = (
    "s01e01", "S01E01E02-", "1x01-02-", "(1999)", "1999 ", "x264-", "[]", "[[[[", "((((", "]]]]",
    "E01-E02-", "2001.01.01.",
    "a b ", "- 01 ", " - ", ".", "_", " ", "-", "0", "9", "S1", "S01-", "Season 1 ", "Part 1 of ",
    "1of2 ", "v2", "[01]",
    "01~", "EXTENDED ", "Directors Cut ", "the complete ", "german ", "A.", "é", "第1話", "{edition-",
    "[imdb-tt", "www.a.",
    "a/", "\\", "%", "\0", "\n", "\t", "\u200b", "\u202e", "\ud800", "\U0010ffff", "🎬", "İ", "ß", "ﬁ",
    "１", "٣", "Ⅷ", "½",
)  # fmt: skip
_PLAIN = (
    "", " ", ".", "..", "/", "//", "-", "--help", "nul", "CON", ".mkv", "mkv", "S01E", "SxxExx",
    "S00E00", "S9999E9999",
    "S١E٢", "S１E２", "E", "x", "1x", "x1", "0x00", "99x999", "Season", "Season 0", "Part", "Part 0",
    "0of0", "9999", "1899",
    "1900", "2040", "2100", "0000.00.00", "2024.13.45", "99999999", "20240230", "[", "]", "()",
    "[] - 01", "[ ] [ ]", "{}",
    "null", "None", "undefined", "true", "NaN", "1e309", "-1", "'", '"', "`", "${HOME}", "$(id)",
    "; rm -rf /", "' OR 1=1",
    "<script>alert(1)</script>", "%s%n%x", "../../etc/passwd", "\ufeff", "\u2028", "a\0b", "\udc80\ud800", "𝔖𝟎𝟏𝔈𝟎𝟐",
    "Ω≈ç√∫˜µ≤≥÷", "田中さんにあげて下さい", "ثم نفس سقطت", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤a̴l̸g̷o̵", "👩‍👩‍👧‍👦.S01E01", "ｆｕｌｌ．Ｓ０１Ｅ０１",
)  # fmt: skip


def naughty() -> Iterator[str]:
    """Short ones, and each unit repeated to 10 kB, alone and behind a title, and before a season and episode."""
    yield from _PLAIN
    for unit in _UNITS:
        long = unit * (_LONG // len(unit))
        yield from (long, f"Show.{long}", f"[Group] Show - {long}", f"{long[:200]}.S01E01.1080p", f"{long[:230]} 2019")
    for first in range(0, 0x110000, 0x10000 // 16):
        yield "".join(map(chr, range(first, first + 120)))

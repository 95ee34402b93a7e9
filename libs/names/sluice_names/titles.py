"""Comparing titles. Pure."""

from __future__ import annotations

import re
import unicodedata

_APOSTROPHES = re.compile(r"['’‘`´]")
_NOT_WORD = re.compile(r"[\W_]+")
_ARTICLES = frozenset({"the", "a", "an"})
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"})


def fold_title(title: str) -> str:
    """The form in which two titles that a person calls the same are equal; "" for one without a letter or digit.

    Case, accents, punctuation and spacing do not count; `&` and `+` are "and"; an apostrophe vanishes without parting
    its word (`It's` is `Its`). A leading English article (the, a, an) is dropped if anything is left after it, and so
    is the one that a library sorts behind a comma (`Office, The`).
    """
    spelled = _APOSTROPHES.sub("", title.casefold()).replace("&", " and ").replace("+", " and ")
    plain = "".join(c for c in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(c))
    head, comma, tail = plain.rpartition(",")
    if comma and tail.strip() in _ARTICLES:
        plain = head
    words = _NOT_WORD.sub(" ", plain.translate(_LETTERS)).split()
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    return " ".join(words)


def same_title(one: str, other: str) -> bool:
    """Whether both name the same work by `fold_title`'s rules; an empty title is like nothing, itself included."""
    folded = fold_title(one)
    return folded != "" and folded == fold_title(other)

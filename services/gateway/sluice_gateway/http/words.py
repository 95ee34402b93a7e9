"""The decoder's faults in people's words: what a field must be, under the name that the API calls it by. Pure."""

from __future__ import annotations

import re

_AT = re.compile(r"(.*) - at `(?:key in )?\$\.?([^`]*)`", re.DOTALL)
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "bytes": "base64",
    "null": "null",
}
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Expected `str` of length >= (\d+)"), "must have at least {0} characters"),
    (re.compile(r"Expected `str` of length <= (\d+)"), "must have at most {0} characters"),
    (re.compile(r"Expected `(?:array|object)` of length >= (\d+)"), "must have at least {0} items"),
    (re.compile(r"Expected `(?:array|object)` of length <= (\d+)"), "must have at most {0} items"),
    (re.compile(r"Expected `(?:int|float)` >= (\S+)"), "must be {0} or more"),
    (re.compile(r"Expected `(?:int|float)` <= (\S+)"), "must be {0} or less"),
    (
        re.compile(r"Invalid (?:enum value|value) (.+)"),
        "{0} is none of what it may be; /schema/openapi.json lists that",
    ),
)
_ONE = re.compile(r"\b(1) (character|item)s\b")
_WRONG_KIND = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")


def in_words(message: str) -> tuple[str | None, str]:
    """The field's path, where the message names one, and what is wrong with it; what is not known stays as it came."""
    found = _AT.fullmatch(message)
    field, what = (found[2] or None, found[1]) if found is not None else (None, message)
    for pattern, told in _RULES:
        matched = pattern.fullmatch(what)
        if matched is not None:
            return field, _ONE.sub(r"\1 \2", told.format(*(group.removesuffix(".0") for group in matched.groups())))
    kinds = _WRONG_KIND.fullmatch(what)
    if kinds is not None:
        return field, f"must be {_kinds(kinds[1])}, not {_kinds(kinds[2])}"
    return field, what


def _kinds(told: str) -> str:
    return " or ".join(_KINDS.get(kind.strip(), kind.strip()) for kind in told.split("|"))

"""Which languages a name says it is in, as ISO 639-1 codes. Pure."""

from __future__ import annotations

import re

_LANGUAGES = {
    "multi": r"multi|multi-?lang(?:uage)?",
    "en": r"english|eng|vo",
    "fr": r"french|truefrench|vostfr|vff|vfq|vf2|vfi|vf|fre|fran[cç]ais|subfrench",
    "de": r"german|swissgerman|ger|deutsch",
    "es": r"spanish|castellano|espa[nñ]ol|latino|esp|spa|lat",
    "it": r"italian|ita",
    "pt": r"portuguese|por|pt-?br|por-br|dublado",
    "nl": r"dutch|nl|flemish",
    "da": r"danish|dan",
    "sv": r"swedish|swe",
    "no": r"norwegian|nor",
    "fi": r"finnish|fin",
    "is": r"icelandic",
    "pl": r"polish|pl|pldub|lektor(?:pl)?|plsub",
    "cs": r"czech|cz|cze",
    "sk": r"slovak|sk",
    "hu": r"hungarian|hun",
    "ro": r"romanian|rodubbed",
    "bg": r"bulgarian|bgaudio",
    "el": r"greek",
    "tr": r"turkish|tur",
    "ru": r"russian|rus",
    "uk": r"ukrainian|ukr",
    "he": r"hebrew|hebdub",
    "ar": r"arabic|ara",
    "hi": r"hindi|hin",
    "ta": r"tamil|tam",
    "te": r"telugu|tel",
    "ml": r"malayalam",
    "ja": r"japanese|jpn|jap",
    "ko": r"korean|kor",
    "zh": r"chinese|mandarin|cantonese|chi|chs|cht",
    "th": r"thai",
    "vi": r"vietnamese",
}
_EDGES = r"(?<![^\W_])(?:{})(?![^\W_])"
_PATTERNS = {code: re.compile(_EDGES.format(words), re.IGNORECASE) for code, words in _LANGUAGES.items()}
_ANY = re.compile(_EDGES.format("|".join((*_LANGUAGES.values(), "nordic"))), re.IGNORECASE)
# What is only in the subtitles is no language of the release.
_SUBTITLES = re.compile(r"(?:subs?|subtitles?)[ -](?:[a-z]{2,10}[ -]?){1,2}|\b[a-z]{2,10}[ -]?subs?\b", re.IGNORECASE)


def languages(words: str) -> tuple[str, ...]:
    """The languages in the words behind a title, in the order of their first mention."""
    spoken = _SUBTITLES.sub(" ", words)
    if _ANY.search(spoken) is None:
        return ()
    found = [(match.start(), code) for code, pattern in _PATTERNS.items() if (match := pattern.search(spoken))]
    return tuple(code for _, code in sorted(found))


def is_language(word: str) -> bool:
    """Whether a single word is a language's."""
    return _ANY.fullmatch(word) is not None

"""The technical half of a name: resolution, source, codec, audio, proper, and where it begins. Pure; tables, not
switches.

Every pattern is tried on a name whose dots and underscores are blanks already.
"""

from __future__ import annotations

import re

from sluice_names.release import Quality

# How many lines a picture has: numbers that are never an episode's for want of a better word.
LINES = (360, 480, 540, 576, 720, 1080, 1440, 2160, 4320)
_SOURCES = {
    "bluray": (
        r"blu-? ?ray|b[dr](?:rip)?mux|hdlight|bd-?rip|br-?rip|bd-?remux|bdmv|"
        r"bd(?:25|50|iso)?(?: ?(?=720p|1080p|2160p))?|uhd-?bd|hddvd"
    ),
    "webrip": r"web-?rip|web-?cap",
    "web": r"web[- ]?dl(?=\b|-)|webhd|web(?= ?-?(?:480|720|1080|2160)p)|web|vodrip",
    "hdtv": r"hdtv(?:rip)?|uhdtv|pdtv|sdtv|dsr(?:ip)?|dvb(?:rip)?|sat-?rip|tv-?rip|hd-?rip",
    "dvd": r"dvd-?rip|dvd-?r|dvd[59]?|dvd-?scr|dvd-?remux|md?vdrip",
    "cam": r"hd-?cam|cam-?rip|cam|telesync|hd-?ts|telecine|hd-?tc",
}
_CODECS = {
    "h265": r"[xh][ -]?265|hevc(?:10)?",
    "h264": r"[xh][ -]?264|avc|hi10p?",
    "av1": r"av1",
    "xvid": r"xvid|divx",
    "vc1": r"vc-?1",
    "mpeg2": r"mpeg-?2",
    "vp9": r"vp9",
}
_AUDIOS = {
    "truehd": r"true-?hd(?: ?\d \d)?",
    "dts-hd": r"dts-?(?:hd)?-?(?: ?ma| ?hra|x)(?: ?\d \d)?|dts-?hd",
    "dts": r"dts(?: ?\d \d)?",
    "eac3": r"(?:ddpa?|dd\+|e-?ac-?3|ddp)(?:a?\d(?: \d)?)?",
    "ac3": r"dd(?:\d \d|\d)|ac-?3|dd",
    "aac": r"(?:he-?)?aac(?:\d(?: \d)?)?",
    "flac": r"flac(?:\d \d)?",
    "opus": r"opus(?:\d \d)?",
    "mp3": r"mp3",
    "pcm": r"l?pcm",
}
_OTHERS = (
    r"hdr(?:10(?:\+|plus)?)?|dv|dovi|dolby ?vision|sdr|hlg|(?:8|10|12)-?bits?|ma10p|hi10p?|atmos|remux|proper|"
    r"repack\d?|rerip|real|internal|limited|hybrid|dubbed|subbed|hc|hardsub|3d|hsbs|h-?sbs|hou|half-?sbs|nf|amzn|dsnp|atvp|hmax|"
    r"hulu|pmtp|pcok|ddc|multi-?subs?|multiple subtitles?|\dch|[257] [012]|complete|batch|read ?nfo|60fps|uncensored|"
    r"\d{3,4}mb|dual[- ]?audio|cd[1-4]|dl|ac3d|stv|pal|ntsc|convert|hq|hfr|doku|vhs(?:rip)?|nfo-?fix|f?hd|hdtc"
)
_START, _END = r"(?<![^\W_])(?<!')", r"(?![^\W_])"


def _words(alternatives: str) -> re.Pattern[str]:
    return re.compile(_START + r"(?:" + alternatives + r")" + _END, re.IGNORECASE)


_SOURCE_WORDS = {source: _words(words) for source, words in _SOURCES.items()}
_CODEC_WORDS = {codec: _words(words) for codec, words in _CODECS.items()}
_AUDIO_WORDS = {audio: _words(words) for audio, words in _AUDIOS.items()}
_LINES = rf"(?:{'|'.join(map(str, LINES))})"
_RESOLUTION = _words(rf"(?:bd|web)?(?P<lines>{_LINES}[pi])(?:\d\d)?|(?:\d{{3,4}})x(?P<height>{_LINES})|4k|uhd")
_PROPER = _words(r"proper|repack\d?|rerip")
_REMUX = _words(r"remux|bd-?remux|dvd-?remux")
# What no title is: with these alone the title ends. Charlotte's Web, The Cam Girl and Real Steel are titles.
_SURE = _words(
    "|".join(
        (
            rf"(?:bd|web)?{_LINES}[pi](?:\d\d)?|\d{{3,4}}x{_LINES}",
            *(words for codec, words in _CODECS.items() if codec != "vc1"),
            r"blu-?ray|bd-?rip|br-?rip|bd-?remux|b[dr](?:rip)?mux|hdlight|dvd-?r|web-?rip|web-?dl|hdtv(?:rip)?|pdtv|dsrip|sat-?rip|tv-?rip|hd-?rip|"
            r"dvd-?rip|dvd-?scr|dvd[59]|hd-?cam|cam-?rip|uhd",
            r"nc(?:op|ed)\d{0,2}|ddp?\d \d|dts-?hd|true-?hd|aac\d \d|10-?bit",
        )
    )
)
_ANY = _words(
    "|".join(
        (
            rf"(?:bd|web)?{_LINES}[pi](?:\d\d)?|\d{{3,4}}x{_LINES}|4k|uhd",
            *_SOURCES.values(),
            *_CODECS.values(),
            *_AUDIOS.values(),
            _OTHERS,
        )
    )
)


def quality(text: str) -> Quality:
    """Resolution and source of the words in `text`."""
    return Quality(
        resolution=_resolution(text), source=_first(_SOURCE_WORDS, text), remux=_REMUX.search(text) is not None
    )


def codec(text: str) -> str | None:
    """The video codec, as `h264`."""
    return _first(_CODEC_WORDS, text)


def audio(text: str) -> str | None:
    """The audio codec, as `eac3`; the best of several."""
    return _first(_AUDIO_WORDS, text)


def is_proper(text: str) -> bool:
    """Whether it says PROPER, REPACK or RERIP."""
    return _PROPER.search(text) is not None


def technical_start(text: str) -> int:
    """Where the first word begins that can be no title's; the length of the text where there is none."""
    found = _SURE.search(text)
    return len(text) if found is None else found.start()


def is_technical(text: str) -> bool:
    """Whether `text` begins with a technical word of any kind, also one that may be a title's."""
    return _ANY.match(text.strip(" -([{")) is not None


def _resolution(text: str) -> str | None:
    found = _RESOLUTION.search(text)
    if found is None:
        return None
    return (found["lines"] or "").lower() or (f"{found['height']}p" if found["height"] else "2160p")


def _first(table: dict[str, re.Pattern[str]], text: str) -> str | None:
    return next((name for name, pattern in table.items() if pattern.search(text)), None)

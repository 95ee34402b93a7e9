"""`sluice parse`: what scripts read, and what people do."""

from __future__ import annotations

import json
import subprocess
import sys

from sluice_cli.names import as_json, as_words
from sluice_names import Release, parse, parse_path

NAMES = (
    "Harrow.Lane.S01E01E02.1080p.WEB-DL.H.264-FLUXY.mkv",
    "The.Late.Hour.2024.03.05.720p.WEB",
    "Harrow.Lane.S02.1080p",
    "Blade.Runner.1982.The.Final.Cut.GERMAN.2160p.UHD.BluRay.REMUX-GRP",
    "[Group] Kumo no Mukou - 07v2 [1080p].mkv",
    "8f4e2a9c7d1b4f60a5c3e7d9b2f18c44.mkv",
)


def run(*arguments: str, given: bytes = b"") -> list[str]:
    """The lines that the verb prints."""
    command = [sys.executable, "-m", "sluice_cli.main", "parse", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def test_each_kind_has_its_keys_and_no_others() -> None:
    """What a name does not tell is left out, so that a script sees a missing key and never an empty one."""
    episode, daily, season, movie, anime, nothing = (json.loads(as_json(parse(name))) for name in NAMES)
    web = {"resolution": "1080p", "source": "web"}
    assert episode == {
        "kind": "episode", "title": "Harrow Lane", "season": 1, "episodes": [1, 2], "quality": web, "codec": "h264",
        "group": "FLUXY",
    }  # fmt: skip
    assert (daily["kind"], daily["title"], daily["air_date"]) == ("daily", "The Late Hour", "2024-03-05")
    assert season == {"kind": "season", "title": "Harrow Lane", "season": 2, "quality": {"resolution": "1080p"}}
    assert (movie["kind"], movie["title"], movie["year"]) == ("movie", "Blade Runner", 1982)
    assert (movie["edition"], movie["languages"], movie["group"]) == ("final cut", ["de"], "GRP")
    assert movie["quality"] == {"resolution": "2160p", "source": "bluray", "remux": True}
    assert (anime["kind"], anime["absolute_episodes"], anime["version"]) == ("episode", [7], 2)
    assert nothing == {"kind": "unknown"}


def test_people_get_a_line() -> None:
    """Numbers as they are spoken of; several seasons, all of them, ranges and gaps."""
    assert as_words(parse(NAMES[0])) == "episode Harrow Lane  S01E01-02  1080p web h264  by FLUXY"
    assert as_words(parse(NAMES[5])) == "unknown (no title)"
    assert "S01-03" in as_words(parse("Show.S01-S03"))
    assert "all seasons" in as_words(parse("Show.Complete.Series"))
    assert "S01E05,07" in as_words(parse("Show.S01E05E07"))
    assert "#01-12" in as_words(parse("[G] Show (01-12)"))
    assert "2024-03-05" in as_words(parse(NAMES[1]))


def test_a_name_cannot_drive_a_terminal() -> None:
    """Escapes in a title, a group or an edition are shown as what they are not."""
    hostile = Release(title="a\x1b[31mb", group="\x1b]0;c", edition="\x9b", languages=("\x1b",))
    assert not any(char in as_words(hostile) for char in "\x1b\x9b")


def test_lines_come_in_the_order_given() -> None:
    """Names, and those of standard input where the dash stands; each line has its object, also an empty one."""
    given = "\n".join([NAMES[1], "", NAMES[2]]).encode() + b"\r\n"
    kinds = [json.loads(line)["kind"] for line in run("--json", NAMES[0], "-", NAMES[3], given=given)]
    assert kinds == ["episode", "daily", "unknown", "season", "movie"]


def test_thousands_of_names_are_read_in_one_process() -> None:
    """Bytes that are no UTF-8, terminals' escapes and ten kilobytes in a line among them."""
    lines = [f"Show.S{n // 100:02}E{n % 100:02}.720p".encode() for n in range(3000)]
    lines[10:13] = [b"\xff\xfe.S01E01", b"\x1b[2J.S01E02", b"S01E01." * 1500]
    told = [json.loads(line) for line in run("--json", "-", given=b"\n".join(lines))]
    assert len(told) == 3000
    assert told[-1] == {
        "kind": "episode", "title": "Show", "season": 29, "episodes": [99], "quality": {"resolution": "720p"},
    }  # fmt: skip
    assert told[11]["episodes"] == [2]


def test_a_path_is_read_with_its_folders() -> None:
    """As the importer sees a file."""
    path = "Harrow Lane/Season 02/03 - The Well.mkv"
    assert json.loads(run("--json", path)[0]) == json.loads(as_json(parse_path(path)))

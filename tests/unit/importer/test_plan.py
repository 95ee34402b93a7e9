"""One verdict per file, decided before a disk is touched."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice_importer.match.values import MediaItem, NewItem
from sluice_importer.plan.paths import confine
from sluice_importer.plan.planning import plan
from sluice_importer.plan.values import Code, Held, ManifestFile, Plan, Verdict
from sluice_names import Release, parse

MB = 1024 * 1024


class Library(msgspec.Struct, frozen=True):
    """A library's settings, as far as planning reads them."""

    kind: Literal["movies", "series"]


FILMS, SERIES = Library("movies"), Library("series")
FILM = MediaItem(id="f", kind="movie", title="Dune: Part Two", year=2024, library="films")
SHOW = MediaItem(id="s", kind="series", title="The Show", year=2019, library="tv")


def file(path: str, size: int = 700 * MB, *, wanted: bool = True) -> ManifestFile:
    """A manifest's row."""
    return ManifestFile(path=path, size=size, wanted=wanted)


def film(*files: ManifestFile, held: tuple[Held, ...] = ()) -> Plan:
    """The plan of a film's download."""
    return plan(files, FILM, FILMS, parse("Dune.Part.Two.2024.1080p"), held)


def show(*files: ManifestFile, held: tuple[Held, ...] = (), name: str = "The.Show.S01.1080p") -> Plan:
    """The plan of a series' download."""
    return plan(files, SHOW, SERIES, parse(name), held)


def said(made: Plan) -> list[tuple[str, str, str | None]]:
    """Verdict, code and target of each file, in the manifest's order."""
    return [(verdict.verdict.value, verdict.code.value, verdict.target) for verdict in made.files]


def test_a_film_goes_into_its_own_folder() -> None:
    """`Title (Year)/Title (Year).ext`, without what a file system refuses."""
    made = film(file("Dune.2024.MKV"))
    assert said(made) == [("import", "video", "Dune - Part Two (2024)/Dune - Part Two (2024).mkv")]
    assert made.blocked is None
    assert made.to_place == made.files


def test_a_film_without_a_year_needs_none() -> None:
    """An item made from a name may lack its year."""
    made = plan([file("x.mp4")], NewItem(kind="movie", title="X"), FILMS, Release())
    assert said(made) == [("import", "video", "X/X.mp4")]


def test_a_season_pack_is_filed_by_season_and_episode() -> None:
    """Single, double, ranges and specials each get their name, whatever the folders are called."""
    made = show(
        file("The.Show.S01/The.Show.S01E01.mkv"),
        file("The.Show.S01/the show 1x02-03.mkv"),
        file("The.Show.S01/The.Show.S01E05E07.mkv"),
        file("The.Show.S01/The.Show.S00E01.Special.mkv"),
    )
    assert [target for _, _, target in said(made)] == [
        "The Show/Season 01/The Show - S01E01.mkv",
        "The Show/Season 01/The Show - S01E02-E03.mkv",
        "The Show/Season 01/The Show - S01E05E07.mkv",
        "The Show/Season 00/The Show - S00E01.mkv",
    ]
    assert [(verdict.season, verdict.episodes) for verdict in made.files] == [
        (1, (1,)),
        (1, (2, 3)),
        (1, (5, 7)),
        (0, (1,)),
    ]


def test_the_season_comes_from_the_folder_where_the_file_has_only_a_number() -> None:
    """`Season 02/01 - Pilot.mkv` in a pack is S02E01; the download's own season is the last resort."""
    made = show(file("Show/Season 02/01 - Pilot.mkv"), file("Show/02 - Next.mkv"), name="The.Show.S03")
    assert [(verdict.season, verdict.episodes) for verdict in made.files] == [(2, (1,)), (3, (2,))]


def test_an_absolute_number_is_the_seasons_only_while_it_can_be() -> None:
    """`Show - 05.mkv` in a season's folder is its fifth; the 972nd of a long show waits for a person."""
    made = show(file("Show/Season 02/The Show - 05.mkv"), file("Show/Season 20/The Show - 0972.mkv"))
    assert [(verdict.season, verdict.episodes) for verdict in made.files] == [(2, (5,)), (None, ())]


def test_a_lone_video_takes_its_episode_from_its_folder_or_the_download() -> None:
    """An obfuscated file name is no obstacle where only one video can be meant."""
    by_name = show(file("abcdef.mkv"), name="The.Show.S01E04.720p")
    assert by_name.files[0].target == "The Show/Season 01/The Show - S01E04.mkv"
    by_folders = show(file("S01E05/abcdef.mkv"), file("S01E06/ghijk.mkv"))
    assert [verdict.episodes for verdict in by_folders.files] == [(5,), (6,)]


def test_a_video_without_an_episode_waits_for_a_person() -> None:
    """Nothing is filed under a guess, and the rest of the pack goes on."""
    made = show(file("The.Show.S01E01.mkv"), file("Behind the scenes.mkv"))
    assert said(made)[1] == ("blocked", "unknown_episode", None)
    assert made.blocked is None
    assert [verdict.path for verdict in made.unresolved] == ["Behind the scenes.mkv"]
    assert show(file("Behind the scenes.mkv")).blocked is Code.UNKNOWN_EPISODE


def test_two_files_of_one_episode_are_a_conflict_of_the_smaller() -> None:
    """The larger is imported, whatever the order; nothing is silently dropped."""
    made = show(file("The.Show.S01E01.720p.mkv", 1), file("The.Show.S01E01.1080p.mkv", 2))
    assert [(verdict, code) for verdict, code, _ in said(made)] == [
        ("conflict", "same_episode"),
        ("import", "video"),
    ]


def test_what_the_library_has_is_a_duplicate() -> None:
    """All episodes held: done. Some held: a person decides."""
    held = (Held(path="x", size=1, season=1, episodes=(1,)),)
    made = show(file("The.Show.S01E01.mkv"), file("The.Show.S01E01E02.mkv"), held=held)
    assert [code for _, code, _ in said(made)] == ["already_in_library", "partly_in_library"]
    assert made.blocked is None
    assert made.to_place == ()
    assert said(film(file("d.mkv"), held=(Held(path="x", size=1),)))[0][1] == "already_in_library"


def test_samples_and_what_is_not_wanted_are_skipped() -> None:
    """A sample is never the import, even where it is the only video."""
    made = film(
        file("Sample/dune.mkv", 30 * MB),
        file("dune-sample.mkv", 30 * MB),
        file("The.Sample.2024.mkv"),
        file("Featurette.mkv", wanted=False),
        file("dune.iso"),
        file("dune.nfo"),
        file("empty.mkv", 0),
    )
    assert [code for _, code, _ in said(made)] == [
        "sample",
        "sample",
        "video",
        "not_wanted",
        "not_media",
        "companion",
        "empty",
    ]
    assert film(file("sample.mkv", 1)).blocked is Code.NO_MEDIA


def test_of_several_videos_only_a_clearly_larger_one_is_the_film() -> None:
    """A featurette is a companion; two discs are for a person."""
    assert [code for _, code, _ in said(film(file("a.mkv", 100), file("b.mkv", 900)))] == ["companion", "video"]
    assert film(file("cd1.avi", 700), file("cd2.avi", 690)).blocked is Code.SEVERAL_VIDEOS


@pytest.mark.parametrize("name", ["Dune.mkv.exe", "setup.EXE", "film.lnk", "codec.scr ", "run.sh."])
def test_an_executable_blocks_the_whole_download(name: str) -> None:
    """Nothing of a download is placed beside something that poses as media, wanted or not."""
    made = film(file("dune.mkv"), file(name, wanted=False))
    assert said(made)[1] == ("dangerous", "executable", None)
    assert made.blocked is Code.EXECUTABLE
    assert made.to_place == ()


@pytest.mark.parametrize("path", ["../dune.mkv", "/etc/dune.mkv", "a/../../dune.mkv", "a\0.mkv", "a//b.mkv", "", "."])
def test_a_path_that_climbs_is_dangerous(path: str) -> None:
    """Absolute, `..`, NUL and empty components are refused before anything opens them."""
    made = film(file(path), file("dune.mkv"))
    assert said(made)[0] == ("dangerous", "unsafe_path", None)
    assert made.blocked is Code.UNSAFE_PATH


def test_a_name_no_disk_can_hold_is_blocked() -> None:
    """300 bytes in a component: said, not tried."""
    assert said(film(file("d" * 300 + ".mkv")))[0] == ("blocked", "name_too_long", None)


def test_an_archive_matters_only_where_there_is_no_video() -> None:
    """Packed subtitles do not hold up a film; a packed film is said to be packed."""
    assert film(file("dune.rar"), file("dune.r00")).blocked is Code.ARCHIVE
    assert said(film(file("dune.mkv"), file("subs.rar")))[1] == ("skip", "companion", None)


def test_subtitles_go_beside_their_video() -> None:
    """Same stem, new stem; the language stays, what else the name says does not; one name is given once."""
    made = show(
        file("The.Show.S01E01.mkv"),
        file("The.Show.S01E01.en.forced.srt", 9),
        file("Subs/The.Show.S01E01.pt-BR.ass", 9),
        file("The.Show.S01E01.English.srt", 9),
        file("The.Show.S01E01 (copy).srt", 9),
        file("The.Show.S01E010.srt", 9),
    )
    stem = "The Show/Season 01/The Show - S01E01"
    assert said(made)[1:] == [
        ("extra", "subtitle", f"{stem}.en.forced.srt"),
        ("extra", "subtitle", f"{stem}.pt-br.ass"),
        ("extra", "subtitle", f"{stem}.srt"),
        ("skip", "companion", None),
        ("skip", "companion", None),
    ]


def test_a_library_of_the_other_kind_takes_nothing() -> None:
    """A film never lands among the series."""
    made = plan([file("dune.mkv")], FILM, SERIES, Release())
    assert made.blocked is Code.WRONG_KIND


CLIMBING = ["..", ".", "", "a/../b", r"\\x\y", r"C:\x", "\0"]
NAUGHTY = ["CON", "aux.", ".sluice-root", "é" * 300, "\u202e", "\ud800", *CLIMBING]
HOSTILE = st.one_of(st.text(st.characters(), max_size=300), st.sampled_from(NAUGHTY))
ENDINGS = st.sampled_from([".mkv", ".srt", ""])
PATHS = st.builds(lambda parts, end: "/".join(parts) + end, st.lists(HOSTILE, max_size=4), ENDINGS)


def assert_safe(target: str) -> None:
    """A relative path of at least two components that every common file system takes."""
    components = confine(target)
    assert isinstance(components, tuple)
    assert len(components) >= 2
    for component in components:
        assert component == component.strip(" ")
        assert not component.startswith(".")
        assert not component.endswith(".")
        assert not set(component) & set('<>:"/\\|?*')
        assert not any(ord(c) < 32 or ord(c) == 127 for c in component)
        assert component.split(".")[0].strip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
        assert len(component.encode()) <= 255


@settings(max_examples=150, deadline=None, derandomize=True)
@given(paths=st.lists(PATHS, max_size=4), title=HOSTILE, movie=st.booleans(), year=st.none() | st.integers(1800, 2100))
def test_no_target_ever_leaves_the_library(paths: list[str], title: str, movie: bool, year: int | None) -> None:
    """Whatever a torrent or a title is called, every file has one verdict and every target is safe."""
    work = NewItem(kind="movie" if movie else "series", title=title, year=year)
    manifest = [file(path) for path in paths] + [
        file("S01E01E02E03E05E08.mkv", 2**40),
        file("S01E01E02E03E05E08.en.srt", 1),
    ]
    made = plan(manifest, work, FILMS if movie else SERIES, parse("x.S9999E9999"))
    assert len(made.files) == len(manifest)
    for verdict in made.files:
        assert (verdict.target is not None) == (verdict.verdict in (Verdict.IMPORT, Verdict.EXTRA))
        if verdict.target is not None:
            assert_safe(verdict.target)


@pytest.mark.parametrize(
    ("title", "component"),
    [
        ("Con Air", "Con Air"),
        ("con", "con_"),
        ("Aux.", "Aux_"),
        ("..", "unnamed"),
        (".hack//Sign", "hack-Sign"),
        ("What?", "What"),
        ("A/B", "A-B"),
        ("Tab\there", "Tab here"),
        ("Right\u202eleft", "Rightleft"),
        ("e\u0301", "é"),
        ("é" * 200, "é" * 80),
    ],
)
def test_a_title_becomes_a_component(title: str, component: str) -> None:
    """Illegal characters go, words stay, and a cut falls between characters."""
    made = plan([file("S01E01.mkv")], NewItem(kind="series", title=title), SERIES, Release())
    assert str(made.files[0].target).split("/")[0] == component

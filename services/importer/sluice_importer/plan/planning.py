"""The plan: one verdict per file of the manifest. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sluice_importer.plan.companions import beside_videos
from sluice_importer.plan.episodes import episode_verdicts
from sluice_importer.plan.kinds import FileKind, is_sample, kind_of, split_extension
from sluice_importer.plan.naming import movie_path
from sluice_importer.plan.paths import confine
from sluice_importer.plan.values import Code, FilePlan, Held, LibraryLike, ManifestFile, Plan, Verdict, Work
from sluice_names import Release

_HOLDS = {"movies": "movie", "series": "series"}
# Of several videos the film is the one that is this many times larger than any other.
_CLEARLY_LARGER = 2


def plan(
    manifest: Sequence[ManifestFile],
    work: Work,
    library: LibraryLike,
    release: Release,
    held: Iterable[Held] = (),
) -> Plan:
    """Decide what becomes of each file of a download of `work` that its client calls `release`.

    `held` is what the catalogue already has of the same work. Nothing is planned for a download that holds anything
    dangerous, and nothing outside the library can be: every target is made of safe components.
    """
    early = {file.path: verdict for file in manifest if (verdict := _without_work(file)) is not None}
    videos = [file for file in manifest if file.path not in early and _is(file, FileKind.VIDEO)]
    if _HOLDS[library.kind] != work.kind:
        decided = {video.path: _verdict(video, Verdict.BLOCKED, Code.WRONG_KIND) for video in videos}
    elif work.kind == "movie":
        decided = _movie_verdicts(videos, work, list(held))
    else:
        decided = episode_verdicts(videos, work, release, list(held))
    placed = [verdict for verdict in decided.values() if verdict.target is not None]
    rest = [file for file in manifest if file.path not in early and file.path not in decided]
    beside = beside_videos([file for file in rest if _is(file, FileKind.SUBTITLE)], placed)
    known = early | decided | beside
    files = tuple(known.get(file.path) or _unplaced(file, has_video=bool(videos)) for file in manifest)
    return Plan(files=files, blocked=_blocked(files))


def _is(file: ManifestFile, kind: FileKind) -> bool:
    return kind_of(file.path.rpartition("/")[2]) is kind


def _verdict(file: ManifestFile, verdict: Verdict, code: Code, target: str | None = None) -> FilePlan:
    return FilePlan(path=file.path, size=file.size, verdict=verdict, code=code, target=target)


def _without_work(file: ManifestFile) -> FilePlan | None:
    """The verdicts that need no work: the path, the kind and the size decide. A danger counts even if not wanted."""
    components = confine(file.path)
    if components == "unsafe_path":
        return _verdict(file, Verdict.DANGEROUS, Code.UNSAFE_PATH)
    if isinstance(components, str):
        return _verdict(file, Verdict.BLOCKED, Code.NAME_TOO_LONG)
    kind = kind_of(components[-1])
    tests: tuple[tuple[Callable[[], bool], Verdict, Code], ...] = (
        (lambda: kind is FileKind.DANGEROUS, Verdict.DANGEROUS, Code.EXECUTABLE),
        (lambda: not file.wanted, Verdict.SKIP, Code.NOT_WANTED),
        (lambda: kind is FileKind.VIDEO and file.size == 0, Verdict.SKIP, Code.EMPTY),
        (lambda: kind is FileKind.VIDEO and is_sample(components, file.size), Verdict.SKIP, Code.SAMPLE),
        (lambda: kind is FileKind.OTHER, Verdict.SKIP, Code.NOT_MEDIA),
    )
    return next((_verdict(file, verdict, code) for applies, verdict, code in tests if applies()), None)


def _movie_verdicts(videos: list[ManifestFile], work: Work, held: list[Held]) -> dict[str, FilePlan]:
    if not videos:
        return {}
    film, *others = sorted(videos, key=lambda file: (-file.size, file.path))
    if others and film.size < _CLEARLY_LARGER * others[0].size:
        return {file.path: _verdict(file, Verdict.BLOCKED, Code.SEVERAL_VIDEOS) for file in (film, *others)}
    verdicts = {file.path: _verdict(file, Verdict.SKIP, Code.COMPANION) for file in others}
    if held:
        return verdicts | {film.path: _verdict(film, Verdict.DUPLICATE, Code.ALREADY_IN_LIBRARY)}
    target = movie_path(work, split_extension(film.path)[1])
    return verdicts | {film.path: _verdict(film, Verdict.IMPORT, Code.VIDEO, target)}


def _unplaced(file: ManifestFile, *, has_video: bool) -> FilePlan:
    """An archive is what has to be unpacked only where no video lies beside it."""
    if _is(file, FileKind.ARCHIVE) and not has_video:
        return _verdict(file, Verdict.BLOCKED, Code.ARCHIVE)
    return _verdict(file, Verdict.SKIP, Code.COMPANION)


def _blocked(files: Sequence[FilePlan]) -> Code | None:
    danger = next((file.code for file in files if file.verdict is Verdict.DANGEROUS), None)
    settled = (Verdict.IMPORT, Verdict.DUPLICATE)
    if danger is not None or any(file.verdict in settled for file in files):
        return danger
    waiting = Plan(files=tuple(files)).unresolved
    return waiting[0].code if waiting else Code.NO_MEDIA

"""Subtitles that go beside their video. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sluice_importer.plan.kinds import split_extension
from sluice_importer.plan.naming import subtitle_path
from sluice_importer.plan.values import Code, FilePlan, ManifestFile, Verdict

_FOLDERS = frozenset({"subs", "subtitles", "subtitle"})


def beside_videos(subtitles: Sequence[ManifestFile], placed: Sequence[FilePlan]) -> dict[str, FilePlan]:
    """An `extra` verdict for each subtitle whose stem begins with the stem of a video that is placed, by path.

    It lies in the video's folder or in a `Subs` below it. Of two that would get one name the first stays.
    """
    taken: set[str] = set()
    verdicts: dict[str, FilePlan] = {}
    for subtitle in subtitles:
        video = _video_of(subtitle, placed)
        target = _target(subtitle, video) if video is not None else None
        if video is None or target is None or target.casefold() in taken:
            continue
        taken.add(target.casefold())
        verdicts[subtitle.path] = FilePlan(
            path=subtitle.path,
            size=subtitle.size,
            verdict=Verdict.EXTRA,
            code=Code.SUBTITLE,
            target=target,
            season=video.season,
            episodes=video.episodes,
        )
    return verdicts


def _video_of(subtitle: ManifestFile, placed: Sequence[FilePlan]) -> FilePlan | None:
    """The video with the longest stem that the subtitle's begins with; a stem ends where a word does."""
    folder, stem = _folder_and_stem(subtitle.path)
    fitting = [video for video in placed if _fits(folder, stem, video)]
    return max(fitting, key=lambda video: len(video.path), default=None)


def _fits(folder: str, stem: str, video: FilePlan) -> bool:
    video_folder, video_stem = _folder_and_stem(video.path)
    rest = stem.removeprefix(video_stem)
    begins = stem.startswith(video_stem) and not rest[:1].isalnum()
    return begins and _without_subs(folder) == video_folder


def _without_subs(folder: str) -> str:
    parent, _, last = folder.rpartition("/")
    return parent if last.lower() in _FOLDERS else folder


def _folder_and_stem(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, split_extension(name)[0]


def _target(subtitle: ManifestFile, video: FilePlan) -> str | None:
    if video.target is None:
        return None
    rest = _folder_and_stem(subtitle.path)[1].removeprefix(_folder_and_stem(video.path)[1])
    return subtitle_path(video.target, rest, split_extension(subtitle.path)[1])

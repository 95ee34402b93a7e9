"""Which episodes each video of a series is, and what becomes of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import msgspec

from sluice_importer.plan.kinds import split_extension
from sluice_importer.plan.naming import episode_path
from sluice_importer.plan.values import Code, FilePlan, Held, ManifestFile, Verdict, Work
from sluice_names import Release, bare_number, of_season, parse

Episode = tuple[int, int]
_LARGEST_NUMBER = 9999


class Candidate(msgspec.Struct, frozen=True):
    """A video of the manifest, its name and its folders taken apart (the nearest folder first).

    `bare` is the number that its name begins with, where the name tells nothing else.
    """

    file: ManifestFile
    name: Release
    folders: tuple[Release, ...]
    bare: int | None

    @classmethod
    def of(cls, file: ManifestFile, read: Callable[[str], Release]) -> Candidate:
        """A file whose path is already known to be confined, its parts read by `read`."""
        *folders, name = file.path.split("/")
        return cls(file, read(name), tuple(read(folder) for folder in reversed(folders)), bare_number(name))

    @property
    def folder(self) -> str:
        """Where it lies."""
        return self.file.path.rpartition("/")[0]


def episode_verdicts(
    files: Sequence[ManifestFile], work: Work, release: Release, held: Sequence[Held]
) -> dict[str, FilePlan]:
    """A verdict per video, by path. Where two claim an episode the larger file has it, then the first by path."""
    read = cache(parse)  # the episodes of a pack share their folders
    videos = [Candidate.of(file, read) for file in files]
    crowd = Counter(video.folder for video in videos)
    have = {(file.season, episode) for file in held for episode in file.episodes}
    claimed: set[Episode] = set()
    verdicts: dict[str, FilePlan] = {}
    for video in sorted(videos, key=lambda video: (-video.file.size, video.file.path)):
        wider = (*video.folders, release) if crowd[video.folder] == 1 and len(videos) == 1 else ()
        nearest = video.folders[:1] if crowd[video.folder] == 1 else ()
        episodes = _episodes(video, release, wider or nearest)
        verdict, code = _decide(episodes, have, claimed)
        if verdict is Verdict.IMPORT:
            claimed.update(episodes)
        verdicts[video.file.path] = _file_plan(video.file, work, verdict, code, episodes)
    return verdicts


def _episodes(video: Candidate, release: Release, names: Iterable[Release]) -> tuple[Episode, ...]:
    """The episodes by the file's own name, else by that of a folder or download which holds only this video.

    A name with episode numbers alone (`01 - Pilot`) takes its season from the folders, then from the download.
    """
    numbered = next((name for name in (video.name, *names) if name.episodes), None)
    told = numbered or video.name
    seasons = (name.season for name in (told, *video.folders, release))
    season = next((season for season in seasons if season is not None), None)
    if season is None:
        return ()
    counted = told.absolute_episodes or (() if video.bare is None else (video.bare,))
    numbers = told.episodes or of_season(counted, season)
    if not numbers or max(season, *numbers) > _LARGEST_NUMBER:
        return ()
    return tuple((season, episode) for episode in numbers)


def _decide(
    episodes: tuple[Episode, ...], have: set[tuple[int | None, int]], claimed: set[Episode]
) -> tuple[Verdict, Code]:
    if not episodes:
        return Verdict.BLOCKED, Code.UNKNOWN_EPISODE
    if all(episode in have for episode in episodes):
        return Verdict.DUPLICATE, Code.ALREADY_IN_LIBRARY
    if any(episode in have for episode in episodes):
        return Verdict.CONFLICT, Code.PARTLY_IN_LIBRARY
    if any(episode in claimed for episode in episodes):
        return Verdict.CONFLICT, Code.SAME_EPISODE
    return Verdict.IMPORT, Code.VIDEO


def _file_plan(file: ManifestFile, work: Work, verdict: Verdict, code: Code, episodes: tuple[Episode, ...]) -> FilePlan:
    season = episodes[0][0] if episodes else None
    numbers = tuple(number for _, number in episodes)
    target = None
    if verdict is Verdict.IMPORT and season is not None:
        target = episode_path(work, season, numbers, split_extension(file.path)[1])
    return FilePlan(
        path=file.path, size=file.size, verdict=verdict, code=code, target=target, season=season, episodes=numbers
    )

"""Replies of Sonarr's and Radarr's API v3 as values, of the many fields those that we need. No socket, no clock.

Field names are theirs (`/docs/v3/openapi.json` of either project); what an older version leaves out has a default.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from sluice_common.kit.errors import ClientProtocolError

T = TypeVar("T")


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    """Unknown fields are skipped: each version adds some."""


class Status(_Reply, frozen=True, rename="camel"):
    """`system/status`: `app_name` is Sonarr or Radarr."""

    app_name: str = ""
    version: str = ""


class AlternateTitle(_Reply, frozen=True, rename="camel"):
    """Sonarr's carry the season that a title is of (-1 or absent: all); Radarr's none."""

    title: str = ""
    season_number: int | None = None


class Series(_Reply, frozen=True, rename="camel"):
    """One of `series`; ids are 0 where unknown."""

    id: int
    title: str
    sort_title: str = ""
    year: int = 0
    tvdb_id: int = 0
    tmdb_id: int = 0
    imdb_id: str | None = None
    alternate_titles: tuple[AlternateTitle, ...] = ()
    root_folder_path: str | None = None
    tags: tuple[int, ...] = ()


class Episode(_Reply, frozen=True, rename="camel"):
    """One of `episode?seriesId=`; `air_date` is the broadcaster's local date."""

    season_number: int
    episode_number: int
    absolute_episode_number: int | None = None
    air_date: str | None = None
    title: str | None = None
    scene_season_number: int | None = None
    scene_episode_number: int | None = None
    scene_absolute_episode_number: int | None = None


class Movie(_Reply, frozen=True, rename="camel"):
    """One of `movie`; ids are 0 where unknown."""

    id: int
    title: str
    original_title: str | None = None
    sort_title: str = ""
    year: int = 0
    tmdb_id: int = 0
    imdb_id: str | None = None
    alternate_titles: tuple[AlternateTitle, ...] = ()
    root_folder_path: str | None = None
    tags: tuple[int, ...] = ()


class StatusMessage(_Reply, frozen=True, rename="camel"):
    """Why it is not imported: `title` is a file or the release, `messages` are sentences."""

    title: str | None = None
    messages: tuple[str, ...] | None = ()


class QueueRecord(_Reply, frozen=True, rename="camel"):
    """One of `queue`. A season pack has one for each of its episodes, all with one `download_id`."""

    id: int
    title: str | None = None
    download_id: str | None = None
    status: str | None = None
    tracked_download_status: str | None = None
    tracked_download_state: str | None = None
    status_messages: tuple[StatusMessage, ...] | None = ()
    error_message: str | None = None


class QueuePage(_Reply, frozen=True, rename="camel"):
    """A page of `queue`; `total_records` counts those of all pages."""

    total_records: int
    records: tuple[QueueRecord, ...]


class Field(_Reply, frozen=True, rename="camel"):
    """One setting of a download client."""

    name: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class DownloadClient(_Reply, frozen=True, rename="camel"):
    """One of `downloadclient`."""

    name: str = ""
    enable: bool = True
    implementation: str = ""
    fields: tuple[Field, ...] = ()


class RootFolder(_Reply, frozen=True, rename="camel"):
    """One of `rootfolder`; `path` as the app sees its disk."""

    path: str
    accessible: bool | None = None


def parse(body: bytes, kind: type[T], what: str) -> T:
    """The reply; raises ClientProtocolError with where it differs, never with what it holds."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise ClientProtocolError(f"{what}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ClientProtocolError(f"{what}: the answer is not JSON") from None

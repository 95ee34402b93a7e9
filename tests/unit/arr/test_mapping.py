"""What Sonarr and Radarr say becomes what the catalogue takes and the queue shows."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from sluice_arr import mapping, wire
from sluice_common.contracts.apps import AppDownload
from sluice_common.contracts.catalogue import Entry, NewEpisode
from sluice_common.kit.errors import ClientProtocolError


def record(download_id: str | None, **fields: Any) -> wire.QueueRecord:
    return wire.QueueRecord(id=1, download_id=download_id, **fields)


def message(title: str, *words: str) -> wire.StatusMessage:
    return wire.StatusMessage(title=title, messages=words)


def test_a_series_is_told_with_its_episodes() -> None:
    """Ids that are 0 are not known; an episode that is told twice is one; a date that is none is not known."""
    told = wire.Series(
        id=7, title="Some Show", sort_title="some show", tvdb_id=11, imdb_id="tt1",
        alternate_titles=(wire.AlternateTitle("Une Série"), wire.AlternateTitle(" ")),
    )  # fmt: skip
    episodes = (
        wire.Episode(season_number=1, episode_number=1, absolute_episode_number=3, air_date="2020-02-01", title="A"),
        wire.Episode(season_number=1, episode_number=1, title="B"),
        wire.Episode(season_number=0, episode_number=1, air_date="soon", scene_season_number=1, scene_episode_number=9),
    )
    assert mapping.series(told, episodes) == Entry(
        kind="series", title="Some Show", sort_title="some show", alternative_titles=("Une Série",),
        external_ids={"tvdb": "11", "imdb": "tt1"},
        episodes=(NewEpisode(season=1, number=1, absolute=3, air_date=date(2020, 2, 1), title="A"),
                  NewEpisode(season=0, number=1, scene_season=1, scene_number=9)),
    )  # fmt: skip


def test_a_movie_goes_by_its_original_title_too() -> None:
    """In the language it was made in, releases are named by it."""
    told = wire.Movie(id=7, title="Sintel", original_title="Sintel, der Film", year=2010, tmdb_id=5)
    assert mapping.movie(told) == Entry(
        kind="movie", title="Sintel", year=2010, alternative_titles=("Sintel, der Film",), external_ids={"tmdb": "5"}
    )


def test_the_records_of_a_pack_are_one_download() -> None:
    """The worst verdict counts, every sentence comes once, and a file's words name the file."""
    records = (
        record("ABC", title="Pack", tracked_download_state="importPending", tracked_download_status="ok"),
        record("ABC", title="Pack", tracked_download_state="importBlocked", tracked_download_status="warning",
               status_messages=(message("Pack", "No files found"), message("e1.mkv", "Sample", "Sample"))),
        record("def", status="delay"),
        record(None, status="queued"),
    )  # fmt: skip
    assert mapping.downloads(records) == (
        AppDownload(id="abc", state="importBlocked", status="warning", messages=("No files found", "e1.mkv: Sample")),
        AppDownload(id="def", state="delay"),
    )


def test_an_error_of_the_record_itself_comes_first() -> None:
    """What the app calls the error is said before the details."""
    told = record("a", error_message="disk full", status_messages=(message("x", "y"),), tracked_download_status="error")
    assert mapping.downloads([told])[0].messages == ("disk full", "x: y")


def test_the_categories_of_enabled_download_clients() -> None:
    """Under whatever name each implementation keeps them; what is off uses none."""
    field = msgspec.json.decode(
        b'[{"name": "tvCategory", "value": "tv"}, {"name": "port", "value": 1}, {"name": "category", "value": null}]',
        type=tuple[wire.Field, ...],
    )
    clients = (wire.DownloadClient("qbit", True, "QBittorrent", field), wire.DownloadClient("old", False, "X", field))
    assert mapping.categories(clients) == {"qbit": frozenset({"tv"})}


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b'{"id": "x"}', b"[]"])
def test_another_answer_is_a_protocol_error(body: bytes) -> None:
    """It says where it differs, and never what it holds."""
    with pytest.raises(ClientProtocolError, match="series") as error:
        wire.parse(body, wire.Series, "series")
    assert "html" not in str(error.value)

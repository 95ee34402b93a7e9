"""The calls to one Sonarr or Radarr. Every call raises a ClientError or returns the truth; none changes anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Self, TypeVar

import msgspec

from sluice_arr import mapping, wire
from sluice_common.contracts.apps import AppDownload
from sluice_common.contracts.catalogue import Entry
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable
from sluice_common.net.http import AsyncClient, HTTPError, InvalidURL, client, unavailable

T = TypeVar("T")
Kind = Literal["sonarr", "radarr"]

# A household's whole list of series is tens of megabytes, made while we wait.
TIMEOUT = 60.0
_PAGE = 500
_MOST_PAGES = 200
_UNAUTHORISED = (401, 403)


class App:
    """One Sonarr or Radarr; `close` lets go of its connections.

    `url` may have a base path; the key goes in a header and is in no error.
    """

    def __init__(self, kind: Kind, url: str, api_key: str, *, timeout: float = TIMEOUT) -> None:
        self.kind = kind
        self._http: AsyncClient = client(
            base_url=url.rstrip("/") + "/api/v3/",
            timeout=timeout,
            headers={"X-Api-Key": api_key, "Accept": "application/json"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def version(self) -> str:
        """Its version; raises ClientProtocolError where another program answers."""
        status = await self._get("system/status", wire.Status)
        if status.app_name.lower() != self.kind:
            who = status.app_name[:40] or "another program"
            raise ClientProtocolError(
                f"it is {who} that answers there, not {self.kind.capitalize()}; is the URL right?"
            )
        return status.version

    async def listed(self) -> tuple[tuple[int, msgspec.Raw], ...]:
        """Its series or movies as they are told, with their ids there: equal bytes are an item that did not change."""
        rows = await self._get("series" if self.kind == "sonarr" else "movie", tuple[msgspec.Raw, ...])
        return tuple((wire.parse(row, _Id, "an item").id, row) for row in rows)

    async def entry(self, row: msgspec.Raw) -> Entry:
        """What one of `listed` says; a series with its episodes, which are asked for."""
        if self.kind == "radarr":
            return mapping.movie(wire.parse(row, wire.Movie, "movie"))
        told = wire.parse(row, wire.Series, "series")
        episodes = await self._get("episode", tuple[wire.Episode, ...], seriesId=told.id)
        return mapping.series(told, episodes)

    async def queue(self) -> tuple[AppDownload, ...]:
        """What it does with each download that it knows of."""
        records = [record async for record in self._records()]
        return mapping.downloads(records)

    async def _records(self) -> AsyncIterator[wire.QueueRecord]:
        unknown = "includeUnknownSeriesItems" if self.kind == "sonarr" else "includeUnknownMovieItems"
        seen = 0
        for number in range(1, _MOST_PAGES + 1):
            asked: dict[str, int | str] = {"page": number, "pageSize": _PAGE, unknown: "true"}
            page = await self._get("queue", wire.QueuePage, **asked)
            for record in page.records:
                yield record
            seen += len(page.records)
            if not page.records or seen >= page.total_records:
                return

    async def categories(self) -> dict[str, frozenset[str]]:
        """The categories of its enabled download clients, by the client's name there."""
        return mapping.categories(await self._get("downloadclient", tuple[wire.DownloadClient, ...]))

    async def roots(self) -> tuple[str, ...]:
        """Its root folders, as it sees its disk."""
        return tuple(folder.path for folder in await self._get("rootfolder", tuple[wire.RootFolder, ...]))

    async def _get(self, path: str, kind: type[T], **params: int | str) -> T:
        try:
            response = await self._http.get(path, params=params)
        except (HTTPError, InvalidURL) as error:
            raise unavailable(error) from error
        if response.status_code in _UNAUTHORISED:
            name = self.kind.capitalize()
            raise ClientAuthFailed(f"{name} refused the API key; it is under Settings, General")
        if response.status_code >= 500:
            raise ClientUnavailable(f"{path}: HTTP {response.status_code}")
        if response.status_code != 200:
            raise ClientProtocolError(f"{path}: HTTP {response.status_code}; is the URL right?")
        return wire.parse(response.content, kind, path)


class _Id(msgspec.Struct, frozen=True):
    id: int

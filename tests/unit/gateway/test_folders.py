"""Where a download may be saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_gateway.folders import refuse_library

LIBRARIES = {"tv": LibrarySettings(kind="series", root=Path("/data/media/tv"))}
SAME = ClientSettings(type="deluge", url="http://c")
MAPPED = ClientSettings(type="deluge", url="http://c", paths={"/media": Path("/data/media")})


@pytest.mark.parametrize(
    ("client", "path"),
    [
        (SAME, "/data/media/tv"),
        (SAME, "/data/media/tv/"),
        (SAME, "/data/media/tv/Show/Season 01"),
        (SAME, "/data/torrents/../media/tv"),
        (SAME, "//data/media/tv"),
        (MAPPED, "/media/tv/Show"),
    ],
)
def test_a_library_is_no_download_folder(client: ClientSettings, path: str) -> None:
    """By whatever way it is named, as the client sees it; the refusal names the library and what to give instead."""
    with pytest.raises(Problem, match=r"library tv \(/data/media/tv\).*outside") as refused:
        refuse_library(path, client, LIBRARIES)
    assert (refused.value.code, refused.value.status) == ("save_path_in_library", 400)


@pytest.mark.parametrize(
    ("client", "path"),
    [
        (SAME, None),
        (SAME, "/data/media"),
        (SAME, "/data/media/tv-new"),
        (SAME, "/data/torrents"),
        (SAME, "D:\\data\\media\\tv"),
        (MAPPED, "/data/media/tv"),  # the client's own /data, of which we know nothing
        (MAPPED, "/media/films"),
    ],
)
def test_everything_else_is_fine(client: ClientSettings, path: str | None) -> None:
    """Also what lies above a library or beside it, and a path that is another one at the client."""
    refuse_library(path, client, LIBRARIES)

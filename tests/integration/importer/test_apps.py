"""What Sonarr and Radarr know is taken over, refreshed, and never lost because one of them does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from nats.aio.msg import Msg

from sluice_common.contracts import codec, doctor, rpc, subjects
from sluice_common.contracts.apps import AppDownload, AppName, AppQueue, Apps, AppStatus
from sluice_common.contracts.catalogue import Episode, EpisodesOf
from sluice_common.contracts.library import Listing, MediaItem
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import AppSettings
from support.arr import PlayedArr
from support.importer import CATEGORY, Household, eventually


@pytest.fixture
def sonarr() -> Iterator[PlayedArr]:
    with PlayedArr("sonarr", base_path="/sonarr") as played:
        yield played


@pytest.fixture
def radarr() -> Iterator[PlayedArr]:
    with PlayedArr("radarr") as played:
        yield played


def with_apps(household: Household, *apps: PlayedArr, **fields: object) -> Household:
    given = {app.kind: AppSettings(**(app.settings | fields)) for app in apps}
    household.settings = household.settings.model_copy(update={"apps": given})
    return household


async def status(household: Household, name: str) -> AppStatus:
    listed = await household.ask("apps.list", rpc.Empty(), Apps)
    return next(app for app in listed.items if app.name == name)


async def synced(household: Household, name: str, after: AppStatus | None = None) -> AppStatus:
    """How the app stands once it was taken over (again)."""

    async def done() -> AppStatus | None:
        now = await status(household, name)
        return now if now.synced_at and (after is None or now.synced_at != after.synced_at) else None

    return await eventually(done, f"{name} is taken over")


async def media(household: Household) -> dict[str, MediaItem]:
    page = await household.ask("media.list", Listing(limit=1000), rpc.Page[MediaItem])
    return {item.title: item for item in page.items}


async def test_a_household_starts_with_what_its_apps_know(
    household: Household, sonarr: PlayedArr, radarr: PlayedArr
) -> None:
    """Series with episodes, numbers and other titles, and movies, are known without anybody typing them."""
    number = sonarr.add_series("Some Show", {0: 1, 1: 3}, alternateTitles=[{"title": "Une Série", "seasonNumber": -1}])
    sonarr.episodes[number][1] |= {"absoluteEpisodeNumber": 1, "sceneSeasonNumber": 2, "sceneEpisodeNumber": 4}
    radarr.add_movie("Sintel", originalTitle="Sintel der Film", year=2010)
    await household.client.start()
    async with with_apps(household, sonarr, radarr).importer():
        first = await synced(household, "sonarr")
        assert (first.kind, first.version, first.items, first.left_out) == ("sonarr", "4.0.15.2941", 1, 0)
        await synced(household, "radarr")
        known = await media(household)
        show, film = known["Some Show"], known["Sintel"]
        assert (show.kind, show.episodes, show.alternative_titles) == ("series", 4, ("Une Série",))
        assert show.external_ids == {"imdb": "tt0000001", "tvdb": "100001"}
        assert (film.kind, film.year, film.alternative_titles) == ("movie", 2010, ("Sintel der Film",))
        page = await household.ask("media.episodes", EpisodesOf(id=show.id, season=1), rpc.Page[Episode])
        assert [(one.number, one.title) for one in page.items] == [(n, f"Episode {n}") for n in (1, 2, 3)]
        assert (page.items[0].absolute, page.items[0].scene_season, page.items[0].scene_number) == (1, 2, 4)


async def test_only_what_changed_is_asked_for_again(household: Household, sonarr: PlayedArr) -> None:
    """A renamed series keeps its item; one that is told as before is not asked for its episodes again."""
    changed = sonarr.add_series("Old Name", {1: 1})
    for number in range(2, 30):
        sonarr.add_series(f"Show {number}", {1: 2})
    await household.client.start()
    async with with_apps(household, sonarr).importer():
        before = await synced(household, "sonarr")
        item = (await media(household))["Old Name"]
        asked = sonarr.asked.count("episode")
        sonarr.items[changed]["title"] = "New Name"
        sonarr.episodes[changed].append(sonarr.episodes[2][1] | {"seriesId": changed})
        await household.ask("apps.sync", AppName(name="sonarr"), AppStatus)
        await synced(household, "sonarr", after=before)
        assert sonarr.asked.count("episode") == asked + 1
        renamed = (await media(household))["New Name"]
        assert (renamed.id, renamed.episodes, renamed.alternative_titles) == (item.id, 2, ("Old Name",))


async def test_an_app_that_does_not_answer_loses_nothing(household: Household, sonarr: PlayedArr) -> None:
    """Why is told, what was known stays, and it is taken over once it answers; a wrong key is said to be one."""
    sonarr.add_series("Some Show", {1: 2})
    await household.client.start()
    async with with_apps(household, sonarr).importer():
        before = await synced(household, "sonarr")
        for broken, reason, said in ((True, "unreachable", "502"), (False, "auth_failed", "API key")):
            sonarr.down, sonarr.key = broken, "another"
            await household.ask("apps.sync", AppName(name="sonarr"), AppStatus)

            async def told(reason: str = reason, said: str = said) -> bool:
                now = await status(household, "sonarr")
                return now.reason == reason and said in (now.message or "")

            await eventually(told, f"{reason} is told")
        after = await status(household, "sonarr")
        assert (after.items, after.synced_at) == (1, before.synced_at)
        assert set(await media(household)) == {"Some Show"}


async def test_an_item_that_cannot_be_taken_over_is_told(household: Household, sonarr: PlayedArr) -> None:
    """The others are known; its id and the reason are shown, and nothing of it is made up."""
    sonarr.add_series("Good", {1: 1})
    bad = sonarr.add_series("Bad", {1: 1}, year=1)
    await household.client.start()
    async with with_apps(household, sonarr).importer():
        now = await synced(household, "sonarr")
        assert (now.items, now.left_out) == (1, 1)
        assert [(one.position, one.title, one.code) for one in now.problems] == [(bad, "Bad", "bad_year")]
        assert set(await media(household)) == {"Good"}


async def test_what_is_off_is_said(household: Household, sonarr: PlayedArr) -> None:
    """Nothing is taken over from an app whose sync is off; asking for it says so, as does an unknown name."""
    await household.client.start()
    async with with_apps(household, sonarr, sync=False).importer():
        for name, code in (("sonarr", "sync_off"), ("nobody", "unknown_app")):
            with pytest.raises(Problem, match=code):
                await household.ask("apps.sync", AppName(name=name), AppStatus)
        assert (await status(household, "sonarr")).sync is False
    assert set(sonarr.asked) <= {"queue"}, "what it does with downloads is shown all the same"


async def test_what_an_app_does_with_downloads_is_said(household: Household, sonarr: PlayedArr) -> None:
    """Its whole queue, over pages, again and again; where it does not answer, that is said instead."""
    sonarr.queue = [
        {"id": n, "downloadId": f"{n:040X}", "title": "X", "trackedDownloadState": "importing"} for n in range(600)
    ]
    heard: list[AppQueue] = []

    async def listen(message: Msg) -> None:
        heard.append(codec.from_json(message.data, AppQueue))

    await household.bus.nc.subscribe(subjects.app("sonarr"), cb=listen)
    await household.client.start()
    async with with_apps(household, sonarr).importer():

        async def said(what: Callable[[AppQueue], bool]) -> bool:
            return any(what(queue) for queue in heard)

        await eventually(lambda: said(lambda queue: len(queue.items) == 600), "the queue is said")
        assert heard[-1].items[10] == AppDownload(id=f"{10:040x}", state="importing")
        sonarr.down = True
        await eventually(lambda: said(lambda queue: queue.reason == "unreachable"), "that it cannot be asked is said")


async def test_doctor_looks_at_the_apps(household: Household, sonarr: PlayedArr, radarr: PlayedArr) -> None:
    """Two importers of one category are found, a shared folder is, and one that does not answer is said."""
    field = {"name": "tvCategory", "value": CATEGORY}
    sonarr.download_clients = [{"name": "qb", "enable": True, "implementation": "QBittorrent", "fields": [field]}]
    sonarr.root_folders = [{"id": 1, "path": str(household.home / "tv"), "accessible": True}]
    radarr.down = True
    await household.client.start()
    async with with_apps(household, sonarr, radarr).importer():
        found = await household.ask("doctor", doctor.Checkup(), doctor.Findings, within=30.0)
    told = {(one.subject, one.check): one.code for one in found.items if one.check.startswith("app.")}
    assert told == {
        ("sonarr", "app.login"): None,
        ("sonarr", "app.categories"): "category_shared",
        ("sonarr", "app.roots"): "root_shared",
        ("radarr", "app.login"): "unreachable",
    }

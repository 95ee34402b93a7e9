"""The catalogue as matching asks it: a title to its items, an item to its episodes. Values, held in memory; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol

from sluice_importer.match.values import Episode, MediaItem, Numbers
from sluice_names import fold_title

_SHOWN = 5
_LEAST_OVERLAP = 0.5


class EpisodeList:
    """An item's episodes, by every number that a name may give."""

    def __init__(self, episodes: Iterable[Episode]) -> None:
        self.seasons: dict[int, set[int]] = defaultdict(set)
        self.absolute: dict[int, Numbers] = {}
        self.dates: dict[date, list[Numbers]] = defaultdict(list)
        for episode in episodes:
            self.seasons[episode.season].add(episode.number)
            if episode.absolute is not None:
                self.absolute[episode.absolute] = (episode.season, episode.number)
            if episode.air_date is not None:
                self.dates[episode.air_date].append((episode.season, episode.number))

    def has(self, season: int, number: int) -> bool:
        """Whether there is such an episode."""
        return number in self.seasons.get(season, ())

    def next_season(self) -> int:
        """The one that may begin before anybody told the catalogue."""
        return max(self.seasons, default=0) + 1


class CatalogueIndex(Protocol):
    """What deciding needs of a catalogue. Titles are given as `fold_title` makes them."""

    def titled(self, folded: str) -> Sequence[MediaItem]:
        """The items of this very title."""
        ...

    def aliased(self, folded: str) -> Sequence[MediaItem]:
        """The items that have it among their alternative titles."""
        ...

    def run_together(self, folded: str) -> Sequence[MediaItem]:
        """The items of this title or alternative title when blanks do not count: S.W.A.T. and SWAT."""
        ...

    def similar(self, folded: str) -> Sequence[MediaItem]:
        """The few that share most words with it, best first, for a person to choose from."""
        ...

    def episodes(self, item: str) -> EpisodeList | None:
        """An item's episodes; None where the catalogue does not know them."""
        ...

    def item(self, item: str) -> MediaItem | None:
        """The item of this id."""
        ...


class Index:
    """A catalogue in memory. Built once, asked for many names; what is given later is not seen."""

    def __init__(self, items: Iterable[MediaItem], episodes: Mapping[str, Iterable[Episode]] | None = None) -> None:
        self._items = {item.id: item for item in items}
        self._given = episodes or {}
        self._lists: dict[str, EpisodeList] = {}
        self._titles: dict[str, list[MediaItem]] = defaultdict(list)
        self._aliases: dict[str, list[MediaItem]] = defaultdict(list)
        self._together: dict[str, dict[str, MediaItem]] = defaultdict(dict)
        self._words: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for item in self._items.values():
            title = fold_title(item.title)
            self._titles[title].append(item)
            aliases = {fold_title(alias) for alias in item.alternative_titles} - {title}
            for folded in aliases:
                self._aliases[folded].append(item)
            for folded in {title, *aliases} - {""}:
                self._together[folded.replace(" ", "")][item.id] = item
                for word in set(folded.split()):
                    self._words[word].append((item.id, folded))

    def titled(self, folded: str) -> Sequence[MediaItem]:
        """See the port; nothing has the title ""."""
        return self._titles.get(folded, ()) if folded else ()

    def aliased(self, folded: str) -> Sequence[MediaItem]:
        """See the port."""
        return self._aliases.get(folded, ()) if folded else ()

    def run_together(self, folded: str) -> Sequence[MediaItem]:
        """See the port."""
        return tuple(self._together.get(folded.replace(" ", ""), {}).values()) if folded else ()

    def similar(self, folded: str) -> Sequence[MediaItem]:
        """See the port: shared words over all words, of the title that fits best, at least a half."""
        words = set(folded.split())
        shared: Counter[tuple[str, str]] = Counter()
        for word in words:
            shared.update(self._words.get(word, ()))
        best: dict[str, float] = {}
        for (item, title), count in shared.items():
            overlap = count / (len(words) + len(set(title.split())) - count)
            best[item] = max(overlap, best.get(item, 0))
        near = [
            (-overlap, self._items[item].title, item) for item, overlap in best.items() if overlap >= _LEAST_OVERLAP
        ]
        return tuple(self._items[item] for _, _, item in sorted(near)[:_SHOWN])

    def episodes(self, item: str) -> EpisodeList | None:
        """See the port. An item's list is made when it is first asked for."""
        if item not in self._lists and item in self._given:
            self._lists[item] = EpisodeList(self._given[item])
        return self._lists.get(item)

    def item(self, item: str) -> MediaItem | None:
        """See the port."""
        return self._items.get(item)

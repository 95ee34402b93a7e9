"""Tables of media items, as people write them, become what the importer takes."""

from __future__ import annotations

from datetime import date

import pytest

from sluice_common.contracts.catalogue import Entry, NewEpisode
from sluice_common.kit.errors import Problem
from sluice_gateway.entries import from_csv


def test_lines_of_one_item_are_one_item() -> None:
    """A series with its episodes is one entry, in the place where it first appears; blanks and empty lines are none."""
    table = (
        "Kind, Title ,year,season,episode,air_date,episode_title,alternative_titles,library,tvdb,absolute\n"
        "series,Some Show,2020,1,1,2020-01-02, Pilot ,Une Série | Eine Serie,,7,1\n"
        "\n"
        'movie,"Film, A",,,,,,,movies\n'
        "series,Some Show,2020,1,2,,,,tv,,\n"
    )
    pilot = NewEpisode(season=1, number=1, absolute=1, air_date=date(2020, 1, 2), title="Pilot")
    assert from_csv(table.encode("utf-8-sig")) == (
        Entry(kind="series", title="Some Show", year=2020, library="tv", external_ids={"tvdb": "7"},
              alternative_titles=("Une Série", "Eine Serie"), episodes=(pilot, NewEpisode(season=1, number=2))),
        Entry(kind="movie", title="Film, A", library="movies"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"", "no column 'kind'"),
        (b"kind,name\n", "no column 'title'"),
        (b"kind,title,Title\n", "two columns of one name"),
        (b"kind,title\n", "no line beside"),
        (b"kind,title\nmovie,X,2\n", "line 2: more values than columns"),
        (b"kind,title,year\nmovie,A,2010\nmovie,X,20i0\n", "line 3: year is '20i0', not a number"),
        (b"kind,title,season,episode\nseries,X,1,\n", "line 2: an episode has a season and an episode"),
        (b"kind,title,season,episode,air_date\nseries,X,1,1,2.1.2010\n", "not a date as 2010-09-27"),
        (b'kind,title\nmovie,"X\n', "line 2:"),
        (b"kind,title\nmovie,\xff\n", "not UTF-8"),
        (b"kind,title\n" + b"".join(b"movie,%d\n" % number for number in range(501)), "at most 500"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(table: bytes, said: str) -> None:
    """Nothing of such a table is taken, and what to mend is in the words."""
    with pytest.raises(Problem) as refusal:
        from_csv(table)
    assert refusal.value.status == 400
    assert said in refusal.value.detail

"""What `sluice init` proposes, and how its options are read."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from sluice_cli.failure import Failure, WrongUsage
from sluice_cli.setup import given, linking
from sluice_cli.setup.proposals import completed, folders_of, mapped, mapping_for, missing_categories, owner_of
from sluice_cli.setup.values import Client, Login
from sluice_cli.setup.writing import settle_stored
from sluice_common.contracts.doctor import AboutClient
from sluice_embedded.layout import Layout

BOTH = ("series", "movies")


@pytest.mark.parametrize(
    ("category", "kinds", "owner"),
    [
        ("tv", BOTH, "sluice"),
        ("TV Shows", BOTH, "sluice"),
        ("movies-4k", BOTH, "sluice"),
        ("films", BOTH, "sluice"),
        ("tv", ("movies",), None),
        ("tv-sonarr", BOTH, "sonarr"),
        ("radarr", BOTH, "radarr"),
        ("lidarr_music", (), "lidarr"),
        ("linux", BOTH, None),
        ("tvault", BOTH, None),
        ("", BOTH, None),
    ],
)
def test_whose_a_category_probably_is(category: str, kinds: tuple[str, ...], owner: str | None) -> None:
    """An app that is named beats a kind; whole words count; without a library of the kind it is nobody's."""
    assert owner_of(category, kinds) == owner


def test_the_usual_category_where_there_is_none() -> None:
    """One for every kind of library that no category of ours serves; an app's serves none."""
    assert missing_categories(["tv-sonarr", "films"], BOTH) == ["tv"]
    assert missing_categories([], BOTH) == ["tv", "movies"]
    assert missing_categories(["shows", "movies"], BOTH) == []
    assert missing_categories(["tv"], ()) == []


def test_folders_that_matter() -> None:
    """The default one and those of our categories, each once."""
    about = AboutClient(save_path="/d", categories={"tv": "/d/tv", "arr": "/d/arr", "films": None})
    assert folders_of(about, ["tv", "films"]) == ["/d", "/d/tv"]
    assert folders_of(AboutClient(), ["tv"]) == []


@pytest.mark.parametrize(
    ("theirs", "roots", "there", "found"),
    [
        ("/downloads/complete", ["/data/t"], ["/data/t/complete"], ("/downloads", "/data/t")),
        ("/downloads", ["/data"], ["/data/downloads"], ("/downloads", "/data/downloads")),
        ("/data/downloads", ["/srv/downloads"], ["/srv/downloads"], ("/data/downloads", "/srv/downloads")),
        ("/a/b/c", ["/x", "/y"], ["/x/c", "/y/b/c"], ("/a", "/y")),
        ("/a/c", ["/x", "/y"], ["/x/c", "/y/c"], None),
        ("/a/b/c", ["/x", "/y"], ["/x/b/c", "/y/b/c", "/x/c"], None),
        ("/a/c", ["/x", "/x"], ["/x/c"], ("/a", "/x")),
        ("/a/tv", ["/media"], ["/media/tv"], None),
        ("/a/c", ["/x"], [], None),
        ("/", ["/x"], ["/x"], None),
    ],
)
def test_where_a_folder_of_the_client_probably_is(
    theirs: str, roots: list[str], there: list[str], found: tuple[str, str] | None
) -> None:
    """By the longest end of its path below our roots; a library is none, and two that fit are no answer."""
    folders = {Path(path) for path in there}
    proposed = mapping_for(theirs, [Path(root) for root in roots], [Path("/media/tv")], folders.__contains__)
    assert proposed == (None if found is None else (found[0], Path(found[1])))


def test_one_mapping_means_that_all_folders_are_named() -> None:
    """A folder that is the same here would be lost beside a mapping of another one."""
    assert completed({}, ["/same"]) == {}
    assert completed({"/d": Path("/o")}, ["/same", "/d/x"]) == {"/d": Path("/o"), "/same": Path("/same")}
    assert mapped("/d/x", {"/d": Path("/o"), "/d/x": Path("/p")}) == Path("/p")
    assert mapped("/dx", {"/d": Path("/o")}) is None


def test_options_as_they_are_read() -> None:
    """Names, values with further signs in them, paths made absolute."""
    read = given.read(
        ["a=deluge,http://h/x,y=z"], ["a=me"], ["a=/f"], ["tv=series,/m/tv"], ["a=/theirs:/ours"], [Path("/d")]
    )
    (login,) = read.clients
    assert (login.name, login.type, login.url) == ("a", "deluge", "http://h/x,y=z")
    assert (login.username, login.password_file) == ("me", Path("/f"))
    assert [(one.name, one.kind, one.root) for one in read.libraries] == [("tv", "series", Path("/m/tv"))]
    assert read.paths == {"a": {"/theirs": Path("/ours")}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"clients": ["a"]},
        {"clients": ["a="]},
        {"clients": ["a=deluge"]},
        {"clients": ["a=nothing,http://h"]},
        {"clients": ["A b=deluge,http://h"]},
        {"clients": ["a=deluge,http://h", "a=deluge,http://h"]},
        {"usernames": ["b=me"]},
        {"password_files": ["b=/f"]},
        {"libraries": ["tv=music,/m"]},
        {"libraries": ["tv=series"]},
        {"paths": ["a=/theirs"]},
        {"paths": ["a=theirs:/ours"]},
        {"paths": ["b=/theirs:/ours"]},
    ],
)
def test_options_that_cannot_be_meant(wrong: dict[str, list[str]]) -> None:
    """Each is refused, naming the option."""
    words: dict[str, Any] = {
        "clients": ["a=deluge,http://h"], "usernames": [], "password_files": [], "libraries": [], "paths": [],
        "downloads": [],
    }  # fmt: skip
    with pytest.raises(WrongUsage, match="--"):
        given.read(**(words | wrong))


def test_a_url_as_people_say_it() -> None:
    """Without a scheme it is plain HTTP; one that has another is left to be refused."""
    assert given.with_scheme("nas:8112") == "http://nas:8112"
    assert given.with_scheme("https://nas") == "https://nas"
    assert given.with_scheme("ftp://nas") == "ftp://nas"
    assert given.with_scheme("") == ""


def test_what_can_be_linked(tmp_path: Path) -> None:
    """Folders of one mount can; those of two cannot; of a folder that is not here nobody knows."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert linking.linkable([one], other) is True
    assert linking.linkable([one, Path("/proc")], other) is False
    assert linking.linkable([one, None], other) is None
    assert linking.linkable([one / "absent"], other) is None
    assert linking.linkable([], other) is None


def test_a_stored_password_is_not_lost(tmp_path: Path) -> None:
    """One that another configuration may still need is replaced only where somebody agrees; the same one, one that is
    named as it lies, and none at all are no matter."""
    layout = Layout(tmp_path)
    layout.secrets.mkdir()
    stored = layout.client_secret("c")
    stored.write_text("of yesterday\n")
    asked: list[str] = []

    def client(password: str | None, file: Path | None = None) -> Client:
        secret = SecretStr(password) if password is not None else None
        login = Login(name="c", type="deluge", url="http://c", password=secret, password_file=file)
        return Client(login, AboutClient())

    def answer(question: str, *, say: bool) -> bool:
        asked.append(question)
        return say

    for fine in (client("of yesterday"), client(None), client(None, stored)):
        settle_stored(layout, [fine], partial(answer, say=False))
    assert asked == []
    with pytest.raises(Failure, match="move it away, give the client another name") as refusal:
        settle_stored(layout, [client("of today")], partial(answer, say=False))
    assert str(stored) in str(refusal.value)
    settle_stored(layout, [client("of today")], partial(answer, say=True))
    assert len(asked) == 2
    assert not any("of today" in word or "of yesterday" in word for word in [*asked, str(refusal.value)])

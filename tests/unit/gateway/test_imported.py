"""What who adds a download is told of its category."""

from __future__ import annotations

import pytest

from sluice_common.kit.errors import Problem
from sluice_gateway.imported import check_category, note

OWNERS = {"tv": "sluice", "movies": "sluice", "tv-sonarr": "sonarr"}


@pytest.mark.parametrize(
    ("category", "says"),
    [
        ("nosuch", "the category 'nosuch' is not imported by Sluice; its categories are: movies, tv"),
        ("TV", "the category 'TV' is not imported by Sluice; its categories are: movies, tv"),
        (None, "what has no category is not imported by Sluice; its categories are: movies, tv"),
        ("", "what has no category is not imported by Sluice; its categories are: movies, tv"),
        ("tv-sonarr", "the category 'tv-sonarr' belongs to sonarr, so Sluice does not import it"),
        ("tv", None),
    ],
)
def test_what_will_not_be_imported_is_told(category: str | None, says: str | None) -> None:
    """With the categories that would be; another program's category names it; ours needs no word."""
    assert note("box", OWNERS, category) == says


def test_a_client_without_a_category_of_ours() -> None:
    """The key that is missing is named; no category at all may be ours, too."""
    assert "clients.box.owners" in (note("box", {}, "tv") or "")
    assert note("box", {"": "sluice"}, None) is None
    assert (note("box", {"": "sluice"}, "tv") or "").endswith("none at all")


@pytest.mark.parametrize("category", [" tv", "tv ", "tv\n", " "])
def test_blanks_around_a_category_are_refused(category: str) -> None:
    """Nobody sees them, and nothing would be imported; those within are the client's to judge."""
    with pytest.raises(Problem) as refusal:
        check_category(category)
    assert (refusal.value.code, refusal.value.status) == ("category_invalid", 400)
    for fine in (None, "", "tv shows"):
        check_category(fine)

"""What is refused before any client is asked to change anything."""

from __future__ import annotations

import msgspec
import pytest

from sluice_common.kit.errors import Problem
from sluice_common.model import edits
from sluice_gateway import changes, checks

KEY = "0123456789abcdef"
GOOD = (
    changes.ForceStart(),
    changes.Reannounce(),
    changes.QueueMove(to=edits.Place.TOP),
    changes.SetCategory(category="movies"),
    changes.SetCategory(category=None),
    changes.SetTags(tags=()),
    changes.SetTags(tags=("one two", "Größe")),
    changes.SetLimits(download=0),
    changes.SetLimits(ratio=2.5, seeding_time=60),
    changes.Move(save_path="/downloads/films"),
    changes.Move(save_path="D:\\films"),
    changes.Rename(name="Sintel (2010)"),
    changes.ChooseFiles(wanted=(0, 1), unwanted=(2,)),
    changes.EditTrackers(add=(f"https://t.example/{KEY}/announce", "udp://t.example:6969"), remove=("http://[::1]/a",)),
    changes.AddPeers(peers=("192.0.2.7:6881", "[2001:db8::1]:51413")),
    changes.PauseAll(),
    changes.AlternativeLimits(on=True),
    changes.GlobalLimits(upload=5),
)
BAD = [
    ("category_invalid", changes.SetCategory(category=" movies")),
    *(("tag_invalid", changes.SetTags(tags=(tag,))) for tag in ("a,b", " a", "a\n", "a\0b")),
    *(("nothing_to_change", edit) for edit in (changes.SetLimits(), changes.GlobalLimits(), changes.ChooseFiles())),
    *(("nothing_to_change", edit) for edit in (changes.EditTrackers(), changes.AddPeers(peers=()))),
    *(("save_path_invalid", changes.Move(save_path=path)) for path in ("films", "~/films", "/films\0", "C:films")),
    *(("name_invalid", changes.Rename(name=name)) for name in ("..", ".", "a/b", "../a", " a", "a\x1b[2J")),
    ("files_invalid", changes.ChooseFiles(wanted=(1, 2), unwanted=(2,))),
    *(
        ("tracker_invalid", changes.EditTrackers(add=(url,)))
        for url in (
            f"ftp://t.example/{KEY}",
            f"file:///{KEY}",
            f"http:///{KEY}",
            f"http://t.example/{KEY} x",
            f"http://t.example/{KEY}\nudp://other",
            f"http://t.example:99999/{KEY}",
            f"{KEY}",
        )
    ),
    *(
        ("peer_invalid", changes.AddPeers(peers=(peer,)))
        for peer in ("192.0.2.7", "192.0.2.7:0", "192.0.2.7:65536", "2001:db8::1:80", "[192.0.2.7]:80", "host:80")
    ),
    ("peer_invalid", changes.AddPeers(peers=("0.0.0.0:80",))),
    ("peer_invalid", changes.AddPeers(peers=("192.0.2.7:٣",))),
]


@pytest.mark.parametrize("edit", GOOD, ids=str)
def test_what_makes_sense_passes(edit: changes.Edit | changes.Control) -> None:
    """Every kind of change has a form that is taken."""
    checks.check(edit)


@pytest.mark.parametrize(("code", "edit"), BAD, ids=[str(index) for index in range(len(BAD))])
def test_what_makes_none_is_refused_with_its_code(code: str, edit: changes.Edit | changes.Control) -> None:
    """A client is never asked for what it would misunderstand; a pass key is in no refusal."""
    with pytest.raises(Problem) as refusal:
        checks.check(edit)
    assert (refusal.value.code, refusal.value.status) == (code, 400)
    assert KEY not in refusal.value.detail


def test_every_edit_of_the_contract_can_be_asked_for() -> None:
    """A kind that is added to the contract is added to the API, under the same name, and goes over the bus as it is."""
    for ours, contract in ((changes.Edit, edits.AnyEdit), (changes.Control, edits.AnyControl)):
        assert {kind.__struct_config__.tag for kind in ours.__args__} == {
            kind.__struct_config__.tag for kind in contract.__args__
        }
    for edit in GOOD:
        kind: object = edits.AnyEdit | edits.AnyControl
        read = msgspec.msgpack.decode(msgspec.msgpack.encode(edit), type=kind)
        assert msgspec.structs.asdict(read) == msgspec.structs.asdict(edit)
        assert type(read) is type(edit).__mro__[1]

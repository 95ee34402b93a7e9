"""A retry keeps what was set on the download, and loses nothing where it cannot go on."""

from __future__ import annotations

import msgspec
import pytest
from typing_extensions import override

from sluice_client_poller.adapters.port import NewDownload, Terms
from sluice_common.bus.connect import Bus
from sluice_common.contracts import commands
from sluice_common.contracts.events import CommandData
from sluice_common.kit.errors import ClientUnavailable, Problem
from sluice_common.model.edits import AnyEdit, ChooseFiles, EditTrackers, SetLimits
from sluice_common.model.enums import State
from support.fake_client import FakeClient
from support.poller import all_events, committed, polling, send
from support.waiting import until

TRACKER = "http://tracker.test/announce?passkey=0123456789pass"
SET = Terms(upload_limit=500, ratio=2.0, unwanted=(1,), trackers=frozenset({TRACKER}), sequential=True)


class Choosy(FakeClient):
    """Keeps what is set on its downloads until they are removed; `refuses` is what it does not take again."""

    def __init__(self) -> None:
        super().__init__(deltas=True)
        self.refuses: tuple[type[AnyEdit], ...] = ()
        self.takes = True

    @override
    async def add(self, new: NewDownload) -> str:
        if not self.takes:
            self.calls.append("add")
            raise Problem("torrent_invalid", 400, "it does not take this torrent")
        download_id = await super().add(msgspec.structs.replace(new, magnet="magnet:a"))
        self.all_terms[download_id] = Terms(
            upload_limit=new.upload_limit, sequential=new.sequential, trackers=frozenset()
        )
        return download_id

    @override
    async def remove(self, download_id: str, *, with_data: bool) -> None:
        await super().remove(download_id, with_data=with_data)
        del self.all_terms[download_id]

    @override
    async def alter(self, download_id: str, edit: AnyEdit) -> None:
        self._call(f"alter:{edit.__struct_config__.tag}")
        if isinstance(edit, self.refuses):
            raise Problem("client_refused", 409, "no")
        terms = self.all_terms[download_id]
        match edit:
            case ChooseFiles():
                terms = msgspec.structs.replace(terms, unwanted=edit.unwanted)
            case SetLimits():
                terms = msgspec.structs.replace(terms, ratio=edit.ratio)
            case EditTrackers():
                terms = msgspec.structs.replace(terms, trackers=frozenset(edit.add))
            case _:
                self.put(download_id, forced=True)
        self.all_terms[download_id] = terms


@pytest.fixture
def client() -> Choosy:
    client = Choosy()
    client.put("a", state=State.DOWNLOADING, forced=True)
    client.all_terms["a"] = SET
    return client


SOURCE = commands.Add(torrent=b"d4:infod4:name1:aee")


async def ready(bus: Bus) -> None:
    await until(lambda: committed(bus, "fake"), what="a committed table")


async def test_what_was_set_is_set_again_before_anything_is_transferred(bus: Bus, client: Choosy) -> None:
    """Limits and order with the add, the rest while it is stopped; then it runs as it did."""
    async with polling(bus, {"fake": client}):
        await ready(bus)
        done = await send(bus, "retry", commands.Retry(id="a", source=SOURCE))
    assert done.lost == ()
    assert client.all_terms["a"] == SET
    assert (client.added[0].paused, client.rows["a"].state, client.rows["a"].forced) == (True, State.DOWNLOADING, True)
    changes = [call for call in client.calls if call not in ("poll", "read", "close")]
    assert changes == [
        "terms", "remove:False", "add", "terms", "alter:files", "alter:limits", "alter:trackers", "resume",
        "alter:force_start",
    ]  # fmt: skip


async def test_what_the_client_does_not_take_again_is_said(bus: Bus, client: Choosy) -> None:
    """It is no reason to be without the download, nor to leave it stopped."""
    client.refuses = (ChooseFiles, EditTrackers)
    async with polling(bus, {"fake": client}):
        await ready(bus)
        done = await send(bus, "retry", commands.Retry(id="a", source=SOURCE))
    assert done.lost == ("files", "trackers")
    assert (client.all_terms["a"].ratio, client.rows["a"].state) == (2.0, State.DOWNLOADING)


async def test_one_that_is_not_taken_back_is_added_by_the_next_retry(bus: Bus, client: Choosy) -> None:
    """The refusal says that it is gone and what of it is kept; what was set on it is not forgotten until then."""
    async with polling(bus, {"fake": client}):
        await ready(bus)
        client.takes = False
        with pytest.raises(Problem, match="its source kept, and not added again: torrent_invalid") as refused:
            await send(bus, "retry", commands.Retry(id="a", source=SOURCE), "r1")
        assert (refused.value.code, refused.value.status) == ("not_added_again", 400)
        client.takes = True
        await send(bus, "retry", commands.Retry(id="a", source=SOURCE), "r2")
    assert client.all_terms["a"] == SET
    told = [event.read(CommandData) for event in await all_events(bus) if event.type.startswith("command.")]
    assert [(data.verb, data.outcome) for data in told] == [("retry", "not_added_again"), ("retry", "ok")]


async def test_nothing_is_taken_out_where_it_is_not_known_what_was_set(bus: Bus, client: Choosy) -> None:
    """The client is asked first: one that does not say keeps the download."""
    async with polling(bus, {"fake": client}):
        await ready(bus)
        client.fails_after = "terms"
        with pytest.raises(Problem, match="connection lost"):
            await send(bus, "retry", commands.Retry(id="a", source=SOURCE))
        client.failure = None
    assert "a" in client.rows
    assert not [call for call in client.calls if call.startswith("remove")]


async def test_a_client_that_goes_away_in_the_middle_leaves_it_said_where_it_stands(bus: Bus, client: Choosy) -> None:
    """Whether it was added, or all of it set, nobody knows then: the answer says what to look at, and no pass key."""
    async with polling(bus, {"fake": client}):
        await ready(bus)
        client.fails_after = "alter:files"
        with pytest.raises(Problem, match="added again, perhaps paused and without all that was set") as unknown:
            await send(bus, "retry", commands.Retry(id="a", source=SOURCE))
        assert (unknown.value.code, unknown.value.status) == ("unknown_outcome", 503)
        assert "passkey" not in str(unknown.value)
        client.failure, client.fails_after = None, None
        assert (client.rows["a"].state, client.all_terms["a"].unwanted) == (State.PAUSED, (1,))


async def test_a_lost_answer_to_the_add_is_no_refusal(bus: Bus, client: Choosy) -> None:
    """It may be there: a retry that finds it adds nothing twice."""

    async def add(new: NewDownload) -> str:
        raise ClientUnavailable("timed out")

    async with polling(bus, {"fake": client}):
        await ready(bus)
        client.add = add  # type: ignore[method-assign]
        with pytest.raises(Problem, match="source kept; whether it was added again is not known") as unknown:
            await send(bus, "retry", commands.Retry(id="a", source=SOURCE))
    assert unknown.value.code == "unknown_outcome"

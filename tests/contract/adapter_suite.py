"""What every client's adapter keeps over recorded replies, whatever its kind: classes that its tests inherit.

A client that is down, damaged or strange is never an empty client: the adapter raises what the poller acts on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

import pytest

from sluice_client_poller.adapters.port import Adapter
from sluice_common.kit.errors import ClientAuthFailed, ClientError, ClientProtocolError, ClientUnavailable
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.replay import Answer, Replay

SAMPLES = Path(__file__).parent / "samples"
WRONG_PASSWORD = "a-wrong-one"
Damage = Callable[[Answer], Answer]
PAGE = b"<!doctype html><html><body>It works!</body></html>"
DAMAGES: dict[str, tuple[Damage, type[ClientError]]] = {
    "html": (lambda _: Answer(body=PAGE, content_type="text/html"), ClientProtocolError),
    "empty": (lambda _: Answer(body=b""), ClientProtocolError),
    "other_json": (lambda _: Answer(body=b'["not", "a", "reply"]'), ClientProtocolError),
    "half_json": (lambda whole: Answer(body=whole.body[: len(whole.body) // 2]), ClientProtocolError),
    "cut_off": (lambda whole: Answer(body=whole.body, cut=len(whole.body) // 2), ClientUnavailable),
    "broken_gzip": (lambda _: Answer(body=b"no", headers=(("Content-Encoding", "gzip"),)), ClientProtocolError),
    "not_there": (lambda _: Answer(body=PAGE, status=404, content_type="text/html"), ClientProtocolError),
    "elsewhere": (lambda _: Answer(body=b"", status=302, headers=(("Location", "/login"),)), ClientProtocolError),
    "proxy_asks": (
        lambda _: Answer(
            body=PAGE, status=401, content_type="text/html", headers=(("WWW-Authenticate", 'Basic realm="home"'),)
        ),
        ClientAuthFailed,
    ),
    "proxy_down": (lambda _: Answer(body=PAGE, status=502, content_type="text/html"), ClientUnavailable),
}


class Meaning(NamedTuple):
    """What a recorded row says on the model's axes."""

    state: State
    is_complete: bool
    health: Health
    reason: Reason | None


class AdapterFaults:
    """Inherit, and give `healthy` (a recorded client) and `make` (its adapter).

    `poll_method` is the call that carries the list: a JSON-RPC method, or a path without its first slash.
    """

    poll_method = ""

    @pytest.fixture
    def healthy(self) -> Iterator[Replay]:
        """A recorded client that answers everything a poll asks."""
        raise NotImplementedError

    def make(self, url: str) -> Adapter:
        """The adapter of a client at `url` with the right password."""
        raise NotImplementedError

    async def test_a_healthy_client_gives_its_whole_list(self, healthy: Replay) -> None:
        """The suite's other promises mean something only because this recording polls well."""
        adapter = self.make(healthy.url)
        assert (await adapter.poll()).rows
        await adapter.close()

    @pytest.mark.parametrize("damage", sorted(DAMAGES))
    async def test_a_damaged_list_raises(self, healthy: Replay, damage: str) -> None:
        """A list that is damaged on its way is an error of the right kind, and the next good one counts again."""
        adapter = self.make(healthy.url)
        whole = await adapter.poll()
        sound = healthy.answer
        hurt, expected = DAMAGES[damage]
        healthy.answer = lambda call: hurt(sound(call)) if call["method"] == self.poll_method else sound(call)
        with pytest.raises(expected):
            await adapter.poll()
        healthy.answer = sound
        again = await adapter.poll()
        assert again.whole, "a reply that was lost may have held what the next delta leaves out"
        assert again.rows == whole.rows
        await adapter.close()

    @pytest.mark.parametrize("damage", sorted(DAMAGES))
    async def test_a_client_that_answers_only_damage_raises(self, healthy: Replay, damage: str) -> None:
        """The same from the first request on, whatever it is: a web page at the configured URL is no empty client."""
        sound = healthy.answer
        hurt, expected = DAMAGES[damage]
        healthy.answer = lambda call: hurt(sound(call))
        adapter = self.make(healthy.url)
        with pytest.raises(expected):
            await adapter.poll()
        await adapter.close()

    async def test_nobody_listening_is_unavailable(self) -> None:
        """A client that is not running: back off."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        adapter = self.make(f"http://127.0.0.1:{port}")
        with pytest.raises(ClientUnavailable, match="connection refused"):
            await adapter.poll()
        await adapter.close()


class SessionSuite(AdapterFaults):
    """Inherit besides, for a client that wants a log-in and forgets its sessions when it is started again."""

    def refused(self, url: str) -> Adapter:
        """The adapter of a client at `url` with `WRONG_PASSWORD`."""
        raise NotImplementedError

    def restart(self, healthy: Replay) -> None:
        """Let the recorded client forget its sessions, as it does when it is started again."""
        raise NotImplementedError

    async def test_a_wrong_password_stops_the_poll(self, healthy: Replay) -> None:
        """A refused password is for the user to mend, and is nowhere in what they are shown."""
        adapter = self.refused(healthy.url)
        with pytest.raises(ClientAuthFailed) as refusal:
            await adapter.poll()
        await adapter.close()
        assert WRONG_PASSWORD not in f"{refusal.value} {refusal.value!r} {adapter!r}"

    async def test_a_restart_is_noticed(self, healthy: Replay) -> None:
        """Sessions that ended are renewed within the same poll, which is whole and says that the list may be late."""
        adapter = self.make(healthy.url)
        first, second = await adapter.poll(), await adapter.poll()
        assert (first.whole, first.restarted, second.restarted) == (True, True, False)
        self.restart(healthy)
        again, later = await adapter.poll(), await adapter.poll()
        await adapter.close()
        assert (again.whole, again.restarted, later.restarted) == (True, True, False)
        assert {row.id for row in again.rows} == {row.id for row in first.rows}


class RecordedSuite(SessionSuite):
    """Inherit besides, and say which recordings (folders of `samples`) and what every state in them means."""

    CLIENT: ClassVar[str]
    RECORDED: ClassVar[Mapping[str, Mapping[str, Meaning]]]  # folder: {name of a sample without "state_": meaning}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each recorded state."""
        if "recorded_state" in metafunc.fixturenames:
            cases = [(folder, name) for folder, states in self.RECORDED.items() for name in sorted(states)]
            metafunc.parametrize("recorded_state", cases, ids="-".join)

    def recorded_row(self, folder: str, name: str) -> Download:
        """The Download that the adapter makes of the sample `folder/name`."""
        raise NotImplementedError

    def test_every_recorded_state_is_in_the_table(self) -> None:
        """A sample that is added later must say what it means."""
        for folder, states in self.RECORDED.items():
            files = [path for path in (SAMPLES / folder).glob("state_*.json") if "." not in path.stem]
            assert {path.stem.removeprefix("state_") for path in files} == set(states), folder

    def test_recorded_states(self, recorded_state: tuple[str, str]) -> None:
        """State, completion and health are three axes, and complete is only what is at rest at its final path."""
        folder, name = recorded_state
        row = self.recorded_row(folder, f"state_{name}.json")
        assert Meaning(row.state, row.is_complete, row.health, row.reason) == self.RECORDED[folder][name]

"""What every client's adapter keeps, whatever its kind: one class that each adapter's tests inherit.

A client that is down, damaged or strange is never an empty client: the adapter raises what the poller acts on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from sluice_client_poller.adapters.port import Adapter
from sluice_common.kit.errors import ClientAuthFailed, ClientError, ClientProtocolError, ClientUnavailable
from support.replay import Answer, Replay

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
    "proxy_asks": (lambda _: Answer(body=PAGE, status=401, content_type="text/html"), ClientAuthFailed),
    "proxy_down": (lambda _: Answer(body=PAGE, status=502, content_type="text/html"), ClientUnavailable),
}


class AdapterFaults:
    """Inherit, and give `healthy` (a recorded client) and `make` (its adapter)."""

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

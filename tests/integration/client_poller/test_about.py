"""The holder of a client's lease says what the client is, also when the client does not answer."""

from __future__ import annotations

import pytest

from sluice_client_poller.adapters.versions import KNOWN
from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import rpc, subjects
from sluice_common.contracts.doctor import AboutClient
from sluice_common.kit.errors import ClientAuthFailed, ClientError, ClientUnavailable, Problem
from support.fake_client import FakeClient
from support.poller import polling
from support.waiting import until


async def asked(bus: Bus) -> AboutClient | None:
    """The answer, None while no poller holds the client."""
    try:
        return await call(bus, subjects.command("fake", "about"), rpc.Empty(), AboutClient, request_id="r")
    except Problem as problem:
        if problem.code == "no_responder":
            return None
        raise


async def test_version_paths_and_categories(bus: Bus) -> None:
    """As the client tells them, with the version judged."""
    async with polling(bus, {"fake": FakeClient()}):
        told = await until(lambda: asked(bus), what="an answer")
    assert told == AboutClient(
        version="1.0",
        is_tried=False,
        save_path="/downloads",
        categories={"tv": None},
        is_tested=False,
        tested=KNOWN["deluge"].tested,
    )


@pytest.mark.parametrize("failure", [ClientAuthFailed("wrong password"), ClientUnavailable("connection refused")])
async def test_why_a_client_does_not_answer_is_an_answer(bus: Bus, failure: ClientError) -> None:
    """The client is asked itself, whatever the polls came to, and its refusal comes with its reason."""
    client = FakeClient()
    client.failure = failure
    async with polling(bus, {"fake": client}):
        told = await until(lambda: asked(bus), what="an answer")
        assert told == AboutClient(reason=failure.reason, message=str(failure))
        client.failure = None
        assert (await until(lambda: asked(bus), what="another answer")).reason is None

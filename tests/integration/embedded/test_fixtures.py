"""The servers that every other test stands on are real and obey."""

from __future__ import annotations

import asyncio

import asyncpg
import nats
import pytest
from nats.js.errors import NotFoundError

from sluice_common.kit.settings import NatsSettings, PostgresSettings
from support.nats import NatsForTest


async def _last(server: NatsForTest) -> int:
    connection = await nats.connect(server.url, **server.credentials)
    try:
        return (await connection.jetstream().stream_info("S")).state.last_seq
    finally:
        await connection.close()


async def test_an_acknowledged_message_survives_sigkill_and_not_a_wipe(nats_server: NatsForTest) -> None:
    """What JetStream acknowledged is there after kill -9 on the same port; `wipe` loses it."""
    connection = await nats.connect(nats_server.url, **nats_server.credentials, allow_reconnect=False)
    stream = connection.jetstream()
    await stream.add_stream(name="S", subjects=["s.>"])
    await stream.publish("s.1", b"x", stream="S")
    await connection.close()
    url, pid = nats_server.url, nats_server.pid
    nats_server.kill()
    nats_server.start()
    assert (nats_server.url, nats_server.pid == pid, await _last(nats_server)) == (url, False, 1)
    nats_server.stop()
    nats_server.wipe()
    nats_server.start()
    with pytest.raises(NotFoundError):
        await _last(nats_server)


async def test_the_bus_wants_its_password(nats_settings: NatsSettings) -> None:
    """NATS on loopback does not serve other users of the machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(nats_settings.url.rpartition(":")[2]))
    writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b"-ERR 'Authorization Violation'" in answer
    assert b"PONG" not in answer


@pytest.mark.parametrize("time", [1, 2])
async def test_every_test_has_an_empty_database(database: PostgresSettings, time: int) -> None:
    """No test sees another's tables, and a wrong password opens nothing."""
    assert database.password is not None
    connection = await asyncpg.connect(database.dsn, password=database.password.get_secret_value(), ssl=False)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.execute("CREATE TABLE here (time int)")
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database.dsn, password=f"wrong-{time}", ssl=False)

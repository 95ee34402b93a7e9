"""A viewer in a process of its own: reads the queue's event stream and tells each event, with the moment it came.

With `nats` it also listens to the frames themselves, so that frame and event are timed by one clock. Times are those
of the machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import msgspec
import nats
from nats.aio.msg import Msg

from bench.aside import given, tell
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.frames import Frame


class Seen(msgspec.Struct):
    """What is told of a row."""

    client: str
    id: str
    category: str | None = None
    state: str | None = None
    up_speed: int | None = None


class Document(msgspec.Struct):
    """Both kinds of event."""

    items: list[Seen] = []
    upserts: list[Seen] = []


async def view(url: str, key: str, params: dict[str, Any], field: str) -> None:
    """Tell one field of every event's rows until the process is ended; the first line is the whole view."""
    headers = {"X-API-Key": key, "Accept": "text/event-stream"}
    decode = msgspec.json.Decoder(Document).decode
    async with (
        httpx.AsyncClient(timeout=httpx.Timeout(30, read=60), trust_env=False) as client,
        client.stream("GET", f"{url}/api/v1/queue/events", params=params, headers=headers) as answer,
    ):
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                at, document = time.monotonic(), decode(line[5:].encode())
                rows = [*document.items, *document.upserts]
                tell(at=at, rows=[(row.client, row.id, getattr(row, field)) for row in rows])


async def listen(url: str, user: str, password: str) -> None:
    """Tell each frame's rows until the process is ended."""

    async def heard(message: Msg) -> None:
        at, frame = time.monotonic(), codec.unpack(message.data, Frame)
        tell(frame=at, rows=[(row.client, row.id, row.up_speed) for row in frame.upserts])

    connection = await nats.connect(url, user=user, password=password)
    await connection.subscribe(subjects.ALL_FRAMES, cb=heard)
    await asyncio.Event().wait()


async def main() -> None:
    """View, and listen when asked to."""
    asked = given()
    bus = asked.get("nats")
    async with asyncio.TaskGroup() as group:
        if bus:
            group.create_task(listen(bus["url"], bus["user"], bus["password"]))
        group.create_task(view(asked["url"], asked["key"], asked["params"], asked["field"]))


if __name__ == "__main__":
    asyncio.run(main())

"""Server-sent events from bytes, as the HTML standard parses them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class Message(msgspec.Struct, frozen=True):
    """One event: its name and its data."""

    event: str
    data: str


class Parser:
    """Bytes in, in any pieces; messages out as they are complete. Comments and unknown fields are skipped."""

    def __init__(self) -> None:
        self._buffer = b""
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that this chunk completes. The iterator must be exhausted."""
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            message = self._line(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if message is not None:
                yield message

    def _line(self, line: str) -> Message | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._event = value
        elif field == "data":
            self._data.append(value)
        return None

    def _dispatch(self) -> Message | None:
        event, data = self._event, self._data
        self._event, self._data = "", []
        return Message(event or "message", "\n".join(data)) if data else None

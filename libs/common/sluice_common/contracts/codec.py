"""Bytes to values and back: frames as zstd-1 msgpack, everything else as JSON or plain msgpack."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import zstandard

T = TypeVar("T")

# A frame part is planned to stay under 1 MB; sixteen times that unpacked can only be damage or malice.
MAX_UNPACKED = 16 * 1024 * 1024

_compressor = zstandard.ZstdCompressor(level=1)
_decompressor = zstandard.ZstdDecompressor()


class Undecodable(ValueError):
    """The bytes are not what the contract says."""


def pack(value: object) -> bytes:
    """msgpack, compressed."""
    return _compressor.compress(msgspec.msgpack.encode(value))


def unpack(data: bytes, kind: type[T]) -> T:
    """The value that `pack` packed; raises Undecodable."""
    try:
        return msgspec.msgpack.decode(_decompressor.decompress(data, max_output_size=MAX_UNPACKED), type=kind)
    except (zstandard.ZstdError, msgspec.MsgspecError, MemoryError) as error:
        raise Undecodable(f"{kind.__name__}: {error}") from error


def to_json(value: object) -> bytes:
    """JSON, UTF-8."""
    return msgspec.json.encode(value)


def from_json(data: bytes, kind: type[T]) -> T:
    """The value that `to_json` wrote; raises Undecodable."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Undecodable(f"{kind.__name__}: {error}") from error

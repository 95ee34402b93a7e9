"""Golden messages: one of every struct on the bus, every field set, as bytes that old and new versions must share.

`PYTHONPATH=tests python -m support.golden` writes what is missing; `--overwrite` also what changed, which breaks every
older reader or writer unless fields were only appended.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from sluice_common.contracts.registry import ENVELOPE, ROUTES, Wire

DIRECTORY = Path(__file__).parents[1] / "contract" / "golden"
FIELDS = DIRECTORY / "fields.json"
_WHEN = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def name_of(kind: Any) -> str:
    """A file name for a struct: `Frame`, `Page_Import`."""
    inner = "".join(f"_{name_of(argument)}" for argument in getattr(kind, "__args__", ()))
    return f"{getattr(kind, '__origin__', kind).__name__}{inner}"


def wires() -> dict[str, tuple[Any, Wire]]:
    """Every struct that is a message, by its name, with how it travels."""
    found: dict[str, tuple[Any, Wire]] = {name_of(kind): (kind, Wire.RPC) for kind in ENVELOPE}
    for route in ROUTES:
        for kind in route.structs:
            found.setdefault(name_of(kind), (kind, route.wire))
    return found


def struct_types(kind: Any) -> dict[str, type[msgspec.Struct]]:
    """The struct and every struct inside it, by name."""
    found: dict[str, type[msgspec.Struct]] = {}
    for info in _walk(inspect.type_info(kind)):
        if isinstance(info, inspect.StructType):
            cls = getattr(info.cls, "__origin__", info.cls)
            found[cls.__name__] = cls
    return found


def _walk(info: Any) -> Iterator[Any]:
    yield info
    match info:
        case inspect.StructType():
            inner = [field.type for field in info.fields]
        case inspect.UnionType():
            inner = list(info.types)
        case inspect.VarTupleType():
            inner = [info.item_type]
        case inspect.DictType():
            inner = [info.key_type, info.value_type]
        case _:
            inner = []
    for part in inner:
        yield from _walk(part)


def sample(kind: Any) -> Any:
    """A value with every field set, the same for ever."""
    return _sample(inspect.type_info(kind), name_of(kind))


def _sample(info: Any, name: str) -> Any:
    match info:
        case inspect.StructType():
            return info.cls(**{field.name: _sample(field.type, field.name) for field in info.fields})
        case inspect.UnionType():
            return _sample(next(kind for kind in info.types if not isinstance(kind, inspect.NoneType)), name)
        case inspect.VarTupleType():
            return (_sample(info.item_type, name),)
        case inspect.DictType():
            return {"key": _sample(info.value_type, name)}
        case inspect.EnumType():
            return next(iter(info.cls))
        case _:
            return _scalar(info, name)


def _scalar(info: Any, name: str) -> Any:
    match info:
        case inspect.StrType():
            return f"{name} ✓"
        case inspect.IntType():
            return zlib.crc32(name.encode())
        case inspect.FloatType():
            return 0.125
        case inspect.BoolType():
            return True
        case inspect.BytesType():
            return b"\x00\xff" + name.encode()
        case inspect.DateTimeType():
            return _WHEN
        case inspect.DateType():
            return _WHEN.date()
        case inspect.RawType():
            return msgspec.Raw(b'{"client":"c"}')
        case inspect.AnyType():
            return "any"
        case _:
            raise NotImplementedError(f"{name}: no sample of {info}")


def encode(value: Any, wire: Wire) -> bytes:
    """The bytes before compression, which may differ between versions of zstd."""
    return msgspec.json.encode(value) if wire is Wire.JSON else msgspec.msgpack.encode(value)


def decode(data: bytes, kind: Any, wire: Wire) -> Any:
    return msgspec.json.decode(data, type=kind) if wire is Wire.JSON else msgspec.msgpack.decode(data, type=kind)


def path_of(name: str, wire: Wire) -> Path:
    """Where the golden message of a struct lies."""
    return DIRECTORY / f"{name}.{'json' if wire is Wire.JSON else 'msgpack'}"


def plain(value: Any) -> Any:
    """Lists, dicts and scalars, as any other reader would see the message."""
    return msgspec.to_builtins(value, builtin_types=(bytes, datetime), enc_hook=_raw)


def _raw(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    if isinstance(value, Enum):
        return value.value
    raise NotImplementedError(type(value))


def all_fields() -> dict[str, list[str]]:
    """The fields of every struct on the bus, in their order."""
    found: dict[str, list[str]] = {}
    for kind, _ in wires().values():
        for name, struct in struct_types(kind).items():
            found[name] = list(struct.__struct_fields__)
    return dict(sorted(found.items()))


def main(overwrite: bool) -> None:
    """Write the golden messages and the list of fields."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, (kind, wire) in wires().items():
        _write(path_of(name, wire), encode(sample(kind), wire), overwrite)
    _write(FIELDS, msgspec.json.format(msgspec.json.encode(all_fields()), indent=1) + b"\n", overwrite)


def _write(path: Path, data: bytes, overwrite: bool) -> None:
    if not path.exists() or (overwrite and path.read_bytes() != data):
        path.write_bytes(data)
        print(f"written: {path.name}")


if __name__ == "__main__":
    main("--overwrite" in sys.argv[1:])

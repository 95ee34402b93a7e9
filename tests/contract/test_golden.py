"""What goes over the bus today is what older and newer versions of every service say and understand.

A failure here means that a rolling upgrade breaks. Fields are append-only, with defaults; support/golden writes the
files of a new struct.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest

from sluice_common.contracts import codec
from sluice_common.contracts.frames import Frame
from sluice_common.contracts.library import Import
from sluice_common.contracts.registry import Wire
from sluice_common.model.download import ClientStatus, Download
from sluice_common.model.enums import Health, State
from support import golden

MESSAGES = golden.wires()


@pytest.mark.parametrize("name", MESSAGES)
def test_todays_code_writes_the_same_bytes(name: str) -> None:
    """A writer of today is understood by whoever understood the golden message."""
    kind, wire = MESSAGES[name]
    path = golden.path_of(name, wire)
    assert path.exists(), "a new struct: run PYTHONPATH=tests python -m support.golden"
    assert golden.encode(golden.sample(kind), wire) == path.read_bytes()


@pytest.mark.parametrize("name", MESSAGES)
def test_todays_code_reads_the_old_bytes(name: str) -> None:
    """A reader of today understands what was written when the golden message was made."""
    kind, wire = MESSAGES[name]
    data = golden.path_of(name, wire).read_bytes()
    assert golden.encode(golden.decode(data, kind, wire), wire) == data


@pytest.mark.parametrize("name", MESSAGES)
def test_an_old_reader_survives_a_newer_writer(name: str) -> None:
    """A field that was appended later is skipped, on every level, and costs nothing else."""
    kind, wire = MESSAGES[name]
    data = golden.path_of(name, wire).read_bytes()
    message = msgspec.json.decode(data) if wire is Wire.JSON else msgspec.msgpack.decode(data)
    struct = golden.struct_types(kind)[golden.name_of(getattr(kind, "__origin__", kind))]
    if struct.__struct_config__.array_like:
        message.append("from the future")
    else:
        message["from_the_future"] = {"a": 1}
    newer = msgspec.json.encode(message) if wire is Wire.JSON else msgspec.msgpack.encode(message)
    known, read = golden.decode(data, kind, wire), golden.decode(newer, kind, wire)
    assert golden.encode(read, wire) == golden.encode(known, wire)


def test_fields_are_only_appended() -> None:
    """No field is renamed or taken away, and what is new has a default, because old writers do not send it.

    Where fields go by their place and not by their name, none moves either.
    """
    recorded: dict[str, list[str]] = msgspec.json.decode(golden.FIELDS.read_bytes())
    today = golden.all_fields()
    assert recorded.keys() <= today.keys(), "a struct disappeared"
    structs = {name: struct for kind, _ in MESSAGES.values() for name, struct in golden.struct_types(kind).items()}
    for name, fields in recorded.items():
        assert set(fields) <= set(today[name]), f"{name}: a field disappeared"
        if structs[name].__struct_config__.array_like:
            assert today[name][: len(fields)] == fields, f"{name}: fields moved"
        for field in msgspec.structs.fields(structs[name]):
            assert field.name in fields or not field.required, f"{name}.{field.name} is new and needs a default"
    assert today == recorded, "record the new fields: PYTHONPATH=tests python -m support.golden --overwrite"


def test_an_unknown_word_is_kept_verbatim_over_the_wire() -> None:
    """An old reader that stores and forwards a newer writer's row does not change it."""
    kind, wire = MESSAGES["Frame"]
    frame = golden.decode(golden.path_of("Frame", wire).read_bytes(), kind, wire)
    assert isinstance(frame, Frame)
    row = msgspec.structs.replace(frame.upserts[0], state=State("hibernating"), health=Health("feverish"))
    packed = codec.pack(msgspec.structs.replace(frame, upserts=(row,)))
    again = codec.unpack(packed, Frame)
    assert (str(again.upserts[0].state), str(again.upserts[0].health)) == ("hibernating", "feverish")
    assert codec.unpack(codec.pack(again), Frame) == again
    status = ClientStatus(client="c", type="deluge", health=Health("feverish"))
    assert b'"feverish"' in codec.to_json(codec.from_json(codec.to_json(status), ClientStatus))
    an_import = golden.sample(Import)
    told = {**golden.plain(an_import), "state": "contemplating"}
    assert str(msgspec.convert(told, Import).state) == "contemplating"


def test_a_row_of_an_older_writer_gets_the_defaults() -> None:
    """A row that ends after any of its fields is read; what it does not say is unknown, never zero."""
    full = msgspec.msgpack.decode(msgspec.msgpack.encode(golden.sample(Download)))
    for length in range(2, len(full) + 1):
        row = msgspec.msgpack.decode(msgspec.msgpack.encode(full[:length]), type=Download)
        assert (row.client, row.id) == (full[0], full[1])
        missing: list[Any] = [getattr(row, name) for name in Download.__struct_fields__[length:]]
        assert not any(isinstance(value, int | float | datetime) and value is not False for value in missing)

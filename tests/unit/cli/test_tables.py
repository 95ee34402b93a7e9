"""The API's documents as a terminal shows them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from sluice_cli import catalogue, tables, timeline


def text(what: RenderableType, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(**fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "client": "deluge", "id": "c12fe1c06bba254a", "name": "Sintel", "state": "downloading", "health": "ok",
        "import": {"state": "none"}, "stale": False, "progress": 0.5, "size": 2**30, "down_speed": 2048,
        "up_speed": 0, "eta": 65,
    }  # fmt: skip
    return known | fields


def page(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"items": list(rows), "total": len(rows), "clients": []} | fields


def test_a_row_of_the_queue() -> None:
    """What somebody wants to know at a glance, in one line."""
    line = text(tables.queue(page(row()))).splitlines()[1]
    assert line.split() == ["c12fe1c0", "Sintel", "deluge", "downloading", "50.0%", "1.0", "GiB", "2.0", "KiB/s",
                            "–", "1m", "5s", "–"]  # fmt: skip


def test_trouble_is_told() -> None:
    """Health beside progress, staleness on the row, the client and its reason below, and what is not shown."""
    trouble = {"name": "deluge", "health": "error", "stale": True, "reason": "unreachable", "message": "refused"}
    ill = row(health="error", reason="disk_full", stale=True, **{"import": {"state": "blocked", "reason": "no_room"}})
    shown = text(tables.queue(page(ill, total=7, clients=[trouble])))
    assert "downloading (disk_full) stale" in shown
    assert "blocked: no_room" in shown
    assert "! deluge: refused; its rows may be out of date" in shown
    assert "1 of 7" in shown


def test_names_are_text_and_nothing_else() -> None:
    """Markup and escape sequences of a hostile name are shown, not obeyed."""
    shown = text(tables.queue(page(row(name="[red]x[/red]\x1b]0;owned\x07\u202e"))))
    assert "[red]x[/red]\ufffd]0;owned\ufffd\ufffd" in shown


@pytest.mark.parametrize("width", [60, 80, 110, 200])
def test_a_narrow_terminal_keeps_what_matters(width: int) -> None:
    """The name and the lesser columns give way; the id that the next command needs, state and progress do not."""
    shown = text(tables.queue(page(row(name="x" * 300), row(id="d" * 40, name="[x] 世界" * 40))), width)
    lines = shown.splitlines()
    assert len(lines) == 3
    assert all(cell_len(line) <= width for line in lines)
    assert all(word in lines[1] for word in ("c12fe1c0", "xxx", "deluge", "downloading", "50.0%"))
    assert "Import" in lines[0]
    assert ("Up" in lines[0]) is (width > 80)


def test_empty_pages_say_so() -> None:
    """An empty answer is a sentence, with what to do where there is something to do."""
    empty: dict[str, Any] = {"items": []}
    assert "empty" in text(tables.queue(page()))
    assert "empty" not in text(tables.queue(page(), "No downloads match --state seeding now."))
    for render in (tables.clients, timeline.history, tables.imports, catalogue.media, tables.libraries):
        assert len(text(render(empty)).split()) >= 3


def test_history_tells_what_was_noticed_later() -> None:
    """A reconciled entry is dated as well as can be, and says that it is."""
    entry = {"id": "e", "type": "download.removed", "client": "deluge", "time": "2026-01-01T00:00:00Z",
             "data": {"name": "Sintel", "reason": "cleanup"}, "source": "reconciled"}  # fmt: skip
    assert "cleanup: noticed later" in text(timeline.history({"items": [entry], "next": "x"}))


def command(verb: str, *changes: dict[str, Any], **more: Any) -> str:
    data = {"verb": verb, "outcome": "ok", "actor": "api", "origin": "192.0.2.7", "changes": list(changes), **more}
    entry = {"id": "e", "type": "command.executed", "client": "deluge", "time": "2026-01-01T00:00:00Z",
             "download_id": "abcd", "data": data}  # fmt: skip
    return text(timeline.history({"items": [entry]}), 300)


def test_history_tells_what_a_command_set() -> None:
    """From what to what in people's units, who it was and from where; the name where the event has one."""
    told = command("category", {"field": "category", "to": "films", "was": "tv"}, name="Sintel")
    assert "category: tv → films, by api from 192.0.2.7" in told
    assert ("Sintel" in told, "abcd" in told) == (True, False)
    limits = [{"field": "download_limit", "to": 512_000}, {"field": "upload_limit", "to": 0},
              {"field": "seeding_time_limit", "to": 5400}]  # fmt: skip
    assert "download limit: 500.0 KiB/s, upload limit: none, seeding time limit: 1h 30m" in command("limits", *limits)
    assert "tags: x → none" in command("tags", {"field": "tags", "to": [], "was": ["x"]})
    assert "forced: no → yes" in command("force_start", {"field": "forced", "to": True, "was": False})
    assert "category: tv → none" in command("category", {"field": "category", "was": "tv"})
    assert "add (tags: a, b)" in command("add", {"field": "tags", "to": ["a", "b"]})
    old = command("remove", with_data=True)
    assert ("remove with data, by api" in old, "abcd" in old) == (True, True)


def test_an_import_with_its_files() -> None:
    """Every file with its verdict, where it went and how."""
    file = {
        "path": "a.mkv",
        "size": 2048,
        "verdict": "import",
        "method": "hardlink",
        "placed": True,
        "target": "A/a.mkv",
    }
    document = {"client": "deluge", "download_id": "abc", "name": "A", "state": "imported", "files": [file]}
    shown = text(tables.one_import(document, "0123abcd"))
    assert "import 0123abcd of deluge/abc" in shown
    assert "sluice media add" not in shown
    assert shown.splitlines()[-1].split() == ["a.mkv", "2.0", "KiB", "import", "hardlink", "A/a.mkv"]


def test_what_doctor_found() -> None:
    """What is well in one line; of the rest what is the case and what to do, and the sum."""
    fine = {"check": "bus", "subject": "nats", "status": "ok", "code": None, "detail": "it answers", "advice": ""}
    bad = {"check": "library.link", "subject": "d → tv", "status": "failed", "code": "two_mounts",
           "detail": "two mounts\x1b[2J", "advice": "mount /data once"}  # fmt: skip
    shown = text(tables.doctor({"status": "failed", "items": [fine, bad]}))
    lines = [line.split() for line in shown.splitlines()]
    assert ["bus", "nats", "ok", "it", "answers"] in lines
    assert ["library.link", "d", "→", "tv", "failed:", "two_mounts"] in lines
    assert "! library.link  d → tv\n  two mounts\ufffd[2J\n  What to do: mount /data once" in shown
    assert shown.endswith("\n\n2 checks: 1 ok, 1 failed\n")


def test_short_ids() -> None:
    """A list shows as much of the ids as the next command needs: eight characters, or more where they are alike."""
    one = {"id": "0123456789abcdef" * 2, "name": "A", "state": "waiting", "client": "deluge"}
    alike = one | {"id": "0123456789" + "f" * 22}
    assert "01234567 " in text(tables.imports({"items": [one]}))
    assert "0123456789a " in text(tables.imports({"items": [one, alike]}))
    item = {"id": one["id"], "title": "A", "kind": "movie"}
    assert "01234567 " in text(catalogue.media({"items": [item]}))


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("Unknown.Thing.2019.1080p.WEB-DL-GRP", 'sluice media add "Unknown Thing" --kind movie --year 2019'),
        ("Some.Show.S01E02.720p", 'sluice media add "Some Show" --kind series'),
        ("Some Pa$ny.2019.1080p", "sluice media add 'Some Pa$ny' --kind movie --year 2019"),
    ],
)
def test_an_unknown_thing_is_told_with_the_commands_that_make_it_known(name: str, command: str) -> None:
    """What the name says, ready to be typed: a title that means something to a shell is quoted against it."""
    document = {"client": "deluge", "download_id": "abc", "name": name, "state": "blocked", "reason": "unknown_media"}
    lines = [line.strip() for line in text(tables.one_import(document, "0123abcd")).splitlines()]
    assert lines[-2:] == [command, "sluice imports retry 0123abcd"]


def test_what_holds_no_media_is_explained() -> None:
    """What it means and what can be done; a reason that speaks for itself has no such words."""
    document = {"client": "d", "download_id": "a", "name": "A.2019", "state": "blocked", "reason": "no_media"}
    told = text(tables.one_import(document, "0123abcd"))
    assert "Nothing in it can be imported" in told
    assert "sluice choose ID --want N" in told
    assert "Nothing in it" not in text(tables.one_import({**document, "reason": "no_library"}, "0123abcd"))


def test_no_commands_for_other_troubles() -> None:
    """A command that would not help is not proposed."""
    document = {"client": "d", "download_id": "a", "name": "A.2019", "state": "blocked", "reason": "no_library"}
    assert "media add" not in text(tables.one_import(document, "0123abcd"))

"""The verb `doctor`: what is wrong with a set-up and what to do; also where Sluice itself cannot be reached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer

from sluice_cli import tables
from sluice_cli.api import Answer, Api
from sluice_cli.failure import START, Unreachable
from sluice_cli.run import Json, show, talk
from sluice_cli.target import RUN_FILE, Given
from sluice_common.kit.errors import SettingsError
from sluice_common.kit.settings import load
from sluice_common.kit.urls import public

Row = dict[str, Any]


def doctor(ctx: typer.Context, json: Json = False) -> None:
    """Look the whole set-up over: each check with what is the case and what to do.

    Exit codes: 1 something failed, 3 Sluice cannot be reached; warnings and what could not be tried are 0.
    """
    statuses: list[str] = []

    async def work(api: Api) -> None:
        answer = await api.get("/doctor")
        statuses.append(answer.document["status"])
        show(answer, json, tables.doctor)

    try:
        talk(ctx, work)
    except Unreachable as error:
        document = {"status": "failed", "items": list(unreachable(ctx.obj, str(error)))}
        show(Answer(msgspec.json.encode(document), document), json, tables.doctor)
        raise typer.Exit(error.code) from None
    raise typer.Exit(1 if statuses == ["failed"] else 0)


def unreachable(given: Given, why: str) -> Iterator[Row]:
    """What can be said without a gateway: who was asked, whether `sluice up` runs here, and the configuration."""
    named = given.url or given.environ.get("SLUICE_URL")
    where = (
        "is the URL right, and does it run there?" if named else f"the data directory is {given.data}: is it the one?"
    )
    advice = f"{where} SLUICE_DATA names another; {START}"
    yield _row(
        "gateway", public(named) if named else str(given.data), "unreachable", why.removesuffix(f"; {START}"), advice
    )
    if named:
        return
    noted = _noted(given.data / RUN_FILE)
    if noted is not None and not _lives(noted.get("pid")):
        detail = f"{given.data / RUN_FILE} was left by a `sluice up` that is gone"
        yield _row("gateway", str(given.data), "not_running", detail, f"start it: {START}")
    try:
        load(given.data / "sluice.yaml", given.environ)
    except SettingsError as error:
        for fault in error.faults:
            advice = f"correct {given.data / 'sluice.yaml'}, then start Sluice"
            yield _row("configuration", "sluice.yaml", "configuration_wrong", fault, advice)


def _row(check: str, subject: str, code: str, detail: str, advice: str) -> Row:
    said = {"check": check, "subject": subject, "status": "failed", "code": code, "detail": detail, "advice": advice}
    return {**said, "client": None, "library": None}


def _noted(path: Path) -> Row | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):
        return None


def _lives(pid: object) -> bool:
    """Whether the process is there, as far as we may know."""
    if not isinstance(pid, int):
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

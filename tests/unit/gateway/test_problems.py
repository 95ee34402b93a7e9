"""Problem documents: one shape, and no error's own words unless they are ours."""

from __future__ import annotations

from litestar.exceptions import HTTPException, NotFoundException, ValidationException

from sluice_common.kit.errors import Problem
from sluice_gateway.commands import Duplicate
from sluice_gateway.http.problems import as_problem, document
from sluice_gateway.live.freshness import ClientState
from sluice_gateway.schemas import queue_row
from unit.gateway.made import entry


def test_the_shape() -> None:
    """RFC 9457's members, our code and the request id; what a problem adds cannot replace them."""
    problem = Problem("url_refused", 403, "no", host="h", instance="/forged")
    assert document(problem, "/api/v1/downloads", "r1") == {
        "type": "urn:sluice:problem:url_refused",
        "title": "Url refused",
        "status": 403,
        "detail": "no",
        "code": "url_refused",
        "instance": "/api/v1/downloads",
        "request_id": "r1",
        "host": "h",
    }


def test_a_duplicate_carries_the_row() -> None:
    """So that nobody has to look for it."""
    row = queue_row(entry("a1"), ClientState(name="deluge", health="ok", stale=False), None)
    assert document(Duplicate(row), "/", "r1")["download"] is row


def test_an_unknown_error_says_nothing() -> None:
    """Its text may hold a secret or a path; the log has it."""
    for error in (RuntimeError("password=hunter2"), HTTPException("hunter2", status_code=500)):
        problem = as_problem(error)
        assert (problem.code, problem.status) == ("internal_error", 500)
        assert "hunter2" not in problem.detail


def test_the_frameworks_refusals_are_ours() -> None:
    """Also what no route of ours raised is a problem with a code."""
    assert as_problem(NotFoundException()).code == "not_found"
    fault = ValidationException(extra=[{"key": "limit", "message": "Expected `int` <= 500", "source": "query"}])
    assert as_problem(fault).detail == "limit: must be 500 or less"
    assert as_problem(ValidationException()).code == "invalid_request"
    teapot = as_problem(HTTPException("x", status_code=418))
    assert (teapot.code, teapot.status, teapot.detail) == ("invalid_request", 418, "I'm a Teapot")

"""RFC 9457 problem documents, made here and nowhere else. No error's own text leaves the process unless it is ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.routes import HTTPRoute
from msgspec import Meta

from sluice_common.kit import log as logging
from sluice_common.kit.errors import Problem
from sluice_gateway.commands import Duplicate
from sluice_gateway.http.words import in_words

log = logging.get(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What every refusal looks like. Some codes carry further members, such as `download` of a `duplicate`."""

    type: Annotated[str, Meta(examples=["urn:sluice:problem:unknown_client"])]
    title: Annotated[str, Meta(examples=["Unknown client"])]
    status: Annotated[int, Meta(examples=[404])]
    detail: Annotated[str, Meta(description="what is wrong and what to do")]
    code: Annotated[str, Meta(description="stable; decide by this", examples=["unknown_client"])]
    instance: Annotated[str, Meta(description="the path that was asked")]
    request_id: Annotated[str, Meta(description="also in the header X-Request-Id and in the log")]


def document(problem: Problem, instance: str, request_id: str) -> dict[str, object]:
    """The problem as a JSON object; what is ours to say wins over what the problem adds."""
    extra: dict[str, object] = dict(problem.extra)
    if isinstance(problem, Duplicate):
        extra["download"] = problem.download
    return extra | {
        "type": f"urn:sluice:problem:{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "instance": instance,
        "request_id": request_id,
    }


def encode(problem: Problem, instance: str, request_id: str) -> bytes:
    """The document's bytes."""
    return msgspec.json.encode(document(problem, instance, request_id))


def as_problem(error: Exception) -> Problem:
    """Any error as the problem that people get."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationException):
        return Problem("invalid_request", 400, _faults(error))
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _framework_problem(error)
    log.error("request_failed", exc_info=error)
    return Problem("internal_error", 500, "something went wrong inside; the log says what under this request id")


_WORDS: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "there is nothing at this path; GET /schema/openapi.json lists what there is"),
    405: ("method_not_allowed", "this path does not take this method; the header Allow says which it takes"),
    413: ("too_large", "the body is over its limit; a .torrent may have 5 MiB"),
}


def _framework_problem(error: HTTPException) -> Problem:
    code, detail = _WORDS.get(error.status_code, ("invalid_request", ""))
    if error.status_code == 400:
        detail = "the body cannot be read; it must be one JSON object as in /schema/openapi.json"
    return Problem(code, error.status_code, detail or HTTPStatus(error.status_code).phrase)


def _faults(error: ValidationException) -> str:
    """msgspec's messages name fields and types, and of values no more than a word that was none of those allowed."""
    faults = error.extra if isinstance(error.extra, list) else []
    told = [_fault(fault.get("key", "body"), fault.get("message", "invalid")) for fault in faults]
    return "; ".join(told)[:1000] or "a parameter or the body does not fit; see /schema/openapi.json"


def _fault(key: str, message: str) -> str:
    field, what = in_words(message)
    return f"{field or key}: {what}"


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    problem = as_problem(error)
    body = encode(problem, request.url.path, request.scope["state"].get("request_id", ""))
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=_headers(request, problem))


def _headers(request: Request[Any, Any, Any], problem: Problem) -> dict[str, str]:
    """A 405 has to say what is allowed; Litestar does not."""
    return {"Allow": ", ".join(sorted(_methods(request)))} if problem.status == 405 else {}


def _methods(request: Request[Any, Any, Any]) -> set[str]:
    path, methods = request.url.path.rstrip("/"), set[str]()
    for route in request.app.routes:
        pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(route.path_format))
        if isinstance(route, HTTPRoute) and re.fullmatch(pattern, path):
            methods |= {str(method) for method in route.methods}
    return methods


def documented(*problems: tuple[int, str, str]) -> dict[int, ResponseSpec]:
    """The refusals of a route for the OpenAPI document: (status, code, example of a detail)."""
    by_status: dict[int, list[Example]] = {}
    for status, code, detail in problems:
        value = document(Problem(code, status, detail), "/api/v1/…", "5f0c9a3b2e6d4c18")
        by_status.setdefault(status, []).append(Example(id=code, summary=code, value=value))
    return {
        status: ResponseSpec(
            ProblemDocument,
            generate_examples=False,
            description=HTTPStatus(status).phrase,
            media_type=MEDIA_TYPE,
            examples=examples,
        )
        for status, examples in by_status.items()
    }

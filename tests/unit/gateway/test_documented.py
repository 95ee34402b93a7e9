"""The OpenAPI document names what an edit may be refused with."""

from __future__ import annotations

import re
from pathlib import Path

from sluice_client_poller import adapters
from sluice_gateway.http import changing, steering

REFUSED_AS = re.compile(r"Problem\(\s*\"(\w+)\", \d+")


def documented_codes(route: object) -> set[str]:
    """The codes among a route's examples."""
    responses = getattr(route, "responses", None) or {}
    return {example.id for spec in responses.values() for example in spec.examples}


def test_every_refusal_of_an_edit_is_documented() -> None:
    """Whatever code an adapter's edits are refused with is in the document of the route that passes it on."""
    sources = [
        path
        for path in Path(adapters.__path__[0]).rglob("*.py")
        if path.name in ("edits.py", "changes.py", "checks.py")
    ]
    codes = {code for path in sources for code in REFUSED_AS.findall(path.read_text())}
    assert {"client_refused", "not_queued", "save_path_invalid"} <= codes
    assert codes - documented_codes(changing.edit) == set()
    assert {"limit_invalid", "client_refused"} <= documented_codes(steering.control)

"""Which Host headers are answered: the defence against a web page that resolves its own name to us. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence

from sluice_common.kit.errors import Problem

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_LOCAL_ENDINGS = (".localhost", ".local", ".lan")


def check(headers: Sequence[str], hosts: Collection[str]) -> None:
    """`headers` are the request's Host headers, `hosts` what `gateway.hosts` adds. Raises Problem."""
    if len(headers) != 1:
        raise Problem("bad_host", 400, "the request must have exactly one Host header")
    name = _host(headers[0])
    if name is None:
        raise Problem("bad_host", 400, "the Host header is not a host name or an address")
    if not _is_allowed(name, hosts):
        raise Problem(
            "host_not_allowed",
            421,
            f"this gateway does not answer for {name!r}; if it should, add it in sluice.yaml: "
            f"gateway: {{hosts: [{name}]}}",
        )


def _host(header: str) -> str | None:
    """The name or address without its port, in lower case; None for what is neither."""
    text, bracket, rest = header.lower().partition("]")
    if bracket:
        return text[1:] if text.startswith("[") and _is_port(rest) and _is_address(text[1:]) else None
    name, colon, port = text.partition(":")
    name = name.removesuffix(".")
    well_formed = len(name) <= 253 and _NAME.fullmatch(name) is not None
    return name if well_formed and _is_port(colon + port) else None


def _is_port(text: str) -> bool:
    return text == "" or re.fullmatch(r":\d{0,5}", text) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_allowed(name: str, hosts: Collection[str]) -> bool:
    listed = {host.lower().removesuffix(".") for host in hosts}
    return _is_address(name) or "." not in name or name.endswith(_LOCAL_ENDINGS) or name in listed

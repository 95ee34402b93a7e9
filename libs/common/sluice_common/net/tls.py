"""Whom a TLS connection trusts: the machine's authorities, a configured one, or one very certificate."""

from __future__ import annotations

import hashlib
import ssl
from functools import cache

import certifi
from typing_extensions import override

from sluice_common.kit.settings import TlsSettings


class PinMismatch(ssl.SSLError):
    """The server's certificate is not the pinned one. `found` is its SHA-256, which is no secret."""

    def __init__(self, found: str) -> None:
        super().__init__("another certificate than the pinned one")
        self.found = found


@cache
def trusted() -> ssl.SSLContext:
    """The machine's certificate authorities (also `SSL_CERT_FILE`) and Mozilla's, for images that have none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def trust(told: TlsSettings) -> ssl.SSLContext:
    """The authorities in `ca_file` and no others, or the certificate with the SHA-256 `pin`, whoever signed it and
    whatever name it has; where neither is given, whom the machine trusts."""
    if told.pin is not None:
        return _pinned(told.pin)
    return ssl.create_default_context(cafile=str(told.ca_file)) if told.ca_file is not None else trusted()


def _pinned(pin: str) -> ssl.SSLContext:
    """Checked within the handshake: nothing is sent, no password either, to a server with another certificate."""

    class Pinned(ssl.SSLObject):
        @override
        def do_handshake(self) -> None:
            super().do_handshake()
            found = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if found != pin:
                raise PinMismatch(found)

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.sslobject_class = Pinned
    return made

"""API keys as values: how one looks, its hash, comparing. Pure but for the randomness handed in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable

_KEY = re.compile(r"sluice_[A-Za-z0-9_-]{43}")


def make(random_bytes: Callable[[int], bytes]) -> str:
    """A new key: 256 random bits."""
    return "sluice_" + base64.urlsafe_b64encode(random_bytes(32)).decode().rstrip("=")


def is_key(text: str) -> bool:
    """Whether it looks like one of ours."""
    return _KEY.fullmatch(text) is not None


def digest(key: str) -> bytes:
    """What is kept of a key. A slow hash would add nothing: 256 random bits cannot be guessed."""
    return hashlib.sha256(key.encode()).digest()


def among(key: str, digests: Iterable[bytes]) -> bool:
    """Whether the key is one of those, in a time that tells nothing about them."""
    given, found = digest(key), False
    for known in digests:
        found |= hmac.compare_digest(given, known)
    return found

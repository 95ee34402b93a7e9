"""API keys as values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sluice_gateway.auth import keys


@given(st.binary(min_size=32, max_size=32))
def test_a_made_key_is_one(random: bytes) -> None:
    """Every key that is made looks like one, holds all its randomness, and is accepted by its hash alone."""
    key = keys.make(lambda size: random[:size])
    assert keys.is_key(key)
    assert len(keys.digest(key)) == 32
    assert keys.among(key, [b"x" * 32, keys.digest(key)])
    assert keys.among(key, [keys.digest(key), b"x" * 32])
    assert not keys.among(key, [keys.digest(key + "x"), random])
    assert not keys.among(key, [])


@given(st.text())
def test_other_text_is_not(text: str) -> None:
    """What does not look like a key is never hashed and compared."""
    assert not keys.is_key(text)
    assert not keys.is_key(f"sluice_{text}")

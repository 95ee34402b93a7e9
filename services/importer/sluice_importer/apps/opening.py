"""Calls to an app as the configuration names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice_common.kit.settings import AppSettings

if TYPE_CHECKING:
    from sluice_arr import App


def opened(settings: AppSettings) -> App:
    """A context manager; nothing is sent yet."""
    from sluice_arr import App  # with httpx, which a household without apps need not hold in memory

    assert settings.type is not None, "settings name the kind of every app"
    return App(settings.type, settings.url, settings.api_key.get_secret_value())
